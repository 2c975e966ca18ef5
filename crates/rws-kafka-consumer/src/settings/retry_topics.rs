//! The settings of retry topics.

use super::consumer::KafkaConsumer;
use std::time::Duration;

/// # Retry topics
impl KafkaConsumer {
    /// Moves failed messages to retry topics, so that no other message waits for them. Default: none.
    ///
    /// A message that has used up its [`max_retries`](Self::max_retries) (default 0 with retry topics) is
    /// published to the retry topic of the first delay and handled again once the delay is over. If it fails
    /// again, it moves to the topic of the next delay. After the last one, [`on_failure`](Self::on_failure)
    /// applies. Each delay is 1 ms to 3 days; an empty list means no retry topics.
    ///
    /// - **Topics.** The worker reads its retry topics itself, in its own group. They are named
    ///   `{topic}-{group}-retry-{delay}`, with the delay in milliseconds, or as
    ///   [`retry_topic_names`](Self::retry_topic_names) says. Missing ones are
    ///   [created](Self::create_retry_topics). If another group publishes to one of them (`orders` of the
    ///   group `eu-billing` and `orders-eu` of `billing` have the same name), its messages are not handled:
    ///   they are skipped, logged, and counted as skipped.
    /// - **Order.** A delayed message is handled after messages that were behind it, even messages with the
    ///   same key. If order matters, do not use retry topics: the partition or key of a failed message then
    ///   waits.
    /// - **Delivery.** The offset of a message moves once the retry topic has acknowledged it. While the
    ///   retry topic cannot be written to, the partition or key of the message waits. If the worker is killed
    ///   in between, the message is handled again: delivery is at least once.
    /// - **Exactly once.** In an [exactly-once](Self::exactly_once) worker a delayed message is an output of
    ///   the transaction. If the broker permanently refuses it, for example because the topic does not exist
    ///   or the user may not write to it, the worker ends.
    /// - **Time.** A message is not handled before its delay is over, not even after a restart. A waiting
    ///   message occupies no thread. The rest of its partition of the retry topic waits with it, as all
    ///   messages there have the same delay. A message waits for at most the topic's delay after it was
    ///   fetched, even if the clock of the worker that wrote it is wrong.
    /// - **Content.** Key, payload and headers stay the same, and the headers below follow them.
    ///   [`header`](crate::ConsumerContext::header) returns the last header of a name, so it finds those and
    ///   not a header of the same name in the original message. The handler sees the message's own
    ///   [timestamp](crate::ConsumerContext::timestamp). The record in the retry topic has the time at which
    ///   it was written, from which the topic's retention counts; the retention must be well above the delay.
    ///   [`attempt`](crate::ConsumerContext::attempt) counts over all topics, and
    ///   [`original_topic`](crate::ConsumerContext::original_topic),
    ///   [`original_partition`](crate::ConsumerContext::original_partition) and
    ///   [`original_offset`](crate::ConsumerContext::original_offset) return where the message came from.
    /// - **Batches.** If the handler of a batch fails, all unsettled messages of the batch are delayed.
    /// - **Permanent errors.** A message with a [permanent](crate::HandlerError::permanent) error skips the
    ///   retry topics: [`on_failure`](Self::on_failure) applies at once. With
    ///   [`FailurePolicy::Retry`](crate::FailurePolicy::Retry), the default without a
    ///   [`dead_letter_queue`](Self::dead_letter_queue), it is delayed like any other message. A message that
    ///   still fails after the last delay is then retried without limit, and its partition of the last retry
    ///   topic waits.
    ///
    /// If you remove a delay from the list or change the names, messages already waiting in the old topic are
    /// no longer consumed. Keep the delay in the list until nothing is published to its topic and the topic's
    /// lag is 0. The log warns about such topics if the worker creates its retry topics and their names
    /// contain the group.
    ///
    /// The origin, the number of attempts and the due time of a message are in the headers of Spring Kafka's
    /// retry topics (`retry_topic-attempts`, `retry_topic-backoff-timestamp`,
    /// `retry_topic-original-timestamp`, `kafka_original-*`, `kafka_exception-*`,
    /// `kafka_dlt-original-consumer-group`; see its [`RetryTopicHeaders`] and [`KafkaHeaders`]). The worker
    /// trusts them only in its own retry topics. The handler sees them there as headers of the message; dead
    /// letters do not contain them.
    ///
    /// ```no_run
    /// use rws_kafka_consumer::KafkaConsumer;
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let consumer = KafkaConsumer::from_env()?
    ///     .subscribe(["orders.created"])?
    ///     .retry_topics([10, 60, 600].map(Duration::from_secs))
    ///     .dead_letter_queue("orders.created.dlq");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`RetryTopicHeaders`]: https://docs.spring.io/spring-kafka/docs/current/api/org/springframework/kafka/retrytopic/RetryTopicHeaders.html
    /// [`KafkaHeaders`]: https://docs.spring.io/spring-kafka/docs/current/api/org/springframework/kafka/support/KafkaHeaders.html
    pub fn retry_topics(mut self, delays: impl IntoIterator<Item = Duration>) -> Self {
        self.retry_topics.delays = delays.into_iter().collect();
        self
    }

    /// Sets the pattern for the names of [retry topics](Self::retry_topics). Default
    /// `{topic}-{group}-retry-{delay}`.
    ///
    /// - `{topic}` is the topic that a message was first published to.
    /// - `{group}` is the consumer group.
    /// - `{delay}` is the delay in milliseconds.
    /// - `{attempt}` is the position of the delay in the list, from 1.
    ///
    /// Two groups should not share a retry topic. A message that another group has delayed, according to its
    /// header `kafka_dlt-original-consumer-group`, is [skipped](Self::retry_topics). The same happens to
    /// waiting messages after the group was renamed.
    pub fn retry_topic_names(mut self, pattern: impl Into<String>) -> Self {
        self.retry_topics.names = Some(pattern.into());
        self
    }

    /// Sets whether the worker creates missing [retry topics](Self::retry_topics). Default `true`.
    ///
    /// A created topic has as many partitions as the topic that it belongs to, and the broker's default
    /// replication. It keeps a message for 7 days after its delay and takes messages of up to 64 MiB, or 8
    /// MiB if the broker does not allow that (`cleanup.policy=delete`, `retention.ms`, `max.message.bytes`).
    /// If the broker allows neither, the topic has the broker's defaults.
    ///
    /// A retry topic that you create should take messages 64 KiB larger than the topic that it belongs to,
    /// for the headers. If the headers of a message do not fit, fewer are added:
    ///
    /// 1. The exception's message is shortened and its stack trace left out.
    /// 2. All headers are replaced by `rws-retry-origin`, which contains `partition/offset/attempts/due` and
    ///    the timestamp.
    /// 3. No header is added, and the message is handled without its delay.
    ///
    /// A message that is too large even then waits, together with its partition or key, until
    /// `max.message.bytes` of the retry topic allows it.
    ///
    /// The worker creates the topics in the background and needs the permission to `Create` them. If the
    /// broker refuses, the log and [`status`](crate::ConsumerHandle::status) show the cause, and the worker
    /// tries again. Messages that are to be delayed wait until then. In an [exactly-once](Self::exactly_once)
    /// worker they end the worker ([`OutputRefused`](crate::ConsumerError::OutputRefused)): create the topics
    /// first there.
    pub fn create_retry_topics(mut self, create: bool) -> Self {
        self.retry_topics.create = Some(create);
        self
    }
}
