//! A relay before it is started.

use super::handle::RelayHandle;
use super::options::{OnRefusal, Options, RelayOrdering};
use super::run::run;
use crate::database::{Pool, handle as runtime};
use crate::error::OutboxError;
use rws_kafka_observe::Observer;
use rws_kafka_producer::KafkaProducer;
use std::fmt;
use std::time::Duration;

/// A relay, which publishes the events of the outbox to Kafka at least once, and deletes them after Kafka has
/// acknowledged them.
///
/// Any number of relays may run on one outbox. Events that were in flight when a relay was killed are sent
/// again, with the same id.
///
/// A relay sends only events that it can delete afterwards: it sends nothing from a standby, or with a role
/// that lacks `SELECT`, `DELETE` or `UPDATE` on `outbox` (with [`OnRefusal::Park`] also `INSERT` on
/// `parked`). If a `DELETE` fails nevertheless, the relay repeats it before it sends more events of the same
/// shards, so that a process never sends an acknowledged event again. Meanwhile `/readyz` is degraded.
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
    /// Creates a relay that sends the events in the database of `pool` with `producer`. `pool` is a
    /// [`Pool`](crate::Pool) or a pool of deadpool.
    ///
    /// Of the settings, it reads only the [stall timeout](Self::stall_timeout); the producer and the pool
    /// have everything else.
    ///
    /// # Errors
    ///
    /// [`OutboxError::Config`], if the settings are invalid.
    pub fn from_env(producer: KafkaProducer, pool: impl Into<Pool>) -> Result<Self, OutboxError> {
        let config = rws_kafka_config::KafkaConfig::from_env()?;
        Ok(Self::new(producer, pool).stall_timeout(config.readyz_lag_timeout()))
    }

    /// Creates a relay without reading settings.
    pub fn new(producer: KafkaProducer, pool: impl Into<Pool>) -> Self {
        Self {
            producer,
            pool: pool.into(),
            options: Options::default(),
        }
    }

    /// Sets which events keep their order. Default: [`RelayOrdering::PerKey`].
    pub fn ordering(mut self, ordering: RelayOrdering) -> Self {
        self.options.ordering = ordering;
        self
    }

    /// Sets what happens to an event that Kafka refuses. Default: [`OnRefusal::BlockKey`].
    ///
    /// ```no_run
    /// use rws_kafka_outbox::{OnRefusal, OutboxRelay, Pool};
    /// use rws_kafka_producer::KafkaProducer;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// OutboxRelay::from_env(KafkaProducer::from_env()?, Pool::from_env()?)?
    ///     .on_refusal(OnRefusal::Park)
    ///     .max_attempts(5)
    ///     .start(500);
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_refusal(mut self, on_refusal: OnRefusal) -> Self {
        self.options.on_refusal = on_refusal;
        self
    }

    /// Sets how often Kafka may refuse an event before the relay parks it. Default 10, at least 1. Only for
    /// [`OnRefusal::Park`].
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.options.max_attempts = attempts.max(1);
        self
    }

    /// Sets the maximum number of events in one transaction. Default 1,000; from 16 to 10,000.
    ///
    /// A relay starts with 64 events and doubles the number while there are more. After a batch of more than
    /// 16 MiB, the next batches have as many events as fit into 16 MiB, but at least 16. Each of its
    /// [`workers`](Self::workers) holds one batch in memory. The first batch after the events have become
    /// larger may exceed 16 MiB.
    pub fn batch_size(mut self, events: usize) -> Self {
        self.options.batch_size = events.clamp(16, 10_000);
        self
    }

    /// Sets how many batches are in flight at the same time, each with a connection. Default 4; from 1 to 16,
    /// and at most half of the pool's connections.
    pub fn workers(mut self, workers: usize) -> Self {
        self.options.workers = workers.clamp(1, 16);
        self
    }

    /// Sets how long a stop waits for the acknowledgements of the events in flight. Default 30 s. The next
    /// relay sends unacknowledged events again.
    pub fn stop_timeout(mut self, timeout: Duration) -> Self {
        self.options.stop_timeout = timeout;
        self
    }

    /// Sets how long the relay may have events and publish none before it degrades `/readyz`. Default 60 s,
    /// or `RWS_CONFIG_KAFKA_READYZ_LAG_TIMEOUT_MS` with [`from_env`](Self::from_env). Events that wait for a
    /// refused event of their key do not count.
    pub fn stall_timeout(mut self, timeout: Duration) -> Self {
        self.options.stall_timeout = timeout;
        self
    }

    /// Sets the observer that receives metrics and readiness. Default: [`Observer::global`].
    pub fn observer(mut self, observer: Observer) -> Self {
        self.options.observer = observer;
        self
    }

    /// Starts the relay, which polls an empty outbox every `poll_interval_ms` milliseconds (at least 1); see
    /// [`start_every`](Self::start_every).
    pub fn start(self, poll_interval_ms: u64) -> RelayHandle {
        self.start_every(Duration::from_millis(poll_interval_ms))
    }

    /// Starts the relay in the background, on threads of its own.
    ///
    /// While there are events, it publishes them without a pause. When there are none, it polls again after 5
    /// ms, and doubles that pause each time, up to `poll_interval` (at least 1 ms). A commit that it is
    /// notified of wakes it at once; see [`Pool::wake_relays`](crate::Pool::wake_relays).
    ///
    /// Trouble with the database or the broker does not stop it; the log reports it once a minute, and
    /// [`RelayHandle::status`] shows it. Only permanent errors stop the relay: tables of a newer version, or
    /// a closed producer. Then `/readyz` is degraded until [`join`](RelayHandle::join) returns the error.
    ///
    /// Dropping the handle leaves the relay running.
    pub fn start_every(self, poll_interval: Duration) -> RelayHandle {
        let mut options = self.options;
        options.poll_interval = poll_interval.max(Duration::from_millis(1));
        // Handlers use the same pool.
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
