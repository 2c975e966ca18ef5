use crate::KafkaConsumer;
#[cfg(test)]
use crate::engine::Handler;
use crate::engine::{Engine, TestClock};
#[cfg(test)]
use crate::error::ConsumerError;
use crate::failure::backoff::Backoff;
use crate::settings::start::Prepared;
use rws_kafka_dispatch::Clock;
use std::sync::Arc;

/// An engine of a worker that uses `clock` and has no jitter.
pub(super) fn engine_of(
    consumer: &KafkaConsumer,
    clock: &TestClock,
    prepared: Prepared,
) -> Arc<Engine> {
    let clock = Clock::new(clock.clone());
    consumer.engine_timed_by(clock, Backoff::default().jitter(0.0), prepared)
}

/// The checked settings of a worker of `consumer` that publishes and commits nothing.
///
/// # Errors
///
/// The first invalid setting.
#[cfg(test)]
pub(super) fn checked(
    consumer: &KafkaConsumer,
    handler: &Handler,
) -> Result<Prepared, ConsumerError> {
    let properties = consumer.config.properties();
    Ok(Prepared {
        checked: consumer.check(&properties, handler, None)?,
        ..Prepared::default()
    })
}
