//! The errors of librdkafka while a worker polls.
//!
//! rdkafka returns only the code of an error. The text that names the topic, the offset or the codec reaches
//! the error callback just before, within the same poll.

use crate::error::ConsumerError;
use parking_lot::Mutex;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rws_kafka_config::Properties;
use rws_kafka_dispatch::TopicPartition;
use rws_kafka_observe::text::printable;

/// The beginnings of librdkafka's messages about the group.
const OF_THE_GROUP: [&str; 4] = [
    "JoinGroup failed",
    "SyncGroup failed",
    "ConsumerGroupHeartbeat failed",
    "FindCoordinator response error",
];
/// The beginnings of librdkafka's messages that name their topics themselves.
const NAMES_ITS_TOPICS: [&str; 2] = [
    "Subscribed topic not available",
    "Failed to fetch committed offset",
];

/// Converts librdkafka's errors, together with the texts of its error callback.
pub(super) struct Complaints {
    last: Mutex<Option<(RDKafkaErrorCode, String)>>,
    strategy: String,
    instance_id: Option<String>,
}

/// An assigned partition that an error may be about.
pub(super) struct Suspect {
    pub(super) name: TopicPartition,
    /// The offset of its next message; `None` if none was read yet.
    pub(super) position: Option<i64>,
}

impl Complaints {
    /// Creates the converter of a client with `properties`.
    pub(super) fn new(properties: &Properties) -> Self {
        let strategy = properties.get("partition.assignment.strategy");
        Self {
            last: Mutex::default(),
            strategy: strategy.unwrap_or("range,roundrobin").to_owned(),
            instance_id: properties.get("group.instance.id").map(str::to_owned),
        }
    }

    /// Keeps the text of the error callback, for the error that follows.
    pub(super) fn note(&self, error: &KafkaError, reason: &str) {
        *self.last.lock() = error
            .rdkafka_error_code()
            .map(|code| (code, reason.to_owned()));
    }

    /// Converts an error that a poll returned. `suspects` are the assigned partitions.
    pub(super) fn error(
        &self,
        group: &str,
        error: &KafkaError,
        suspects: Vec<Suspect>,
    ) -> ConsumerError {
        let Some(code) = error.rdkafka_error_code() else {
            return ConsumerError::Fetch {
                partitions: Vec::new(),
                detail: described(error),
            };
        };
        let reason = self.reason(code);
        let begins_with = |texts: &[&str]| texts.iter().any(|text| reason.starts_with(text));
        let detail = self.detailed(code, &reason);
        if begins_with(&OF_THE_GROUP) || code == RDKafkaErrorCode::InconsistentGroupProtocol {
            return ConsumerError::Group {
                group: group.to_owned(),
                detail,
            };
        }
        let partitions = match begins_with(&NAMES_ITS_TOPICS) {
            true => Vec::new(),
            false => likely(suspects, offset_in(&reason)),
        };
        ConsumerError::Fetch { partitions, detail }
    }

    /// Converts the error of a client that has failed permanently.
    pub(super) fn fatal(&self, group: &str, code: RDKafkaErrorCode, reason: &str) -> ConsumerError {
        let reason = printable(reason);
        match (code, &self.instance_id) {
            (RDKafkaErrorCode::UnreleasedInstanceId, Some(id)) => ConsumerError::InstanceIdInUse {
                group: group.to_owned(),
                instance_id: id.clone(),
            },
            (RDKafkaErrorCode::FencedInstanceId, Some(id)) => ConsumerError::Fatal {
                detail: format!(
                    "{reason} ({code:?}): another consumer has joined the group {} with the same \
                     group.instance.id, {id:?}; give each an id of its own",
                    printable(group)
                ),
            },
            _ => ConsumerError::Fatal {
                detail: format!("{reason} ({code:?})"),
            },
        }
    }

    /// The text of `error`, for readers without a group.
    pub(super) fn detail(&self, error: &KafkaError) -> String {
        match error.rdkafka_error_code() {
            Some(code) => self.detailed(code, &self.reason(code)),
            None => described(error),
        }
    }

    fn reason(&self, code: RDKafkaErrorCode) -> String {
        let last = self.last.lock().take();
        let of_this = last.filter(|(of, _)| *of == code);
        of_this.map(|(_, reason)| reason).unwrap_or_default()
    }

    fn detailed(&self, code: RDKafkaErrorCode, reason: &str) -> String {
        let mut detail = match reason {
            "" => code.to_string(),
            reason => format!("{} ({code:?})", printable(reason)),
        };
        if let Some(advice) = self.advice(code, reason) {
            detail.push_str(": ");
            detail.push_str(&advice);
        }
        detail
    }

    fn advice(&self, code: RDKafkaErrorCode, reason: &str) -> Option<String> {
        match code {
            RDKafkaErrorCode::NotImplemented => {
                let (codec, feature) = missing_codec(reason)?;
                Some(format!(
                    "the messages are compressed with {codec}, which this build cannot read: enable \
                     the feature `{feature}` of the crate rws-kafka"
                ))
            }
            RDKafkaErrorCode::InconsistentGroupProtocol => Some(format!(
                "its other members share no assignment strategy with this one, whose \
                 partition.assignment.strategy is {:?}: give all members of the group the same \
                 strategy and group.protocol, or this worker a consumer group of its own",
                self.strategy
            )),
            _ => None,
        }
    }
}

/// The code of an error, once, with its meaning.
pub(super) fn described(error: &KafkaError) -> String {
    match error.rdkafka_error_code() {
        Some(code) => code.to_string(),
        None => error.to_string(),
    }
}

/// The codec that librdkafka was built without, and the feature that enables it.
fn missing_codec(reason: &str) -> Option<(&'static str, &'static str)> {
    let (_, rest) = reason.split_once("Decompression (codec 0x")?;
    let (attributes, _) = rest.split_once(')')?;
    // The lowest three bits of a record batch's attributes.
    match u8::from_str_radix(attributes, 16).ok()? & 7 {
        1 => Some(("gzip", "libz")),
        4 => Some(("zstd", "zstd")),
        _ => None,
    }
}

/// The offset that librdkafka names, as in "failed at offset 7 (…)" and "of message at 7 of 99 bytes".
fn offset_in(reason: &str) -> Option<i64> {
    reason.split("at ").skip(1).find_map(|rest| {
        let rest = rest.strip_prefix("offset ").unwrap_or(rest);
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok()
    })
}

/// The partitions whose next offset is `offset`; otherwise the unread ones; otherwise all.
fn likely(suspects: Vec<Suspect>, offset: Option<i64>) -> Vec<TopicPartition> {
    let at = |position: Option<i64>| {
        let found = suspects
            .iter()
            .filter(|suspect| suspect.position == position);
        found
            .map(|suspect| suspect.name.clone())
            .collect::<Vec<_>>()
    };
    let next = offset.map(|offset| at(Some(offset))).unwrap_or_default();
    let unread = at(None);
    [next, unread]
        .into_iter()
        .find(|partitions| offset.is_some() && !partitions.is_empty())
        .unwrap_or_else(|| suspects.into_iter().map(|suspect| suspect.name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::types::RDKafkaRespErr;

    fn complaints(settings: &[(&str, &str)]) -> Complaints {
        let mut properties = Properties::default();
        for (name, value) in settings {
            properties.set(*name, *value);
        }
        Complaints::new(&properties)
    }

    fn told(code: RDKafkaErrorCode, reason: &str, positions: &[Option<i64>]) -> String {
        let complaints = complaints(&[("partition.assignment.strategy", "range")]);
        complaints.note(&KafkaError::Global(code), reason);
        let suspects = (0..).zip(positions).map(|(number, position)| Suspect {
            name: TopicPartition::new("orders", number),
            position: *position,
        });
        let error = KafkaError::MessageConsumption(code);
        let error = complaints.error("billing", &error, suspects.collect());
        error.to_string()
    }

    #[test]
    fn a_topic_that_is_missing_is_named_and_the_code_stands_there_once() {
        let text = told(
            RDKafkaErrorCode::UnknownTopicOrPartition,
            "Subscribed topic not available: orders: Broker: Unknown topic or partition",
            &[Some(3)],
        );
        assert_eq!(
            text,
            "cannot fetch: Subscribed topic not available: orders: Broker: Unknown topic or \
             partition (UnknownTopicOrPartition)"
        );
    }

    #[test]
    fn a_codec_that_is_missing_is_named_with_its_partition_and_the_feature_to_enable() {
        let reason = |codec: &str| {
            format!(
                "Decompression (codec {codec}) of message at 7 of 61 bytes failed: Local: Not \
                 implemented"
            )
        };
        let code = RDKafkaErrorCode::NotImplemented;
        let text = told(code, &reason("0x4"), &[Some(3), Some(7), None]);
        assert_eq!(
            text,
            "cannot fetch from orders-1: Decompression (codec 0x4) of message at 7 of 61 bytes \
             failed: Local: Not implemented (NotImplemented): the messages are compressed with \
             zstd, which this build cannot read: enable the feature `zstd` of the crate rws-kafka"
        );
        // Together with the bit for the log append time.
        let text = told(code, &reason("0x9"), &[Some(3), None]);
        assert!(text.starts_with("cannot fetch from orders-1: "), "{text}");
        assert!(
            text.ends_with("feature `libz` of the crate rws-kafka"),
            "{text}"
        );
    }

    #[test]
    fn an_error_of_one_of_many_partitions_names_the_likely_ones() {
        let code = RDKafkaErrorCode::TopicAuthorizationFailed;
        let reason = "Fetch from broker 1 failed: Broker: Topic authorization failed";
        let text = told(code, reason, &[Some(3), Some(3), None]);
        assert!(text.starts_with("cannot fetch from one of orders-0, orders-1, orders-2: "));
        let text = told(code, reason, &[None; 9]);
        let shown = "from one of orders-0, orders-1, orders-2, orders-3, orders-4 and 4 more: ";
        assert!(text.contains(shown), "{text}");
        let code = RDKafkaErrorCode::UnknownPartition;
        let reason = "Fetch from broker 1 failed at offset 3 (leader epoch 0): Local: Unknown";
        let text = told(code, reason, &[Some(2), Some(3), Some(30)]);
        assert!(text.starts_with("cannot fetch from orders-1: "), "{text}");
    }

    #[test]
    fn mixed_strategies_name_the_group_ours_and_what_to_do() {
        let text = told(
            RDKafkaErrorCode::InconsistentGroupProtocol,
            "JoinGroup failed: Broker: Inconsistent group protocol",
            &[],
        );
        assert!(
            text.starts_with("cannot join the group billing: JoinGroup failed"),
            "{text}"
        );
        assert_eq!(
            text.matches("InconsistentGroupProtocol").count(),
            1,
            "{text}"
        );
        assert!(
            text.contains(r#"partition.assignment.strategy is "range""#),
            "{text}"
        );
    }

    #[test]
    fn what_was_said_of_another_error_is_not_told() {
        let complaints = complaints(&[]);
        let code = RDKafkaErrorCode::BrokerTransportFailure;
        complaints.note(&KafkaError::Global(code), "the wire was cut");
        let error = KafkaError::MessageConsumption(RDKafkaErrorCode::BadMessage);
        let text = complaints.error("billing", &error, Vec::new()).to_string();
        assert_eq!(text, "cannot fetch: BadMessage (Local: Bad message format)");
    }

    #[test]
    fn a_static_member_whose_id_is_taken_reads_which() {
        let complaints = complaints(&[("group.instance.id", "pod-3")]);
        let tell = |code| {
            complaints
                .fatal("billing", code, "Fatal consumer error")
                .to_string()
        };
        for code in [
            RDKafkaErrorCode::UnreleasedInstanceId,
            RDKafkaErrorCode::FencedInstanceId,
        ] {
            let text = tell(code);
            assert!(
                text.contains("billing") && text.contains("\"pod-3\""),
                "{text}"
            );
        }
        let other = RDKafkaErrorCode::from(RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_REQUEST);
        assert!(tell(other).ends_with("Fatal consumer error (InvalidRequest)"));
    }

    #[test]
    fn outside_text_cannot_forge_a_line() {
        let text = told(RDKafkaErrorCode::BadMessage, "a\nERROR b", &[]);
        assert!(!text.contains('\n'), "{text}");
    }
}
