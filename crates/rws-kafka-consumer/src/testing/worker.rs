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

/// A run that takes more retries than this, with the clock standing still, does not end.
const MOST_RETRIES: usize = 10_000;
/// The same for the transactions that are lost.
const MOST_REWINDS: usize = 1_000;
/// The same for the times at which retries fall due.
const MOST_MOVES: usize = 100_000;

/// A worker that handles messages when a test tells it to, on the test's thread.
///
/// It is the engine of a real worker: order, retries, verdicts, dead letters, offsets, hooks, circuit
/// breaker and transactions are the ones of production. What is not there is the broker: messages are
/// [given](Self::give), offsets and what is published are [kept](Self::sent), and time stands still
/// until the test [moves](Self::advance) it. So a test needs no network and no thread, and ends the
/// same way each time.
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
/// A panic in a handler, such as that of an `assert!`, is a failed message here as in production: look
/// at what it has led to, or at the [log](Self::log), which is what `{worker}` shows.
pub struct TestWorker {
    consumer: KafkaConsumer,
    transactional: Option<Transactional>,
    handler: Arc<Handler>,
    worker: ByHand,
    clock: TestClock,
    ledger: Arc<Ledger>,
    journal: Arc<Journal>,
    topics: Topics,
    /// What is subscribed to, retry topics included.
    reads: Vec<String>,
    assigned: BTreeSet<TopicPartition>,
    /// Taken from the worker, and not given back by hand.
    withheld: BTreeSet<TopicPartition>,
    sent: Sent,
    /// How much of what is committed, and of what was sent, is in the log.
    noted: (usize, usize),
    report: Option<StopReport>,
}

impl TestWorker {
    /// A worker of `consumer` that hands messages to `handler`.
    ///
    /// Dead letters are kept, and go to no broker, unless the consumer has a
    /// [`dead_letter_producer`](KafkaConsumer::dead_letter_producer) of its own: what is put off goes
    /// there as well then, and does not come back. Waits have no
    /// [jitter](crate::Backoff::jitter) here, so that a test can tell when a retry falls due.
    ///
    /// # Errors
    ///
    /// As [`KafkaConsumer::try_start`], but for what librdkafka would have against a property.
    pub fn new<F>(consumer: KafkaConsumer, handler: F) -> Result<Self, ConsumerError>
    where
        F: Fn(ConsumerContext) -> HandlerResult + Send + Sync + 'static,
    {
        let handler = Handler::Each(Box::new(move |msg, _| handler(msg)));
        Self::begin(consumer, handler)
    }

    /// The same for a handler that takes batches.
    ///
    /// A batch that is not full waits [`batch_max_wait`](KafkaConsumer::batch_max_wait) for more, by the
    /// clock of the test: it comes at an [`advance`](Self::advance) by that, or with a wait of 0 at once.
    ///
    /// # Errors
    ///
    /// As [`KafkaConsumer::try_start_batch`], but for what librdkafka would have against a property.
    pub fn batch<F>(consumer: KafkaConsumer, handler: F) -> Result<Self, ConsumerError>
    where
        F: Fn(&MessageBatch) -> HandlerResult + Send + Sync + 'static,
    {
        let handler = Handler::Batches(Box::new(move |batch, _| handler(batch)));
        Self::begin(consumer, handler)
    }

    /// The same for a worker whose handlers' outputs and offsets are committed together. A run commits
    /// its transaction at its end.
    ///
    /// # Errors
    ///
    /// As [`ExactlyOnceConsumer::try_start`], but for what librdkafka would have against a property.
    pub fn exactly_once<F>(consumer: ExactlyOnceConsumer, handler: F) -> Result<Self, ConsumerError>
    where
        F: Fn(ConsumerContext, &mut Outputs) -> HandlerResult + Send + Sync + 'static,
    {
        Self::begin_transactional(consumer, Handler::Each(Box::new(handler)))
    }

    /// The same for a handler that takes batches.
    ///
    /// # Errors
    ///
    /// As [`ExactlyOnceConsumer::try_start_batch`], but for what librdkafka would have against a
    /// property.
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

    /// Puts a message to the end of its partition, for the next [`run`](Self::run); returns its offset.
    ///
    /// Its partition is [assigned](Self::assign) to the worker, unless that was done, or undone, before.
    ///
    /// # Panics
    ///
    /// For a topic that the consumer is not subscribed to (where it is to a pattern, any will do), and
    /// for an offset that is taken.
    #[track_caller]
    pub fn give(&mut self, message: impl Into<TestMessage>) -> i64 {
        let message = message.into();
        let topics = &self.reads;
        let is_subscribed = |of: &String| of.starts_with('^') || of == message.topic();
        assert!(
            topics.iter().any(is_subscribed),
            "a message of {:?}, but the consumer is subscribed to {topics:?}",
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

    /// The same for each of `messages`.
    #[track_caller]
    pub fn give_all<M: Into<TestMessage>>(&mut self, messages: impl IntoIterator<Item = M>) {
        for message in messages {
            self.give(message);
        }
    }

    /// Handles messages until there is nothing left to do at this time, and commits what is finished.
    ///
    /// What waits for a retry goes on waiting. A worker that is [paused](Self::pause), or has
    /// [stopped](Self::error), does nothing.
    ///
    /// # Panics
    ///
    /// When that has no end, as with retries that wait for no time.
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
            "there is no end to this: {retries} retries and {rewinds} lost transactions with the clock \
             standing still; the log ends with\n{}",
            self.end_of_log()
        );
    }

    /// Moves the clock by `time`, and handles what there is to do on the way: each retry when it falls
    /// due, in the order of their times.
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

    /// Handles all that there is, and moves the clock for as long as a retry is to come.
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run); when retries have no end.
    #[track_caller]
    pub fn run_to_end(&mut self) {
        self.run();
        for _ in 0..MOST_MOVES {
            let Some(due) = self.next_due() else { return };
            self.advance(due);
        }
        panic!(
            "there are retries to come at {MOST_MOVES} times, {:?} after the beginning; the log ends \
             with\n{}",
            self.clock.elapsed(),
            self.end_of_log()
        );
    }

    /// How long it is to what comes next by itself, a retry or a batch that is not full; `None` when
    /// nothing is to come.
    pub fn next_due(&self) -> Option<Duration> {
        self.worker.next_due()
    }

    /// How far the clock was moved.
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// What the clock shows, in milliseconds since 1970. It begins at 2020-01-01.
    pub fn now_ms(&self) -> i64 {
        Time::unix_ms(&self.clock)
    }

    /// The offset that is committed for a partition; `None` where none was.
    pub fn committed(&self, topic: &str, partition: i32) -> Option<i64> {
        self.ledger
            .committed(&TopicPartition::new(topic, partition))
    }

    /// Every commit, in its order.
    pub fn commits(&self) -> Vec<(TopicPartition, i64)> {
        self.ledger.commits()
    }

    /// How often a message was handled.
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

    /// What the worker publishes by itself, dead letters, retries and outputs, and how that is answered: it can
    /// be made to fail, and acknowledgements held back.
    pub fn sent(&self) -> &Sent {
        &self.sent
    }

    /// The dead letters, in their order.
    pub fn dead_letters(&self) -> Vec<SentRecord> {
        let mut records = self.sent.records();
        records.retain(|record| self.is_dead_letter(record));
        records
    }

    /// The one dead letter.
    ///
    /// # Panics
    ///
    /// Where there is none, and where there are more: with the [log](Self::log).
    #[track_caller]
    pub fn dead_letter(&self) -> SentRecord {
        let letters = self.dead_letters();
        let [letter] = &letters[..] else {
            panic!(
                "one dead letter was to be there, found {}:\n{self}",
                letters.len()
            );
        };
        letter.clone()
    }

    /// What the handlers of an exactly-once worker have sent and was committed, in its order. Dead
    /// letters are not among it, nor is what was moved to retry topics: see
    /// [`dead_letters`](Self::dead_letters) and [`put_off`](Self::put_off), and [`sent`](Self::sent)
    /// for all of it.
    pub fn outputs(&self) -> Vec<SentRecord> {
        let mut records = self.sent.records();
        records.retain(|record| !self.is_dead_letter(record) && !self.is_put_off(record));
        records
    }

    /// What was sent to [retry topics](KafkaConsumer::retry_topics), in its order. The worker reads it
    /// when it has its acknowledgement, and handles it when its delay is over.
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

    /// As [`ConsumerHandle::pause`](crate::ConsumerHandle::pause).
    pub fn pause(&self) {
        self.worker.engine().pause(true);
    }

    /// As [`ConsumerHandle::resume`](crate::ConsumerHandle::resume); what was held up is for the next
    /// [`run`](Self::run).
    pub fn resume(&self) {
        self.worker.engine().pause(false);
    }

    /// The broker takes no offsets, until [`accept_commits`](Self::accept_commits). Of an exactly-once
    /// worker, no transaction can be committed meanwhile, and its messages are handled again without
    /// end: [`Sent::abort_next_transaction`] is for those.
    pub fn refuse_commits(&self) {
        self.ledger.refuse(true);
    }

    /// The broker takes offsets again.
    pub fn accept_commits(&self) {
        self.ledger.refuse(false);
    }

    /// How the worker stands, as [`ConsumerHandle::status`](crate::ConsumerHandle::status).
    pub fn status(&self) -> ConsumerStatus {
        self.worker.engine().status()
    }

    /// Why the worker has stopped, where nobody asked for that.
    pub fn error(&self) -> Option<ConsumerError> {
        self.report.as_ref()?.error.clone()
    }

    /// Stops the worker: what is finished is committed, and what was not begun is left. Later calls tell
    /// the same.
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

    /// What has happened since the beginning, each with its time. [`Display`](fmt::Display) shows it a
    /// line each.
    pub fn log(&self) -> Vec<(Duration, Event)> {
        self.journal.events()
    }

    /// Hands out what there is room for.
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

    /// Takes down what was sent and committed since the last look, and brings the worker what it has
    /// put off; true where there was some.
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
    /// What has happened, and how the worker stands.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{}", self.journal)?;
        let (in_hand, unread) = (self.status().in_hand, self.topics.unread());
        write!(f, "now {:?}", self.clock.elapsed())?;
        if let Some(due) = self.next_due() {
            write!(f, "; the next is due in {due:?}")?;
        }
        if in_hand > 0 {
            write!(f, "; {in_hand} dead letters are on their way")?;
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

/// The consumer with the test as its broker.
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
