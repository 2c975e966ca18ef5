//! The client behind a producer, and its replacement after a failure.
//!
//! librdkafka ends an idempotent client permanently when it can no longer guarantee the order of its
//! messages, and when its user is refused a producer id. The producer survives that: each message that the
//! failed client holds is reported as failed, once, and a new client takes the messages sent from then on.
//! Nothing is sent again here: a message whose outcome is unknown may already be stored, so that sending it
//! again could duplicate and reorder it. Only the caller knows whether that matters.

use crate::client::{Client, Connect, NotTaken, Wanted};
use crate::deliveries::Deliveries;
use crate::error::ProducerError;
use crate::record::Record;
use crate::token::Token;
use parking_lot::{Mutex, RwLock};
use rws_kafka_observe::trace::TraceContext;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The minimum time between the creation of two clients: at first, and after several clients in a row that
/// delivered nothing. Both before jitter.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How long the messages that a failed client has on the wire may still be acknowledged.
const GRACE: Duration = Duration::from_secs(1);
/// How long, after `GRACE` or after the last report, the next report may take.
const REPORTS: Duration = Duration::from_secs(1);

/// How long the successor of a failed client must live before a broker's answer counts: a missing permission
/// is refused only after some round trips.
const TRIAL: Duration = Duration::from_secs(2);

/// The current client of a producer.
pub(crate) struct Clients {
    connect: Arc<dyn Connect>,
    wanted: Wanted,
    current: RwLock<Arc<dyn Client>>,
    renewal: Mutex<Renewal>,
}

struct Renewal {
    /// When the current client was created.
    created: Instant,
    /// How many messages had been delivered by then.
    delivered: u64,
    /// How many clients in a row failed before the current one without delivering anything.
    barren: u32,
    /// Set once the current client has failed.
    failed: Option<Failed>,
}

#[derive(Clone, Copy)]
struct Failed {
    at: Instant,
    /// When the next client may be created.
    until: Instant,
    /// How many messages had no report at the last count.
    left: u64,
    /// When the next report is due.
    reports_by: Instant,
}

impl Clients {
    /// Creates the first client.
    pub(crate) fn new(connect: Arc<dyn Connect>, wanted: Wanted) -> Result<Self, ProducerError> {
        let first = connect.connect(&wanted)?;
        Ok(Self {
            connect,
            wanted,
            current: RwLock::new(first),
            renewal: Mutex::new(Renewal {
                created: Instant::now(),
                delivered: 0,
                barren: 0,
                failed: None,
            }),
        })
    }

    pub(crate) fn deliveries(&self) -> &Deliveries {
        &self.wanted.deliveries
    }

    /// Returns the current client, for an operation that takes a while.
    pub(crate) fn get(&self) -> Arc<dyn Client> {
        Arc::clone(&self.current.read())
    }

    /// Hands a message to the current client, and releases the client on return, so that callers may then
    /// wait.
    #[inline]
    pub(crate) fn enqueue(
        &self,
        record: &Record<'_>,
        context: Option<&TraceContext>,
        token: Token,
        sent_ms: i64,
    ) -> Result<(), NotTaken> {
        let client = self.current.read();
        client.enqueue(record, context, token, sent_ms)
    }

    /// Returns `true` while a broker's answer says little about the current client: it replaces a failed
    /// client, and may yet fail for the same cause.
    pub(crate) fn is_on_trial(&self) -> bool {
        let renewal = self.renewal.lock();
        renewal.failed.is_some()
            || (renewal.barren > 0
                && renewal.created.elapsed() < TRIAL
                && renewal.delivered == self.delivered())
    }

    /// Replaces the current client once it has failed, its messages have their outcomes, and the pause is
    /// over. The thread that serves deliveries calls this repeatedly. If `replace` is `false`, only the
    /// failed client's messages get their outcomes.
    pub(crate) fn look_after(&self, client: Arc<dyn Client>, replace: bool) {
        if !client.heals() {
            return;
        }
        let Some(detail) = client.failure() else {
            return;
        };
        let (in_flight, _) = self.deliveries().in_flight().count();
        let mut renewal = self.renewal.lock();
        let mut failed = match renewal.failed {
            Some(failed) => failed,
            None => {
                let failed = renewal.note_failure(self.delivered(), in_flight);
                drop(renewal);
                self.announce(&detail, failed);
                // After this, no sender is still using the client as it was before its failure.
                drop(self.current.write());
                renewal = self.renewal.lock();
                failed
            }
        };
        let now = Instant::now();
        let (in_flight, _) = self.deliveries().in_flight().count();
        if in_flight < failed.left {
            // Reports keep coming, however slow the callbacks are.
            failed.left = in_flight;
            failed.reports_by = failed.reports_by.max(now + REPORTS);
            renewal.failed = Some(failed);
        }
        if in_flight > 0 && now >= failed.at + GRACE {
            client.purge();
        }
        if !replace || now < failed.until || (in_flight > 0 && now < failed.reports_by) {
            return;
        }
        match self.connect.connect(&self.wanted) {
            Ok(next) => {
                *renewal = Renewal {
                    created: now,
                    delivered: self.delivered(),
                    barren: renewal.barren,
                    failed: None,
                };
                drop(renewal);
                // Ending the failed client takes a while and must not happen on this thread.
                drop(client);
                self.change(next, &detail);
                tracing::info!(target: "rws_kafka", "the producer has a new client");
            }
            Err(error) => {
                let pause = pause(renewal.barren);
                renewal.failed = Some(Failed {
                    until: now + pause,
                    ..failed
                });
                drop(renewal);
                tracing::error!(
                    target: "rws_kafka",
                    "the producer cannot replace its failed client and tries again in {pause:?}: \
                     {error}"
                );
            }
        }
    }

    fn announce(&self, detail: &str, failed: Failed) {
        let deliveries = self.deliveries();
        deliveries.health().unreachable();
        let error = ProducerError::ClientReplaced {
            detail: detail.to_owned(),
        };
        deliveries.note_error(&error);
        let (in_flight, _) = deliveries.in_flight().count();
        let pause = failed.until.saturating_duration_since(failed.at);
        tracing::error!(target: "rws_kafka", in_flight, ?pause, "{error}");
    }

    fn change(&self, next: Arc<dyn Client>, detail: &str) {
        let abandoned;
        let before = {
            let mut current = self.current.write();
            let before = std::mem::replace(&mut *current, next);
            // No thread is inside `enqueue`: all messages in flight belong to the failed client.
            before.disown();
            abandoned = self.deliveries().abandon();
            before
        };
        if let Some(abandoned) = abandoned {
            abandoned.report(detail);
        }
        // Dropping it takes up to a second, which must not delay deliveries. If no thread can be started, it
        // is dropped here.
        let _ = std::thread::Builder::new()
            .name("rws-kafka-client-end".to_owned())
            .spawn(move || drop(before));
    }

    fn delivered(&self) -> u64 {
        self.deliveries().recorders().totals().0
    }
}

impl Renewal {
    fn note_failure(&mut self, delivered: u64, in_flight: u64) -> Failed {
        self.barren = match delivered > self.delivered {
            true => 0,
            false => self.barren.saturating_add(1),
        };
        let now = Instant::now();
        let failed = Failed {
            at: now,
            until: (self.created + pause(self.barren)).max(now),
            left: in_flight,
            reports_by: now + GRACE + REPORTS,
        };
        self.failed = Some(failed);
        failed
    }
}

/// Returns how long a failed client must have lived for its successor to be created at once: 1 s, doubled for
/// each client that delivers nothing, up to 10 s. Jitter adds up to half, so that services that failed
/// together do not reconnect together.
fn pause(barren: u32) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << barren.saturating_sub(1).min(16));
    doubled
        .min(LONGEST_PAUSE)
        .mul_f64(1.0 + 0.5 * fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_from_1_s_to_10_s_and_up_to_half_as_much_again() {
        for (barren, seconds) in [
            (0, 1),
            (1, 1),
            (2, 2),
            (3, 4),
            (4, 8),
            (5, 10),
            (u32::MAX, 10),
        ] {
            let least = Duration::from_secs(seconds);
            for _ in 0..100 {
                let pause = pause(barren);
                assert!(pause >= least && pause <= least.mul_f64(1.5), "{pause:?}");
            }
        }
    }

    #[test]
    fn a_client_that_has_lived_or_delivered_is_replaced_sooner() {
        let long_ago = Instant::now() - Duration::from_secs(60);
        let mut renewal = Renewal {
            created: long_ago,
            delivered: 5,
            barren: 3,
            failed: None,
        };
        let failed = renewal.note_failure(5, 0);
        assert_eq!((renewal.barren, failed.until), (4, failed.at));
        renewal.created = Instant::now();
        let failed = renewal.note_failure(6, 0);
        assert_eq!(renewal.barren, 0);
        let pause = failed.until - failed.at;
        assert!(pause <= FIRST_PAUSE.mul_f64(1.5), "{pause:?}");
    }
}
