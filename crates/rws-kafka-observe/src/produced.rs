use crate::durations::DurationFamily;
use crate::kinds::Counters;
use crate::recorder::recorder;
use std::time::Duration;

recorder! {
    /// Counts what is published to one topic.
    pub struct ProducedTo by ["topic"];

    produced: Counters {
        name: "rws_kafka_messages_produced_total",
        help: "Total messages successfully published to Kafka",
    }
    errors: Counters {
        name: "rws_kafka_produce_errors_total",
        help: "Messages that failed to publish",
        /// Counts a message that failed permanently.
        fn failed() => inc();
    }
    latency: DurationFamily {
        name: "rws_kafka_produce_latency_ms",
        help: "Publish round-trip latency to broker",
    }
}

impl ProducedTo {
    /// Counts a message that was acknowledged this long after the producer accepted it.
    pub fn delivered(&self, latency: Duration) {
        if let Some(series) = &self.series {
            series.produced.inc();
            series.latency.observe(1, latency, latency);
        }
    }
}
