mod partitions;

use super::broker::Topics;
use super::engine::engine_of;
use super::journal::{Event, Journal};
use super::ledger::Ledger;
use super::message::TestMessage;
use super::observed::observed;
use crate::engine::{ByHand, Handler, TestClock};
use crate::error::ConsumerError;
use crate::handler::context::ConsumerContext;
use crate::handler::error::HandlerResult;
use crate::handler::message_batch::MessageBatch;
use crate::handler::outputs::Outputs;
use crate::report::StopReport;
use crate::settings::consumer::KafkaConsumer;
use crate::settings::exactly_once::{ExactlyOnceConsumer, Transactional};
use crate::status::ConsumerStatus;
use rws_kafka_dispatch::{Time, TopicPartition};
use rws_kafka_producer::testing::{Sent, SentRecord};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A run with more retries than this, while the clock stands still, does not end.
const MOST_RETRIES: usize = 10_000;
/// The same for lost transactions.
const MOST_REWINDS: usize = 1_000;
/// The same for the times at which retries are due.
const MOST_MOVES: usize = 100_000;

/// A worker that handles messages when a test tells it to, on the test's thread.
///
/// It runs the engine of a real worker: order, retries, failure policies, dead letters, offsets, hooks,
/// circuit breaker and transactions are the same. The test replaces the broker: it [gives](Self::give)
/// messages, the worker [records](Self::sent) offsets and published messages, and time stands still until the
/// test [moves](Self::advance) it. A test therefore needs no network and no threads, and has the same result
/// every time.
///
/// ```
/// use rws_kafka_consumer::testing::{TestMessage, TestWorker, config};
/// use rws_kafka_consumer::{ConsumerContext, HandlerError, KafkaConsumer};
/// use std::time::Duration;
///
/// # fn main() -> Result<(), rws_kafka_consumer::ConsumerError> {
/// let consumer = KafkaConsumer::new(config())?
///     .subscribe(["orders"])?
///     .max_retries(1)
///     .retry_backoff_ms(1000)
///     .dead_letter_queue("{topic}.dlq");
/// let mut worker = TestWorker::new(consumer, |msg: ConsumerContext| {
///     if msg.payload_str()? == "poison" {
///         return Err(HandlerError::new("no such order"));
///     }
///     msg.commit()
/// })?;
///
/// worker.give(TestMessage::new("orders", "order").key("1"));
/// worker.give(TestMessage::new("orders", "poison").key("2").header("origin", "web"));
/// worker.run();
/// assert_eq!(worker.committed("orders", 0), Some(1), "{worker}");
/// assert_eq!(worker.next_due(), Some(Duration::from_secs(1)), "{worker}");
///
/// worker.advance(Duration::from_secs(1));
/// let letter = worker.dead_letter();
/// assert_eq!((letter.topic(), letter.key_str()), ("orders.dlq", "2"));
/// assert_eq!(letter.header_str("rws-dlq-error-reason"), Some("no such order"));
/// assert_eq!(worker.committed("orders", 0), Some(2), "{worker}");
/// # Ok(())
/// # }
/// ```
///
/// A panic in a handler, such as that of an `assert!`, is a failed message, as in production. Check its
/// results instead, or the [log](Self::log), which `{worker}` shows.
pub struct TestWorker {
    consumer: KafkaConsumer,
    transactional: Option<Transactional>,
    handler: Arc<Handler>,
    worker: ByHand,
    clock: TestClock,
    ledger: Arc<Ledger>,
    journal: Arc<Journal>,
    topics: Topics,
    /// All topics that are read, including retry topics.
    reads: Vec<String>,
    assigned: BTreeSet<TopicPartition>,
    /// Partitions that were revoked or lost and not assigned again.
    withheld: BTreeSet<TopicPartition>,
    sent: Sent,
    /// How many published messages and commits are in the log.
    noted: (usize, usize),
    report: Option<StopReport>,
}

impl TestWorker {
    /// Creates a worker of `consumer` that calls `handler` with each message.
    ///
    /// Dead letters are recorded and sent to no broker, unless the consumer has a
    /// [`dead_letter_producer`](KafkaConsumer::dead_letter_producer) of its own. In that case delayed
    /// messages also go to that producer and are not read again. Waits have no
    /// [jitter](crate::Backoff::jitter) here, so that a test knows when a retry is due.
    ///
    /// # Errors
    ///
    /// The errors of [`KafkaConsumer::try_start`], except those of librdkafka's properties.
    pub fn new<F>(consumer: KafkaConsumer, handler: F) -> Result<Self, ConsumerError>
    where
        F: Fn(ConsumerContext) -> HandlerResult + Send + Sync + 'static,
    {
        let handler = Handler::Each(Box::new(move |msg, _| handler(msg)));
        Self::begin(consumer, handler)
    }

    /// Creates a worker whose handler takes batches.
    ///
    /// A batch that is not full waits [`batch_max_wait`](KafkaConsumer::batch_max_wait) for more messages, by
    /// the test's clock. It is handed out once the test [advances](Self::advance) the clock by that, or at
    /// once if the wait is 0.
    ///
    /// ```
    /// use rws_kafka_consumer::KafkaConsumer;
    /// use rws_kafka_consumer::testing::{TestMessage, TestWorker, config};
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<(), rws_kafka_consumer::ConsumerError> {
    /// let consumer = KafkaConsumer::new(config())?
    ///     .subscribe(["page.views"])?
    ///     .batch_max_wait(Duration::ZERO);
    /// let mut worker = TestWorker::batch(consumer, |batch| batch.commit())?;
    /// worker.give(TestMessage::new("page.views", "/"));
    /// worker.give(TestMessage::new("page.views", "/cart"));
    /// worker.run();
    /// assert_eq!(worker.committed("page.views", 0), Some(2), "{worker}");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The errors of [`KafkaConsumer::try_start_batch`], except those of librdkafka's properties.
    pub fn batch<F>(consumer: KafkaConsumer, handler: F) -> Result<Self, ConsumerError>
    where
        F: Fn(&MessageBatch) -> HandlerResult + Send + Sync + 'static,
    {
        let handler = Handler::Batches(Box::new(move |batch, _| handler(batch)));
        Self::begin(consumer, handler)
    }

    /// Creates an exactly-once worker. Each run commits its transaction at its end.
    ///
    /// ```
    /// use rws_kafka_consumer::KafkaConsumer;
    /// use rws_kafka_consumer::testing::{TestMessage, TestWorker, config};
    ///
    /// # fn main() -> Result<(), rws_kafka_consumer::ConsumerError> {
    /// let consumer = KafkaConsumer::new(config())?
    ///     .subscribe(["orders"])?
    ///     .exactly_once("invoicing-0");
    /// let mut worker = TestWorker::exactly_once(consumer, |msg, out| {
    ///     out.send("invoices", msg.payload_str()?)?;
    ///     Ok(())
    /// })?;
    /// worker.give(TestMessage::new("orders", "order 1"));
    /// worker.run();
    /// assert_eq!(worker.outputs()[0].payload_str(), "order 1");
    /// assert_eq!(worker.committed("orders", 0), Some(1), "{worker}");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The errors of [`ExactlyOnceConsumer::try_start`], except those of librdkafka's properties.
    pub fn exactly_once<F>(consumer: ExactlyOnceConsumer, handler: F) -> Result<Self, ConsumerError>
    where
        F: Fn(ConsumerContext, &mut Outputs) -> HandlerResult + Send + Sync + 'static,
    {
        Self::begin_transactional(consumer, Handler::Each(Box::new(handler)))
    }

    /// Creates an exactly-once worker whose handler takes batches.
    ///
    /// # Errors
    ///
    /// The errors of [`ExactlyOnceConsumer::try_start_batch`], except those of librdkafka's properties.
    pub fn exactly_once_batch<F>(
        consumer: ExactlyOnceConsumer,
        handler: F,
    ) -> Result<Self, ConsumerError>
    where
        F: Fn(&MessageBatch, &mut Outputs) -> HandlerResult + Send + Sync + 'static,
    {
        Self::begin_transactional(consumer, Handler::Batches(Box::new(handler)))
    }

    fn begin(consumer: KafkaConsumer, handler: Handler) -> Result<Self, ConsumerError> {
        let sent = Sent::new();
        Self::assemble(prepared(consumer, &sent), None, handler, sent)
    }

    fn begin_transactional(
        mut consumer: ExactlyOnceConsumer,
        handler: Handler,
    ) -> Result<Self, ConsumerError> {
        let sent = Sent::new();
        consumer.consumer = prepared(consumer.consumer, &sent);
        let (consumer, transactional) = consumer.parts();
        Self::assemble(consumer, Some(transactional), handler, sent)
    }

    fn assemble(
        consumer: KafkaConsumer,
        transactional: Option<Transactional>,
        handler: Handler,
        sent: Sent,
    ) -> Result<Self, ConsumerError> {
        let (clock, journal) = (TestClock::new(), Arc::<Journal>::default());
        let handler = Arc::new(observed(handler, &clock, &journal));
        let ledger = Arc::<Ledger>::default();
        let worker = by_hand(&consumer, transactional.clone(), &handler, &clock, &ledger)?;
        Ok(Self {
            reads: consumer.topics_to_read(worker.engine()),
            consumer,
            transactional,
            handler,
            worker,
            clock,
            ledger,
            journal,
            topics: Topics::default(),
            assigned: BTreeSet::new(),
            withheld: BTreeSet::new(),
            sent,
            noted: (0, 0),
            report: None,
        })
    }

    /// Appends a message to its partition, for the next [`run`](Self::run). Returns its offset.
    ///
    /// The partition is [assigned](Self::assign) to the worker, unless it is assigned already or the test has
    /// revoked it.
    ///
    /// # Panics
    ///
    /// If the consumer is not subscribed to the topic (with a pattern, every topic is accepted), or if the
    /// offset is taken.
    #[track_caller]
    pub fn give(&mut self, message: impl Into<TestMessage>) -> i64 {
        let message = message.into();
        let topics = &self.reads;
        let is_subscribed = |of: &String| of.starts_with('^') || of == message.topic();
        assert!(
            topics.iter().any(is_subscribed),
            "the message is for {:?}, but the consumer is subscribed to {topics:?}",
            message.topic()
        );
        self.put(message)
    }

    #[track_caller]
    fn put(&mut self, message: TestMessage) -> i64 {
        let partition = message.topic_partition();
        let offset = self.topics.add(message, Time::unix_ms(&self.clock));
        if !self.assigned.contains(&partition) && !self.withheld.contains(&partition) {
            self.assign_all(vec![partition]);
        }
        offset
    }

    /// Appends several messages, as [`give`](Self::give) does.
    ///
    /// # Panics
    ///
    /// As [`give`](Self::give).
    #[track_caller]
    pub fn give_all<M: Into<TestMessage>>(&mut self, messages: impl IntoIterator<Item = M>) {
        for message in messages {
            self.give(message);
        }
    }

    /// Handles messages until nothing is left to do at the current time, and commits the finished ones.
    ///
    /// Messages that wait for a retry keep waiting. A worker that is [paused](Self::pause) or has
    /// [stopped](Self::error) does nothing.
    ///
    /// # Panics
    ///
    /// If the run does not end, for example because messages are retried without a wait.
    #[track_caller]
    pub fn run(&mut self) {
        let (mut retries, mut rewinds) = (0, 0);
        while retries < MOST_RETRIES && rewinds < MOST_REWINDS {
            self.fetch();
            let step = self.worker.step();
            if let Some(Some(at)) = step {
                let at = self.worker.since_start(at);
                retries += usize::from(at <= self.clock.elapsed());
                self.note(Event::RetryAt(at));
            }
            let is_at_rest = step.is_none();
            if is_at_rest {
                self.end_run();
            }
            let has_read = self.note_outside();
            if self.rewind() {
                rewinds += 1;
            } else if is_at_rest && !has_read {
                return;
            }
        }
        panic!(
            "the run does not end: {retries} retries and {rewinds} lost transactions while the \
             clock stands still; the log ends with\n{}",
            self.end_of_log()
        );
    }

    /// Moves the clock by `time`. Handles what is due on the way, each retry at its time and in the order of
    /// these times.
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    #[track_caller]
    pub fn advance(&mut self, time: Duration) {
        let until = self.clock.elapsed().saturating_add(time);
        self.run();
        while let Some(due) = self.next_due()
            && due <= until.saturating_sub(self.clock.elapsed())
        {
            self.clock.move_to(self.clock.elapsed() + due);
            self.run();
        }
        self.clock.move_to(until);
        self.run();
    }

    /// Handles all messages, and moves the clock until no retry is left.
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run), and if the retries do not end.
    #[track_caller]
    pub fn run_to_end(&mut self) {
        self.run();
        for _ in 0..MOST_MOVES {
            let Some(due) = self.next_due() else { return };
            self.advance(due);
        }
        panic!(
            "the retries do not end: the clock was moved {MOST_MOVES} times, to {:?} after the \
             start; the log ends with\n{}",
            self.clock.elapsed(),
            self.end_of_log()
        );
    }

    /// Returns the time until the next retry, or until a batch that is not full is handed out; `None` if
    /// there is neither.
    pub fn next_due(&self) -> Option<Duration> {
        self.worker.next_due()
    }

    /// Returns how far the test has moved the clock.
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// Returns the current time of the clock in milliseconds since 1970. It begins at 2020-01-01.
    pub fn now_ms(&self) -> i64 {
        Time::unix_ms(&self.clock)
    }

    /// Returns the committed offset of a partition; `None` if there is none.
    pub fn committed(&self, topic: &str, partition: i32) -> Option<i64> {
        self.ledger
            .committed(&TopicPartition::new(topic, partition))
    }

    /// Returns all commits, in their order.
    pub fn commits(&self) -> Vec<(TopicPartition, i64)> {
        self.ledger.commits()
    }

    /// Returns how often a message was handled.
    pub fn attempts(&self, topic: &str, partition: i32, offset: i64) -> usize {
        let of = (TopicPartition::new(topic, partition), offset);
        let events = self.journal.events();
        let handled = events.iter().filter(|(_, event)| match event {
            Event::Handled {
                partition, offset, ..
            } => (partition, offset) == (&of.0, &of.1),
            _ => false,
        });
        handled.count()
    }

    /// Returns the messages that the worker publishes itself: dead letters, delayed messages and outputs. It
    /// also controls their acknowledgements, which can fail or be held back.
    pub fn sent(&self) -> &Sent {
        &self.sent
    }

    /// Returns all dead letters, in their order.
    pub fn dead_letters(&self) -> Vec<SentRecord> {
        let mut records = self.sent.records();
        records.retain(|record| self.is_dead_letter(record));
        records
    }

    /// Returns the only dead letter.
    ///
    /// # Panics
    ///
    /// If there is no dead letter or more than one. The message contains the [log](Self::log).
    #[track_caller]
    pub fn dead_letter(&self) -> SentRecord {
        let letters = self.dead_letters();
        let [letter] = &letters[..] else {
            panic!("expected one dead letter, found {}:\n{self}", letters.len());
        };
        letter.clone()
    }

    /// Returns the committed messages that the handlers of an exactly-once worker have sent, in their order.
    ///
    /// Dead letters and delayed messages are not included: see [`dead_letters`](Self::dead_letters) and
    /// [`put_off`](Self::put_off), and [`sent`](Self::sent) for all of them.
    pub fn outputs(&self) -> Vec<SentRecord> {
        let mut records = self.sent.records();
        records.retain(|record| !self.is_dead_letter(record) && !self.is_put_off(record));
        records
    }

    /// Returns the messages that were published to [retry topics](KafkaConsumer::retry_topics), in their
    /// order. The worker reads such a message once it is acknowledged, and handles it once its delay is over.
    pub fn put_off(&self) -> Vec<SentRecord> {
        let mut records = self.sent.records();
        records.retain(|record| self.is_put_off(record));
        records
    }

    fn is_put_off(&self, record: &SentRecord) -> bool {
        let topic = record.topic();
        let is_named = |topics: &[String]| topics.iter().any(|name| name == topic);
        is_named(&self.reads) && !is_named(&self.consumer.topics)
    }

    fn is_dead_letter(&self, record: &SentRecord) -> bool {
        self.consumer
            .dead_letter_queue
            .as_ref()
            .is_some_and(|queue| {
                let given = self.topics.names();
                let mut topics = given.chain(self.consumer.topics.iter().map(String::as_str));
                topics.any(|topic| queue.of(topic) == record.topic())
            })
    }

    /// Pauses the worker, as [`ConsumerHandle::pause`](crate::ConsumerHandle::pause) does.
    pub fn pause(&self) {
        self.worker.engine().pause(true);
    }

    /// Resumes the worker, as [`ConsumerHandle::resume`](crate::ConsumerHandle::resume) does. The next
    /// [`run`](Self::run) handles the messages that waited.
    pub fn resume(&self) {
        self.worker.engine().pause(false);
    }

    /// Makes the broker refuse commits until [`accept_commits`](Self::accept_commits).
    ///
    /// An exactly-once worker cannot commit a transaction then and handles its messages again without end;
    /// use [`Sent::abort_next_transaction`] for it instead.
    pub fn refuse_commits(&self) {
        self.ledger.refuse(true);
    }

    /// Makes the broker accept commits again.
    pub fn accept_commits(&self) {
        self.ledger.refuse(false);
    }

    /// Returns the status of the worker, as [`ConsumerHandle::status`](crate::ConsumerHandle::status) does.
    pub fn status(&self) -> ConsumerStatus {
        self.worker.engine().status()
    }

    /// Returns the error that ended the worker; `None` if it is running or was asked to stop.
    pub fn error(&self) -> Option<ConsumerError> {
        self.report.as_ref()?.error.clone()
    }

    /// Stops the worker: finished messages are committed, and messages that were not handed out are left.
    /// Later calls return the same report.
    pub fn stop(&mut self) -> StopReport {
        if let Some(report) = &self.report {
            return report.clone();
        }
        let report = self.worker.stop();
        self.note_outside();
        let error = report.error.as_ref().map(ToString::to_string);
        self.note(Event::Stopped(error));
        self.report = Some(report.clone());
        report
    }

    /// Returns everything that has happened so far, each event with its time. [`Display`](fmt::Display)
    /// writes one event per line.
    pub fn log(&self) -> Vec<(Duration, Event)> {
        self.journal.events()
    }

    /// Hands out as many messages as there is room for.
    fn fetch(&mut self) {
        let worker = &self.worker;
        let room = |partition: &TopicPartition| worker.room(partition).unwrap_or(0);
        while let Some((partition, messages)) = self.topics.next(room) {
            let count = messages.len();
            worker.hand_out(&partition, messages.into_iter().map(TestMessage::fetched));
            self.topics.read(&partition, count);
        }
    }

    fn end_run(&mut self) {
        if self.report.is_some() {
            return;
        }
        if self.worker.is_to_stop() {
            self.stop();
        } else {
            self.worker.commit();
        }
    }

    /// Logs what was published and committed since the last call, and appends delayed messages to their
    /// partitions. Returns `true` if there were any.
    fn note_outside(&mut self) -> bool {
        let mut has_read = false;
        for record in self.sent.after(self.noted.0) {
            self.noted.0 += 1;
            let again = self.is_put_off(&record).then(|| TestMessage::from(&record));
            self.note(Event::Sent(record));
            if let Some(message) = again {
                self.put(message);
                has_read = true;
            }
        }
        for (partition, offset) in self.ledger.after(self.noted.1) {
            self.note(Event::Committed(partition, offset));
            self.noted.1 += 1;
        }
        has_read
    }

    fn note(&self, event: Event) {
        self.journal.note(self.clock.elapsed(), event);
    }

    fn end_of_log(&self) -> String {
        const LINES: usize = 20;
        let log = self.journal.to_string();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }
}

impl fmt::Display for TestWorker {
    /// Writes the log and the state of the worker.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{}", self.journal)?;
        let (in_flight, unread) = (self.status().in_flight, self.topics.unread());
        write!(f, "now {:?}", self.clock.elapsed())?;
        if let Some(due) = self.next_due() {
            write!(f, "; the next message is due in {due:?}")?;
        }
        if in_flight > 0 {
            write!(f, "; {in_flight} dead letters are in flight")?;
        }
        let unasked = self.status().handled_without_commit;
        if unasked > 0 {
            write!(
                f,
                "; {unasked} messages were handled without a commit: handlers return Ok without calling \
                 commit, and offsets do not move"
            )?;
        }
        if unread > 0 {
            write!(f, "; {unread} messages were not read")?;
        }
        Ok(())
    }
}

impl fmt::Debug for TestWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestWorker")
            .field("consumer", &self.consumer)
            .field("elapsed", &self.clock.elapsed())
            .field("assigned", &self.assigned)
            .finish_non_exhaustive()
    }
}

/// Replaces the brokers of `consumer` by the test.
fn prepared(mut consumer: KafkaConsumer, sent: &Sent) -> KafkaConsumer {
    let to_test = consumer.config.producer().send_to(sent);
    consumer.config.connects_like = Some(to_test);
    consumer.retry_backoff = consumer.retry_backoff.jitter(0.0);
    consumer
}

fn by_hand(
    consumer: &KafkaConsumer,
    transactional: Option<Transactional>,
    handler: &Arc<Handler>,
    clock: &TestClock,
    ledger: &Arc<Ledger>,
) -> Result<ByHand, ConsumerError> {
    let prepared = consumer.prepare(handler, transactional)?;
    let engine = engine_of(consumer, clock, prepared);
    let ledger = Arc::clone(ledger);
    ByHand::new(engine, Arc::clone(handler), clock.clone(), ledger)
}
