use crate::KafkaConsumer;
use crate::backoff::Backoff;
use crate::engine::{Engine, Equipment, Handler, TestClock};
use rws_kafka_dispatch::Clock;
use std::sync::Arc;

/// A worker's engine that goes by `clock`, and in which nothing is left to chance.
pub(super) fn engine_of(
    consumer: &KafkaConsumer,
    clock: &TestClock,
    handler: &Handler,
    equipment: Equipment,
) -> Arc<Engine> {
    let clock = Clock::new(clock.clone());
    consumer.engine_timed_by(clock, Backoff::default().jitter(0.0), handler, equipment)
}
