//! What a client knows of its connection to the brokers.
//!
//! librdkafka reports a wrong password or an unknown CA to its callers only as "transport failure"
//! or "timed out"; the true cause passes by once, in its error callback. A [`Connection`] keeps it
//! and turns it into a [`ConnectionCause`] that an error can carry.

use crate::cause::{ConnectionCause, ConnectionError};
use crate::mask::masked;
use crate::tls_probe;
use parking_lot::Mutex;
use rws_kafka_config::Properties;
use rws_kafka_observe::text::printable;
use rws_kafka_observe::{LogRate, non_zero};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The last known cause of one client's trouble with its brokers.
#[derive(Debug)]
pub struct Connection {
    properties: Properties,
    cause: Arc<Mutex<Cause>>,
    /// Whether there is a cause: spares each acknowledged message the lock.
    troubled: AtomicBool,
    log_rate: LogRate,
    /// For errors of other kinds.
    other_rate: LogRate,
}

#[derive(Debug, Default)]
struct Cause {
    last: Option<ConnectionCause>,
    /// No broker has answered since.
    down_since: Option<Instant>,
    probe: CertificateProbe,
}

/// When the certificate was last probed.
#[derive(Debug, Default)]
struct CertificateProbe {
    running: bool,
    last: Option<Instant>,
}

impl Connection {
    /// Keeps the causes of a client made with `properties`.
    pub fn new(properties: Properties) -> Self {
        Self {
            properties,
            cause: Arc::default(),
            troubled: AtomicBool::new(false),
            log_rate: LogRate::new(Duration::from_secs(10)),
            other_rate: LogRate::new(Duration::from_secs(1)),
        }
    }

    /// The last cause since the brokers last answered.
    pub fn cause(&self) -> Option<ConnectionCause> {
        self.cause.lock().last.clone()
    }

    /// The brokers answered: what went wrong before is over.
    pub fn recovered(&self) {
        if self.troubled.load(Ordering::Relaxed) {
            self.troubled.store(false, Ordering::Relaxed);
            let mut cause = self.cause.lock();
            cause.last = None;
            cause.down_since = None;
            cause.probe.last = None;
        }
    }

    /// No broker answered in time.
    pub fn unanswered(&self) {
        self.cause
            .lock()
            .down_since
            .get_or_insert_with(Instant::now);
        self.troubled.store(true, Ordering::Relaxed);
    }

    /// How long the brokers have been known to be down; `None` as long as one may answer.
    pub fn down_for(&self) -> Option<Duration> {
        if !self.troubled.load(Ordering::Relaxed) {
            return None;
        }
        Some(self.cause.lock().down_since?.elapsed())
    }

    /// Takes note of an error that the client's error callback reported.
    ///
    /// OpenSSL has the same words for an unknown CA and a wrong host name. On the first failed
    /// verification one connection is made in the background, with no credentials and no check of
    /// the host name, to find out which it was; until its answer the cause is
    /// [`ConnectionCause::Tls`]. It is made again after a broker has answered, and once a minute while
    /// verification keeps failing.
    pub fn failed(&self, error: ConnectionError, reason: &str) {
        let detail = masked(&self.properties, without_client_name(reason));
        let detail = printable(&detail).into_owned();
        let verification =
            error == ConnectionError::Ssl && detail.contains("certificate verify failed");
        let mut cause = self.cause.lock();
        let told = match error {
            ConnectionError::Authentication => ConnectionCause::Authentication { detail },
            ConnectionError::Resolve => ConnectionCause::UnknownHost { detail },
            ConnectionError::Ssl if verification => {
                if cause.probe.is_due(Instant::now()) {
                    self.probe_certificate(detail.clone());
                }
                match &cause.last {
                    Some(
                        known @ (ConnectionCause::UntrustedCertificate { .. }
                        | ConnectionCause::HostNameMismatch { .. }),
                    ) => known.clone(),
                    _ => ConnectionCause::Tls { detail },
                }
            }
            ConnectionError::Ssl => ConnectionCause::Tls { detail },
            // "Connection refused" follows most of the others, and tells less. Not less than a
            // handshake that was cut, as by a proxy whose broker is about to go.
            ConnectionError::Transport => match cause.last.take() {
                None | Some(ConnectionCause::Unreachable { .. } | ConnectionCause::Tls { .. }) => {
                    ConnectionCause::Unreachable { detail }
                }
                Some(known) => known,
            },
            ConnectionError::AllDown => {
                let known = cause.last.take();
                known.unwrap_or(ConnectionCause::Unreachable { detail })
            }
        };
        if error == ConnectionError::AllDown {
            cause.down_since.get_or_insert_with(Instant::now);
        }
        if cause.last.as_ref() != Some(&told)
            && let Some(held_back) = self.log_rate.admit()
        {
            tracing::warn!(target: "rws_kafka", held_back = non_zero(held_back), "{told}");
        }
        cause.last = Some(told);
        self.troubled.store(true, Ordering::Relaxed);
    }

    /// Writes an error that tells nothing of the connection to the log.
    pub(crate) fn log_other(&self, error: &impl fmt::Display, reason: &str) {
        if let Some(held_back) = self.other_rate.admit() {
            let reason = masked(&self.properties, reason);
            let (reason, held_back) = (printable(&reason), non_zero(held_back));
            tracing::warn!(target: "rws_kafka", %error, %reason, held_back, "Kafka client error");
        }
    }

    fn probe_certificate(&self, detail: String) {
        let properties = self.properties.clone();
        let cause = Arc::clone(&self.cause);
        let probe = std::thread::Builder::new().name("rws-kafka-tls-probe".to_owned());
        let spawned = probe.spawn(move || {
            let trusted = tls_probe::certificate_is_trusted(&properties);
            let mut cause = cause.lock();
            cause.probe.running = false;
            // Without a cause, the brokers have answered in the meantime.
            if let (Some(trusted), Some(last)) = (trusted, &mut cause.last) {
                *last = if trusted {
                    ConnectionCause::HostNameMismatch { detail }
                } else {
                    ConnectionCause::UntrustedCertificate { detail }
                };
            }
        });
        if let Err(error) = spawned {
            tracing::warn!(target: "rws_kafka", %error, "cannot start the TLS probe");
        }
    }
}

impl CertificateProbe {
    /// How long the answer of a probe holds while verification keeps failing: each one costs threads
    /// and a connection.
    const HOLDS: Duration = Duration::from_secs(60);

    /// Returns `true` if a probe is to be made now, and takes it as made.
    fn is_due(&mut self, now: Instant) -> bool {
        let holds = |last: Instant| now.saturating_duration_since(last) < Self::HOLDS;
        if self.running || self.last.is_some_and(holds) {
            return false;
        }
        *self = Self {
            running: true,
            last: Some(now),
        };
        true
    }
}

/// librdkafka begins each reason with `[thrd:…]: ` or the client's name.
fn without_client_name(reason: &str) -> &str {
    reason
        .strip_prefix("[thrd:")
        .and_then(|rest| rest.split_once("]: "))
        .map_or(reason, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_probed_once_a_minute_at_most() {
        let (mut probe, now) = (CertificateProbe::default(), Instant::now());
        let mut is_due = |seconds, ends: bool| {
            let is_due = probe.is_due(now + Duration::from_secs(seconds));
            probe.running &= !ends;
            is_due
        };
        assert!(is_due(0, false));
        assert!(!is_due(61, true), "it is still running");
        assert!(is_due(61, true));
        assert!(!is_due(62, false) && !is_due(120, false));
        assert!(is_due(121, false));
    }

    #[test]
    fn what_a_broker_says_cannot_forge_a_line() {
        let connection = Connection::new(Properties::default());
        let words = "[thrd:x]: refused\n2026-01-01 INFO forged \u{1b}[31m";
        connection.failed(ConnectionError::Authentication, words);
        let cause = connection.cause().expect("a cause");
        let ConnectionCause::Authentication { detail } = cause else {
            panic!("{cause:?}");
        };
        assert_eq!(detail, r"refused\n2026-01-01 INFO forged \u{1b}[31m");
    }

    #[test]
    fn the_brokers_are_down_from_the_first_sign_to_the_first_answer() {
        let connection = Connection::new(Properties::default());
        connection.failed(ConnectionError::Transport, "connection refused");
        assert_eq!(connection.down_for(), None, "others may answer");
        connection.failed(ConnectionError::AllDown, "1/1 brokers are down");
        assert!(connection.down_for().is_some());
        connection.recovered();
        assert_eq!(connection.down_for(), None);
        connection.unanswered();
        assert!(connection.down_for().is_some());
    }
}
