use crate::error::ConsumerError;
use rws_kafka_producer::check_topic_name;
use std::collections::BTreeSet;

/// The topics that a replay may write to: the one that the queue is named after, and those that the caller
/// allows. The header of a dead letter does not count: otherwise anyone who may write to the queue could
/// write wherever the replay may.
#[derive(Clone, Debug)]
pub(super) struct Targets {
    queue: String,
    allowed: BTreeSet<String>,
}

const ENDINGS: [&str; 2] = ["dlq", "dlt"];
const SEPARATORS: [char; 3] = ['.', '-', '_'];

impl Targets {
    pub(super) fn of(queue: &str) -> Self {
        Self {
            queue: queue.to_owned(),
            allowed: named_after(queue).map(str::to_owned).into_iter().collect(),
        }
    }

    pub(super) fn allow(&mut self, topic: String) {
        self.allowed.insert(topic);
    }

    pub(super) fn contain(&self, topic: &str) -> bool {
        self.allowed.contains(topic)
    }

    /// Checks the allowed topics.
    ///
    /// # Errors
    ///
    /// [`ConsumerError::Setting`] if no dead letter can be written to one of them.
    pub(super) fn check(&self) -> Result<(), ConsumerError> {
        let named = named_after(&self.queue);
        for topic in &self.allowed {
            if named != Some(topic) && !is_possible(topic, &self.queue) {
                return refuse(format!(
                    "contain {topic:?}, to which no dead letter can be replayed: it must be a \
                     valid name, but neither an internal topic (__…) nor the queue itself"
                ));
            }
        }
        Ok(())
    }

    /// Checks that there is at least one topic.
    ///
    /// # Errors
    ///
    /// [`ConsumerError::Setting`] if there is none.
    pub(super) fn check_not_empty(&self) -> Result<(), ConsumerError> {
        if self.allowed.is_empty() {
            return refuse(format!(
                "are empty, and {:?} is not named after a topic ({{topic}}.dlq, {{topic}}-dlt or \
                 the like): add the topics to which its dead letters may be replayed",
                self.queue
            ));
        }
        Ok(())
    }
}

fn refuse(problem: String) -> Result<(), ConsumerError> {
    Err(ConsumerError::Setting {
        setting: "allow_targets",
        problem,
    })
}

/// Returns `true` if dead letters of `queue` can be written to `topic`, provided that it is allowed.
pub(super) fn is_possible(topic: &str, queue: &str) -> bool {
    check_topic_name(topic).is_ok() && topic != queue && !topic.starts_with("__")
}

/// The topic that a queue is named after: `orders` for `orders.dlq`, `orders-dlt` and `orders_DLQ`.
fn named_after(queue: &str) -> Option<&str> {
    let (topic, ending) = queue.rsplit_once(SEPARATORS)?;
    let is_queue = ENDINGS
        .iter()
        .any(|known| known.eq_ignore_ascii_case(ending));
    (is_queue && is_possible(topic, queue)).then_some(topic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_serves_the_topic_that_it_is_named_after() {
        for (queue, expected) in [
            ("orders.created.dlq", Some("orders.created")),
            ("orders.created-dlt", Some("orders.created")),
            ("orders.created.DLT", Some("orders.created")),
            ("orders_created_Dlq", Some("orders_created")),
            ("orders.dlq.dlq", Some("orders.dlq")),
            ("dlq", None),
            (".dlq", None),
            ("..dlq", None),
            ("ordersdlq", None),
            ("orders.dead", None),
            ("orders.dlq.old", None),
            ("__consumer_offsets.dlq", None),
        ] {
            assert_eq!(named_after(queue), expected, "{queue}");
            let mut targets = Targets::of(queue);
            assert_eq!(targets.check_not_empty().is_ok(), expected.is_some());
            assert!(expected.is_none_or(|topic| targets.contain(topic)));
            assert!(!targets.contain("payments"));
            targets.allow("payments".to_owned());
            assert!(targets.contain("payments"));
            targets
                .check()
                .and_then(|()| targets.check_not_empty())
                .unwrap();
        }
    }

    #[test]
    fn what_no_letter_can_go_to_cannot_be_allowed() {
        for topic in [
            "__consumer_offsets",
            "__transaction_state",
            "",
            "no topic",
            "orders.dlq",
        ] {
            let mut targets = Targets::of("orders.dlq");
            targets.allow(topic.to_owned());
            let error = targets.check().unwrap_err().to_string();
            assert!(error.starts_with("allow_targets"), "{error}");
            assert!(error.contains(&format!("{topic:?}")), "{error}");
        }
    }
}
