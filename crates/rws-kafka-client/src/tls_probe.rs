//! Distinguishes an unknown CA from a wrong host name, for which OpenSSL has the same message.

use crate::deadline::Deadline;
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, DeliveryResult, ProducerContext};
use rws_kafka_config::Properties;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

/// How long a broker may take to send its certificate.
const PATIENCE: Duration = Duration::from_secs(5);

const UNKNOWN: u8 = 0;
const TRUSTED: u8 = 1;
const UNTRUSTED: u8 = 2;

/// Connects once with TLS, without credentials and without checking the host name. Returns `true` if the
/// broker's certificate is trusted.
///
/// Returns `None` if no broker answered within 5 s.
pub(crate) fn certificate_is_trusted(properties: &Properties) -> Option<bool> {
    let mut config = ClientConfig::new();
    for (name, value) in properties.iter() {
        if name == "bootstrap.servers" || name.starts_with("ssl.ca.") {
            config.set(name, value);
        }
    }
    config
        .set("security.protocol", "SSL")
        .set("reconnect.backoff.ms", "1000")
        .set("ssl.endpoint.identification.algorithm", "none")
        // Its log lines about states show when the handshake is over.
        .set("debug", "broker")
        .set_log_level(RDKafkaLogLevel::Debug);
    let probe: BaseProducer<Probe> = config.create_with_context(Probe::default()).ok()?;
    let until = Deadline::after(PATIENCE);
    while !until.has_passed() {
        probe.poll(Duration::from_millis(50));
        match rdkafka::producer::Producer::context(&probe)
            .verdict
            .load(Ordering::Relaxed)
        {
            TRUSTED => return Some(true),
            UNTRUSTED => return Some(false),
            _ => {}
        }
    }
    None
}

#[derive(Default)]
struct Probe {
    verdict: AtomicU8,
}

impl Probe {
    fn decide(&self, verdict: u8) {
        // Only the first verdict counts: later errors do not concern the handshake.
        let _ =
            self.verdict
                .compare_exchange(UNKNOWN, verdict, Ordering::Relaxed, Ordering::Relaxed);
    }
}

impl ClientContext for Probe {
    fn log(&self, _: RDKafkaLogLevel, _: &str, line: &str) {
        if line.contains("SSL_HANDSHAKE -> APIVERSION_QUERY") {
            self.decide(TRUSTED);
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // TLS may also fail because the broker requires a client certificate.
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::SSL)
            && reason.contains("certificate verify failed")
        {
            self.decide(UNTRUSTED);
        }
    }
}

impl ProducerContext for Probe {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}
