use crate::durations::Latencies;
use crate::kinds::{Counters, Gauges, Sizes};
use crate::recorder::recorder;
use std::time::Duration;

recorder! {
    /// Counts what the relays of one outbox do in this process.
    pub struct OutboxOf by ["schema"];

    published: Counters {
        name: "rws_kafka_outbox_published_total",
        help: "Events of the outbox acknowledged by Kafka",
        /// Counts `count` events that were acknowledged and are deleted.
        fn published(count: u64) => inc_by(count);
    }
    refused: Counters {
        name: "rws_kafka_outbox_refused_total",
        help: "Refusals of outbox events by Kafka",
        /// Counts that Kafka refused events `count` times.
        fn refused(count: u64) => inc_by(count);
    }
    parked: Counters {
        name: "rws_kafka_outbox_parked_total",
        help: "Events of the outbox that were parked",
        /// Counts `count` events that were parked.
        fn parked(count: u64) => inc_by(count);
    }
    backlog: Gauges {
        name: "rws_kafka_outbox_backlog",
        help: "Events in the outbox, counted up to 100000",
    }
    oldest_age: Gauges {
        name: "rws_kafka_outbox_oldest_age_seconds",
        help: "Age of the oldest event in the outbox",
    }
    publish_latency: Latencies {
        name: "rws_kafka_outbox_publish_latency_ms",
        help: "Time from enqueuing an event to its acknowledgement by Kafka",
        /// Counts an event that was acknowledged this long after it was enqueued.
        fn latency(latency: Duration) => observe(latency.as_secs_f64() * 1000.0);
    }
    batch_size: Sizes {
        name: "rws_kafka_outbox_batch_size",
        help: "Events read from the outbox in one transaction",
        /// Counts a batch of this many events that was read.
        fn batch(events: usize) => observe(events as f64);
    }
    shard_owner: Gauges {
        name: "rws_kafka_outbox_shard_owner",
        help: "1 if a relay of this process had the shard when it last asked for it",
        label: "shard",
        /// Sets whether a relay of this process had the shard when it last asked for it.
        fn shard(shard: i16, is_owned: bool) => set_of(&shard.to_string(), u64::from(is_owned));
    }
}

impl OutboxOf {
    /// Sets the number of events in the outbox and the age of the oldest, which is 0 without events.
    pub fn backlog(&self, events: u64, oldest: Duration) {
        if let Some(series) = &self.series {
            series.backlog.set(events);
            series.oldest_age.set(oldest.as_secs());
        }
    }

    /// Removes backlog and age from the page, because they are no longer known.
    pub fn unknown(&self) {
        if let Some(series) = &self.series {
            series.backlog.remove();
            series.oldest_age.remove();
        }
    }
}
