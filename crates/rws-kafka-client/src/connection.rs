//! The state of a client's connection to the brokers.
//!
//! librdkafka reports a wrong password or an unknown CA to its callers only as "transport failure" or "timed
//! out"; its error callback gets the true cause once. A [`Connection`] keeps that cause and turns it into a
//! [`ConnectionCause`] that an error can contain.

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

/// The last known cause of a client's connection problem.
#[derive(Debug)]
pub struct Connection {
    properties: Properties,
    cause: Arc<Mutex<Cause>>,
    /// Set while there is a cause, so that acknowledged messages need not take the lock.
    troubled: AtomicBool,
    log_rate: LogRate,
    /// Limits the log lines of errors of other kinds.
    other_rate: LogRate,
}

#[derive(Debug, Default)]
struct Cause {
    last: Option<ConnectionCause>,
    /// Since when no broker has answered.
    down_since: Option<Instant>,
    probe: CertificateProbe,
}

/// The state of the certificate probe.
#[derive(Debug, Default)]
struct CertificateProbe {
    running: bool,
    last: Option<Instant>,
}

impl Connection {
    /// Creates the connection state of a client with `properties`.
    pub fn new(properties: Properties) -> Self {
        Self {
            properties,
            cause: Arc::default(),
            troubled: AtomicBool::new(false),
            log_rate: LogRate::new(Duration::from_secs(10)),
            other_rate: LogRate::new(Duration::from_secs(1)),
        }
    }

    /// Returns the last cause since a broker last answered.
    pub fn cause(&self) -> Option<ConnectionCause> {
        self.cause.lock().last.clone()
    }

    /// Notes that a broker has answered, which clears the cause.
    pub fn recovered(&self) {
        if self.troubled.load(Ordering::Relaxed) {
            self.troubled.store(false, Ordering::Relaxed);
            let mut cause = self.cause.lock();
            cause.last = None;
            cause.down_since = None;
            cause.probe.last = None;
        }
    }

    /// Notes that no broker answered in time.
    pub fn unanswered(&self) {
        self.cause
            .lock()
            .down_since
            .get_or_insert_with(Instant::now);
        self.troubled.store(true, Ordering::Relaxed);
    }

    /// Returns how long the brokers have been known to be unavailable; `None` while one may still answer.
    pub fn down_for(&self) -> Option<Duration> {
        if !self.troubled.load(Ordering::Relaxed) {
            return None;
        }
        Some(self.cause.lock().down_since?.elapsed())
    }

    /// Notes an error that the client's error callback reported.
    ///
    /// OpenSSL has the same message for an unknown CA and for a wrong host name. To find out which it is, the
    /// first failed verification starts one probe connection in the background, without credentials and
    /// without checking the host name. Until the probe ends, the cause is [`ConnectionCause::Tls`]. The probe
    /// is repeated after a broker has answered, and once a minute while verification keeps failing.
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
            // "Connection refused" often follows the real cause and says less. It does not say less than a
            // cut handshake, which a proxy causes whose broker is about to become unavailable.
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

    /// Logs an error that says nothing about the connection.
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
            // Without a cause, a broker has answered in the meantime.
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
    /// How long the result of a probe is valid while verification keeps failing. Each probe costs threads and
    /// a connection.
    const HOLDS: Duration = Duration::from_secs(60);

    /// Returns `true` if a probe is due, and marks it as started.
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

/// Strips the prefix `[thrd:…]: ` or the client's name, with which librdkafka begins each reason.
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
