//! What a consumer in the making is told of retry topics.

use crate::settings::consumer::KafkaConsumer;
use std::time::Duration;

impl KafkaConsumer {
    /// Puts off failed messages without holding up what is behind them: one that has used up its
    /// [`max_retries`](Self::max_retries) (default 0 here) is published to a retry topic and handled
    /// again from there once the delay is over, then to that of the next delay, and after the last
    /// one it is given up as [`on_failure`](Self::on_failure) says. Delays of 1 ms to 3 days, in
    /// their order; an empty list means none.
    ///
    /// - The worker reads its retry topics itself, in its own group. They are named
    ///   `{topic}-{group}-retry-{delay}`, the delay in milliseconds, or as
    ///   [`retry_topic_names`](Self::retry_topic_names) says, and are
    ///   [created](Self::create_retry_topics) where they are missing. Should another group put off
    ///   messages to one of them (`orders` of the group `eu-billing` and `orders-eu` of `billing` come to
    ///   the same name), those are passed over: logged, counted as skipped, and not handled.
    /// - **Order**: a message that is put off is handled after messages that were behind it, those of
    ///   its key among them. Where that is not right, leave retry topics out: without them its
    ///   partition or key waits.
    /// - Its offset moves when the broker has acknowledged it in the retry topic. While that cannot be
    ///   written to, its partition or key waits; in an [exactly-once](Self::exactly_once) worker it is an
    ///   output of the transaction, and one that the broker refuses for good, as for a topic that is
    ///   missing or that the user may not write to, ends the worker. A worker that is killed in between handles it
    ///   again: at least once, as everything.
    /// - It is not handled before its time, restarts included. What waits occupies no thread; its
    ///   partition of the retry topic waits with it, where all have the same delay. From when it was
    ///   fetched it is not waited for longer than the topic's delay, should the clock of who wrote it be
    ///   wrong.
    /// - Key, payload and headers are as they came, with the headers below behind them:
    ///   [`header`](crate::ConsumerContext::header), which takes the last of a name, finds those rather
    ///   than one of the same name that the message came with. The handler is told the message's own
    ///   [timestamp](crate::ConsumerContext::timestamp); the record in the retry topic has the time at
    ///   which it was put off, so that the topic's retention counts from there. That must be well
    ///   above its delay. [`attempt`](crate::ConsumerContext::attempt) counts on, and
    ///   [`original_topic`](crate::ConsumerContext::original_topic) and its like tell where it came
    ///   from first.
    /// - A batch whose handler fails is put off with all that is unsettled of it.
    /// - An error that no retry helps goes where the last one would, at once. Without a
    ///   [`dead_letter_queue`](Self::dead_letter_queue) or a policy of its own nothing is given up: then
    ///   such a message is put off, too, and what still fails after the last delay is handled again
    ///   for as long as it takes, its partition of the last retry topic waiting.
    ///
    /// A delay that is taken out of the list leaves what waits in its topic to nobody, and so does another
    /// name: keep it in the list until nothing fails into it and the lag of its topic is 0. The log has a
    /// warning about topics that were left so, where the worker creates its retry topics and their names
    /// have the group in them.
    ///
    /// What says where a message came from, how often it was handled and when it is due are the headers
    /// of Spring Kafka's retry topics (`retry_topic-attempts`, `retry_topic-backoff-timestamp`,
    /// `retry_topic-original-timestamp`, `kafka_original-*`, `kafka_exception-*`,
    /// `kafka_dlt-original-consumer-group`; see its [`RetryTopicHeaders`] and [`KafkaHeaders`]). They are
    /// believed in the worker's own retry topics only; there they are headers of the message to the
    /// handler, and no dead letter takes them along.
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

    /// How [retry topics](Self::retry_topics) are named. Default `{topic}-{group}-retry-{delay}`.
    ///
    /// `{topic}` stands for the topic that a message came from first, `{group}` for the consumer
    /// group, `{delay}` for the delay in milliseconds, `{attempt}` for its place among the delays,
    /// from 1. No two groups should share a retry topic: what another group has put off there, as its
    /// `kafka_dlt-original-consumer-group` header says, is [passed over](Self::retry_topics), and so is
    /// what waits there from before the group had another name.
    pub fn retry_topic_names(mut self, pattern: impl Into<String>) -> Self {
        self.retry_topics.names = Some(pattern.into());
        self
    }

    /// Whether the worker creates [retry topics](Self::retry_topics) that are missing, with as many
    /// partitions as the topic that they belong to and the broker's default replication. Default true.
    ///
    /// They keep a message for 7 days after its delay and take messages of 64 MiB, or of 8 MiB where
    /// the broker does not allow that (`cleanup.policy=delete`, `retention.ms`, `max.message.bytes`);
    /// where it allows neither, they have its defaults. A retry topic that is made otherwise should
    /// take what the topic takes that it belongs to, and 64 KiB more for the headers. A message for whose
    /// headers there is no room is delayed with less of them: first the exception's message is shortened
    /// and its stack trace left out; then `rws-retry-origin` replaces them all
    /// (`partition/offset/attempts/due`, and the timestamp); then there are none, and it is handled without
    /// its delay. One that does not fit even so waits, its partition or key with it, until
    /// `max.message.bytes` of the retry topic allows it.
    ///
    /// It does so in the background and needs the right to `Create` them. Where that is refused, the
    /// log and [`status`](crate::ConsumerHandle::status) say so, and it is tried again; messages that
    /// are to be put off wait, but end an [exactly-once](Self::exactly_once) worker
    /// ([`OutputRefused`](crate::ConsumerError::OutputRefused)): there, make the topics first.
    pub fn create_retry_topics(mut self, create: bool) -> Self {
        self.retry_topics.create = Some(create);
        self
    }
}
