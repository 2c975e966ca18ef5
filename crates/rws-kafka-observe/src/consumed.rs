use crate::durations::DurationFamily;
use crate::kinds::Counters;
use crate::recorder::recorder;
use std::sync::Arc;
use std::time::Duration;

recorder! {
    /// Counts what one group consumes from one topic.
    pub struct ConsumedFrom by ["topic", "group"];

    consumed: Counters {
        name: "rws_kafka_messages_consumed_total",
        help: "Total messages processed by the consumer",
        /// Counts `count` messages that were processed.
        fn processed(count: u64) => inc_by(count);
    }
    errors: Counters {
        name: "rws_kafka_consumer_errors_total",
        help: "Messages that failed processing (before DLQ)",
        /// Counts a message that failed processing once.
        fn failed() => inc();
    }
    retries: Counters {
        name: "rws_kafka_consumer_retries_total",
        help: "Failed messages that are handled again",
        /// Counts a failed message that is to be processed again.
        fn retried() => inc();
    }
    delayed_retries: Counters {
        name: "rws_kafka_consumer_delayed_retries_total",
        help: "Failed messages published to a retry topic",
        /// Counts a failed message that the broker has acknowledged in a retry topic.
        fn put_off() => inc();
    }
    dead_letters: Counters {
        name: "rws_kafka_dead_letters_total",
        help: "Messages published to the dead letter queue",
        /// Counts a message whose dead letter the broker has acknowledged.
        fn dead_lettered() => inc();
    }
    skipped: Counters {
        name: "rws_kafka_messages_skipped_total",
        help: "Failed messages that were skipped",
        /// Counts a failed message that is skipped.
        fn skipped() => inc();
    }
    durations: DurationFamily {
        name: "rws_kafka_handler_duration_ms",
        help: "Time that a handler takes for a message or a batch",
        /// Counts `count` handlers that took `total` together, one after another, and none of them
        /// more than `longest`. Each belongs to the bucket of `longest`.
        fn handled(count: u64, total: Duration, longest: Duration) => observe(count, total, longest);
    }
}

impl ConsumedFrom {
    /// Returns `true` if anything is recorded. Otherwise callers need not measure.
    pub fn is_on(&self) -> bool {
        self.series.is_some()
    }
}

impl PartialEq for ConsumedFrom {
    /// Returns `true` if both record to the same series.
    fn eq(&self, other: &Self) -> bool {
        let durations = |recorder: &Self| {
            let series = recorder.series.as_ref();
            series.map(|series| Arc::as_ptr(&series.durations))
        };
        durations(self) == durations(other)
    }
}
