//! A relay until it is started.

use super::handle::RelayHandle;
use super::options::{OnRefusal, Options, RelayOrdering};
use super::run::run;
use crate::database::{Pool, handle as runtime};
use crate::error::OutboxError;
use rws_kafka_observe::Observer;
use rws_kafka_producer::KafkaProducer;
use std::fmt;
use std::time::Duration;

/// Publishes what is in the outbox, at least once each, and deletes it once Kafka has acknowledged.
///
/// Any number of relays may run on one outbox. Events that were on their way when a relay was killed
/// are sent again, with the same id.
///
/// It sends nothing that it could not delete afterwards: not from a standby, and not with a role that
/// lacks `SELECT`, `DELETE` or `UPDATE` on `outbox` (with [`OnRefusal::Park`] also `INSERT` on `parked`).
/// Where a `DELETE` fails all the same, it tries that again before it sends anything of the same shards,
/// so that one process sends an acknowledged event once. `/readyz` is degraded meanwhile.
///
/// ```no_run
/// use rws_kafka_outbox::{OutboxRelay, Pool};
/// use rws_kafka_producer::KafkaProducer;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let relay = OutboxRelay::from_env(KafkaProducer::from_env()?, Pool::from_env()?)?;
/// let handle = relay.start(500);
///
/// handle.stop();
/// let report = handle.join().into_result()?;
/// println!("{} events published", report.published);
/// # Ok(())
/// # }
/// ```
#[must_use = "a relay does nothing until it is started"]
pub struct OutboxRelay {
    producer: KafkaProducer,
    pool: Pool,
    options: Options,
}

impl OutboxRelay {
    /// A relay that sends by `producer` what is in the database of `pool`: a
    /// [`Pool`](crate::Pool), or deadpool's.
    ///
    /// Reads the layers of settings for the [stall timeout](Self::stall_timeout); all else that it
    /// needs is in the producer and the pool.
    ///
    /// # Errors
    ///
    /// [`OutboxError::Config`].
    pub fn from_env(producer: KafkaProducer, pool: impl Into<Pool>) -> Result<Self, OutboxError> {
        let config = rws_kafka_config::KafkaConfig::from_env()?;
        Ok(Self::new(producer, pool).stall_timeout(config.readyz_lag_timeout()))
    }

    /// The same without reading settings.
    pub fn new(producer: KafkaProducer, pool: impl Into<Pool>) -> Self {
        Self {
            producer,
            pool: pool.into(),
            options: Options::default(),
        }
    }

    /// Which events keep their order: [`RelayOrdering::PerKey`] by default.
    pub fn ordering(mut self, ordering: RelayOrdering) -> Self {
        self.options.ordering = ordering;
        self
    }

    /// What becomes of an event that Kafka refuses: [`OnRefusal::BlockKey`] by default.
    pub fn on_refusal(mut self, on_refusal: OnRefusal) -> Self {
        self.options.on_refusal = on_refusal;
        self
    }

    /// How often an event is refused before it is parked, 10 by default, 1 at least.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.options.max_attempts = attempts.max(1);
        self
    }

    /// Most events in one transaction: 1,000 by default, 16 to 10,000.
    ///
    /// A relay begins with 64 and doubles while there are more. Where a batch had more than 16 MiB, the
    /// next ones have as many events as these are, 16 at least: that is what each of its
    /// [`workers`](Self::workers) holds in memory, though the first batch of larger events may be of
    /// as many as there were of smaller ones.
    pub fn batch_size(mut self, events: usize) -> Self {
        self.options.batch_size = events.clamp(16, 10_000);
        self
    }

    /// Batches under way at a time, each with a connection: 4 by default, 1 to 16, and half of the
    /// connections of the pool at the most.
    pub fn workers(mut self, workers: usize) -> Self {
        self.options.workers = workers.clamp(1, 16);
        self
    }

    /// How long a stop waits for the acknowledgements of what was sent: 30 s by default. Events
    /// without one are sent again by the next relay.
    pub fn stop_timeout(mut self, timeout: Duration) -> Self {
        self.options.stop_timeout = timeout;
        self
    }

    /// How long it may have events and publish none before it degrades `/readyz`: 60 s by default,
    /// `RWS_CONFIG_KAFKA_READYZ_LAG_TIMEOUT_MS` with [`from_env`](Self::from_env). Events that wait
    /// for a refused one of their key do not count.
    pub fn stall_timeout(mut self, timeout: Duration) -> Self {
        self.options.stall_timeout = timeout;
        self
    }

    /// Where its metrics and its part in readiness go: [`Observer::global`] by default.
    pub fn observer(mut self, observer: Observer) -> Self {
        self.options.observer = observer;
        self
    }

    /// Starts it; an empty outbox is looked at every `poll_interval_ms` milliseconds, 1 at least. See
    /// [`start_every`](Self::start_every).
    pub fn start(self, poll_interval_ms: u64) -> RelayHandle {
        self.start_every(Duration::from_millis(poll_interval_ms))
    }

    /// Starts it in the background, on threads of its own.
    ///
    /// While there are events to publish it does not wait; it then looks again after 5 ms, and twice as long
    /// each time, up to `poll_interval`, or when it is told of a commit: see
    /// [`Pool::wake_relays`](crate::Pool::wake_relays). Trouble with the database or the broker ends nothing: it
    /// shows in the log, once a minute, and in [`RelayHandle::status`]. Only permanent errors stop it: tables
    /// of a newer version, or a producer that was closed. `/readyz` is degraded from then on until the handle's
    /// [`join`](RelayHandle::join) has told of it. A dropped handle leaves the relay running.
    pub fn start_every(self, poll_interval: Duration) -> RelayHandle {
        let mut options = self.options;
        options.poll_interval = poll_interval.max(Duration::from_millis(1));
        // Handlers have their connections of it, too.
        let connections = self.pool.as_async().status().max_size;
        options.workers = options.workers.min((connections / 2).max(1));
        let health = options.observer.register_outbox(options.stall_timeout);
        match runtime() {
            Ok(runtime) => RelayHandle::spawn(runtime, health.clone(), |state, stopping| {
                run(self.producer, self.pool, options, state, stopping, health)
            }),
            Err(error) => RelayHandle::failed(error, health),
        }
    }
}

impl fmt::Debug for OutboxRelay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboxRelay")
            .field("pool", &self.pool)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
