//! The librdkafka properties under `[kafka.properties]`.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use crate::catalogue::{self, Scope};
use crate::error::{Problem, ProblemKind};
use crate::files;
use crate::hint;
use crate::origin::Origin;
use crate::raw::{PropertyEntry, RawValue};
use crate::secrets::{REDACTED, is_secret_value};
use crate::settings::Key;

/// Properties whose files librdkafka opens when a client is created; a pipe would block it.
const FILES: &[&str] = &[
    "https.ca.location",
    "sasl.oauthbearer.assertion.file",
    "sasl.oauthbearer.assertion.jwt.template.file",
    "sasl.oauthbearer.assertion.private.key.file",
    "ssl.crl.location",
    "ssl.keystore.location",
];

/// A property that is passed to librdkafka unchanged.
pub(crate) struct PassThrough {
    pub(crate) name: &'static str,
    pub(crate) scope: Scope,
    pub(crate) value: SecretString,
    pub(crate) origin: Origin,
}

impl PassThrough {
    pub(crate) fn is_secret(&self) -> bool {
        is_secret_value(self.name, self.value.expose_secret())
    }

    pub(crate) fn shown(&self) -> String {
        if self.is_secret() {
            REDACTED.to_owned()
        } else {
            self.value.expose_secret().to_owned()
        }
    }
}

impl fmt::Debug for PassThrough {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.shown())
    }
}

/// Checks the names and takes each property from the highest layer that sets it.
pub(crate) fn check(entries: &[PropertyEntry], problems: &mut Vec<Problem>) -> Vec<PassThrough> {
    let mut accepted: Vec<PassThrough> = Vec::new();
    for entry in entries {
        match check_one(entry) {
            Ok(property) => {
                let name = catalogue::canonical(property.name);
                let same = |other: &&mut PassThrough| catalogue::canonical(other.name) == name;
                match accepted.iter_mut().find(same) {
                    None => accepted.push(property),
                    Some(other)
                        if other.name != property.name
                            && other.origin.layer() == property.origin.layer() =>
                    {
                        problems.push(Problem::new(
                            ProblemKind::Conflict,
                            &property.origin,
                            format!(
                                "is the same property as `{}`, which is set too: keep one",
                                other.name
                            ),
                        ));
                    }
                    Some(other) => *other = property,
                }
            }
            Err(problem) => problems.push(problem),
        }
    }
    accepted
}

fn check_one(entry: &PropertyEntry) -> Result<PassThrough, Problem> {
    let name = entry.name.as_str();
    let problem = |kind, message: String| Problem::new(kind, &entry.origin, message);

    if let Some(key) = Key::find(|setting| setting.properties().contains(&name)) {
        let setting = key.setting();
        return Err(problem(
            ProblemKind::Refused,
            format!(
                "is set by the setting `{}`: use that instead ({}, {}=)",
                setting.key(),
                setting.env(),
                setting.flag(),
            ),
        ));
    }
    if let Some(reason) = owned_by_engine(name) {
        return Err(problem(
            ProblemKind::Refused,
            format!("may not be set: {reason}"),
        ));
    }
    let Some(known) = catalogue::find(name) else {
        return Err(problem(
            ProblemKind::Unknown,
            format!(
                "is not a property of librdkafka 2.12{}",
                hint::for_property(name)
            ),
        ));
    };
    let value = match &entry.value {
        RawValue::Text(text) => text,
        RawValue::NotUnicode => {
            return Err(problem(
                ProblemKind::Invalid,
                "found text that is not UTF-8".to_owned(),
            ));
        }
        RawValue::WrongType(found) => {
            return Err(problem(
                ProblemKind::Invalid,
                format!("found {found}; allowed: a string, an integer, a float or a boolean"),
            ));
        }
    };
    if FILES.contains(&known.name) && files::is_neither_file_nor_folder(value.expose_secret()) {
        return Err(problem(
            ProblemKind::File,
            "names a pipe, a socket or a device, and must name a regular file".to_owned(),
        ));
    }
    if value.expose_secret().contains('\0') {
        return Err(problem(
            ProblemKind::Invalid,
            "found a NUL character, which librdkafka does not accept".to_owned(),
        ));
    }
    Ok(PassThrough {
        name: known.name,
        scope: known.scope,
        value: value.clone(),
        origin: entry.origin.clone(),
    })
}

/// Returns the value of a property, by its name or any of its aliases.
pub(crate) fn value_of<'a>(properties: &'a [PassThrough], name: &str) -> Option<&'a str> {
    find(properties, name).map(|property| property.value.expose_secret())
}

/// Returns a property, by its name or any of its aliases.
pub(crate) fn find<'a>(properties: &'a [PassThrough], name: &str) -> Option<&'a PassThrough> {
    let name = catalogue::canonical(name);
    properties
        .iter()
        .find(|property| catalogue::canonical(property.name) == name)
}

/// Returns why users may not set this property, if a guarantee of the producer or the consumer depends on
/// its value.
fn owned_by_engine(name: &str) -> Option<&'static str> {
    Some(match name {
        "enable.auto.commit"
        | "auto.commit.enable"
        | "auto.commit.interval.ms"
        | "enable.auto.offset.store"
        | "offset.store.method"
        | "offset.store.path"
        | "offset.store.sync.interval.ms" => {
            "the consumer itself commits an offset once its message is handled"
        }
        "enable.partition.eof" => "the consumer does not use end-of-partition events",
        "enable.idempotence" => {
            "the producer is always idempotent; otherwise retries could reorder messages"
        }
        "acks" | "request.required.acks" => {
            "the producer always waits for all in-sync replicas; otherwise messages could be lost"
        }
        "delivery.report.only.error" => "the producer counts every delivery",
        "transactional.id" => "it must be unique to each producer: set it on the producer, in code",
        "log.queue" | "enabled_events" | "builtin.features" | "internal.termination.signal" => {
            "the client library sets it"
        }
        "background_event_cb"
        | "closesocket_cb"
        | "connect_cb"
        | "consume_cb"
        | "default_topic_conf"
        | "dr_cb"
        | "dr_msg_cb"
        | "error_cb"
        | "interceptors"
        | "log_cb"
        | "msg_order_cmp"
        | "oauthbearer_token_refresh_cb"
        | "offset_commit_cb"
        | "opaque"
        | "open_cb"
        | "partitioner_cb"
        | "rebalance_cb"
        | "resolve_cb"
        | "socket_cb"
        | "ssl_ca"
        | "ssl_certificate"
        | "ssl_engine_callback_data"
        | "ssl_key"
        | "ssl.certificate.verify_cb"
        | "stats_cb"
        | "throttle_cb" => "it is a pointer of librdkafka's C interface, which text cannot set",
        _ => return None,
    })
}
