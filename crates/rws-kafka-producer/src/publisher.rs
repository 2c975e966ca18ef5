//! The path of a message between `send` and its outcome.

use crate::checks::check_record;
use crate::client::{Client, NotTaken, Wanted};
use crate::clients::Clients;
use crate::config::ProducerConfig;
use crate::deliveries::Deliveries;
use crate::delivery::Delivery;
use crate::error::ProducerError;
use crate::publish::Publish;
use crate::record::Record;
use crate::room::Room;
use crate::token::{SentAt, Token, now_ms};
use crate::waiters::Slot;
use rws_kafka_client::{Connection, Deadline};
use rws_kafka_observe::{ProducerStatus, Source};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, ThreadId};
use std::time::Duration;

/// How long one poll of the producer's thread takes.
const POLL: Duration = Duration::from_millis(100);

/// The same while a caller waits for room. librdkafka makes room when all reports of a batch are served,
/// without a notification.
const POLL_FOR_ROOM: Duration = Duration::from_millis(5);

/// How often a flush checks whether it is done: librdkafka does not notify it.
const FLUSH_LOOK: Duration = Duration::from_millis(1);

/// How long the reports of discarded messages may take. They wait for no broker.
const GIVE_UP: Duration = Duration::from_secs(1);

/// Publishes the messages of one producer.
pub(crate) struct Publisher {
    clients: Clients,
    /// The value of [`Client::is_polled`] for each of its clients.
    is_polled: bool,
    max_block: Duration,
    fail_fast: bool,
    closed: AtomicBool,
    stopping: AtomicBool,
    /// The thread that serves deliveries.
    thread: OnceLock<ThreadId>,
}

/// The result of offering a message without waiting for room.
pub(crate) enum Offered {
    /// The message is in the queue; the slot receives its outcome.
    Taken(Arc<Slot>),
    /// The queue is full.
    NoRoom,
}

/// A message in the queue whose outcome is awaited or traced.
struct Watched {
    token: Token,
    slot: Arc<Slot>,
}

impl Publisher {
    pub(crate) fn new(config: &ProducerConfig) -> Result<Self, ProducerError> {
        let properties = config.properties()?;
        let timeout = properties
            .get("message.timeout.ms")
            .and_then(|ms| ms.parse().ok())
            .map_or(Duration::MAX, Duration::from_millis);
        let deliveries = Arc::new(Deliveries::new(
            properties.get("client.id").unwrap_or_default(),
            Connection::new(config.kafka.client_properties()),
            timeout,
            config.on_delivery.clone(),
            config.observer.clone(),
        ));
        let wanted = Wanted {
            properties,
            deliveries,
            // A transaction cannot continue with another client: its producer decides.
            heals: config.transactional_id.is_none(),
        };
        let clients = Clients::new(Arc::clone(&config.connect), wanted)?;
        Ok(Self {
            is_polled: clients.get().is_polled(),
            clients,
            max_block: config.max_block,
            fail_fast: config.fail_fast,
            closed: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            thread: OnceLock::new(),
        })
    }

    /// Shows the producer on the status page from now on.
    pub(crate) fn show(self: &Arc<Self>) {
        self.deliveries().health().told_by(self);
    }

    /// Hands a message over and does not wait for its outcome.
    pub(crate) fn send(&self, record: &Record<'_>) -> Result<(), ProducerError> {
        self.check(record)?;
        let publish = Publish::begin(record);
        if publish.is_watched() {
            // The span ends with the delivery.
            return self.enqueue_watched(record, &publish).map(drop);
        }
        let sent_ms = now_ms();
        let token = Token::Unwatched(SentAt::of(sent_ms));
        self.enqueue(record, &publish, token, sent_ms)
    }

    /// Hands a message over and waits for its outcome.
    pub(crate) fn send_sync(&self, record: &Record<'_>) -> Result<Delivery, ProducerError> {
        self.check(record)?;
        if self.is_own_thread() {
            return Err(ProducerError::InCallback {
                topic: record.topic.to_owned(),
            });
        }
        let Watched { token, slot } = self.enqueue_watched(record, &Publish::begin(record))?;
        if !self.is_polled {
            self.client().before_wait(token);
        }
        slot.wait()
    }

    fn enqueue_watched(
        &self,
        record: &Record<'_>,
        publish: &Publish,
    ) -> Result<Watched, ProducerError> {
        self.watched(record, publish, |token, sent_ms| {
            self.enqueue(record, publish, token, sent_ms)
        })
        .inspect_err(|error| publish.failed(error))
    }

    /// Hands a message over if there is room for it.
    pub(crate) fn offer(
        &self,
        record: &Record<'_>,
        publish: &Publish,
    ) -> Result<Offered, ProducerError> {
        self.check(record)?;
        let offered = self.watched(record, publish, |token, sent_ms| {
            let context = publish.context();
            self.clients.enqueue(record, context, token, sent_ms)
        });
        match offered {
            Ok(watched) => Ok(Offered::Taken(watched.slot)),
            Err(NotTaken::Full) if self.is_polled => Ok(Offered::NoRoom),
            Err(NotTaken::Full) => Err(self.queue_full(record, self.max_block)),
            Err(NotTaken::Refused(error)) => Err(self.refused(record, error)),
        }
    }

    fn watched<E>(
        &self,
        record: &Record<'_>,
        publish: &Publish,
        enqueue: impl FnOnce(Token, i64) -> Result<(), E>,
    ) -> Result<Watched, E> {
        let waiters = self.deliveries().waiters();
        let sent_ms = now_ms();
        let (number, slot) = waiters.enrol(record.topic, SentAt::of(sent_ms), publish);
        let token = Token::Watched(number);
        match enqueue(token, sent_ms) {
            Ok(()) => Ok(Watched { token, slot }),
            Err(error) => {
                waiters.take(number);
                Err(error)
            }
        }
    }

    fn check(&self, record: &Record<'_>) -> Result<(), ProducerError> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(ProducerError::Closed);
        }
        check_record(record)?;
        if self.fail_fast
            && let Some(within) = self.deliveries().connection().down_for()
        {
            let cause = self.deliveries().connection().cause();
            return Err(self.refused(record, ProducerError::Unreachable { within, cause }));
        }
        Ok(())
    }

    /// Returns `true` if the next probe should be sent early.
    pub(crate) fn wants_probe(&self) -> bool {
        self.fail_fast && self.deliveries().connection().down_for().is_some()
    }

    fn enqueue(
        &self,
        record: &Record<'_>,
        publish: &Publish,
        token: Token,
        sent_ms: i64,
    ) -> Result<(), ProducerError> {
        let context = publish.context();
        match self.clients.enqueue(record, context, token, sent_ms) {
            Ok(()) => Ok(()),
            Err(NotTaken::Refused(error)) => Err(self.refused(record, error)),
            Err(NotTaken::Full) => self.enqueue_when_there_is_room(record, publish, token, sent_ms),
        }
    }

    #[cold]
    fn enqueue_when_there_is_room(
        &self,
        record: &Record<'_>,
        publish: &Publish,
        token: Token,
        sent_ms: i64,
    ) -> Result<(), ProducerError> {
        if !self.is_polled {
            // No report can make room while this thread waits.
            return Err(self.queue_full(record, self.max_block));
        }
        let max_block = if self.is_own_thread() {
            // Inside `on_delivery` this thread would wait for itself.
            Duration::ZERO
        } else {
            self.max_block
        };
        let until = Deadline::after(max_block);
        loop {
            if until.has_passed() {
                return Err(self.queue_full(record, max_block));
            }
            self.room().wait(until);
            if self.closed.load(Ordering::Relaxed) {
                return Err(ProducerError::Closed);
            }
            let context = publish.context();
            match self.clients.enqueue(record, context, token, sent_ms) {
                Ok(()) => return Ok(()),
                Err(NotTaken::Refused(error)) => return Err(self.refused(record, error)),
                Err(NotTaken::Full) => {}
            }
        }
    }

    pub(crate) fn queue_full(&self, record: &Record<'_>, waited: Duration) -> ProducerError {
        let deliveries = self.deliveries();
        self.refused(
            record,
            ProducerError::QueueFull {
                topic: record.topic.to_owned(),
                waited,
                cause: deliveries.connection().cause(),
            },
        )
    }

    /// A message that was never accepted counts as one that failed to publish.
    fn refused(&self, record: &Record<'_>, error: ProducerError) -> ProducerError {
        self.deliveries().recorders().failed(record.topic);
        error
    }

    pub(crate) fn max_block(&self) -> Duration {
        self.max_block
    }

    pub(crate) fn room(&self) -> &Room {
        self.deliveries().room()
    }

    /// Serves deliveries until [`stop`](Self::stop), then closes: if the last clone was dropped in
    /// `on_delivery`, nothing has been flushed yet.
    pub(crate) fn run(&self, close_timeout: Duration) {
        let _ = self.thread.set(thread::current().id());
        let serve = || {
            let room = self.room();
            let client = self.client();
            client.poll(if room.is_awaited() {
                POLL_FOR_ROOM
            } else {
                POLL
            });
            room.announce();
            let is_open = !self.closed.load(Ordering::Relaxed);
            self.clients.look_after(client, is_open);
        };
        while !self.stopping.load(Ordering::Acquire) {
            serve();
        }
        self.close_by(close_timeout, serve);
    }

    /// Returns `true` if reports come only on the producer's own thread.
    pub(crate) fn is_polled(&self) -> bool {
        self.is_polled
    }

    /// Returns `true` on the thread that reports deliveries, which must not wait for one.
    pub(crate) fn is_own_thread(&self) -> bool {
        self.thread.get() == Some(&thread::current().id())
            || (!self.is_polled && self.client().is_reporting())
    }

    /// Refuses all further messages.
    pub(crate) fn refuse(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    /// Ends the threads after the last clone was dropped.
    pub(crate) fn stop(&self) {
        self.deliveries().health().retired();
        self.stopping.store(true, Ordering::Release);
    }

    /// Waits until every accepted message has its outcome; returns how many have none.
    pub(crate) fn flush(&self, time: Duration) -> usize {
        self.flush_by(time, || thread::sleep(FLUSH_LOOK))
    }

    /// Refuses further messages, flushes, and discards the remaining messages; returns how many that were.
    pub(crate) fn close(&self, time: Duration) -> usize {
        self.close_by(time, || thread::sleep(FLUSH_LOOK))
    }

    /// Waits without serving deliveries: only the producer's own thread does that, so that `on_delivery` runs
    /// for them in order, one at a time.
    fn flush_by(&self, time: Duration, wait: impl Fn()) -> usize {
        let until = Deadline::after(time);
        loop {
            let left = self.in_flight();
            if left == 0 || until.has_passed() || !self.is_polled {
                return left;
            }
            wait();
        }
    }

    /// Returns the number of messages that were accepted and not yet reported.
    fn in_flight(&self) -> usize {
        let (messages, _) = self.deliveries().in_flight().count();
        usize::try_from(messages).unwrap_or(usize::MAX)
    }

    fn close_by(&self, time: Duration, wait: impl Fn()) -> usize {
        self.refuse();
        if self.flush_by(time, &wait) == 0 {
            return 0;
        }
        let given_up = || self.deliveries().given_up();
        let before = given_up();
        self.client().purge();
        let unreported = self.flush_by(GIVE_UP, &wait);
        let undelivered = given_up() - before + unreported;
        if undelivered > 0 {
            tracing::error!(
                target: "rws_kafka",
                undelivered,
                "the producer was closed after {time:?} with undelivered messages"
            );
        }
        undelivered
    }

    /// Asks a broker for metadata and reports the result to health.
    pub(crate) fn ping(&self, time: Duration) -> Result<(), ProducerError> {
        let deliveries = self.deliveries();
        let client = self.client();
        let topic = deliveries.recorders().latest();
        let answered = client.fatal().is_none() && client.ping(topic.as_deref(), time);
        if let Some(error) = client.fatal() {
            deliveries.health().unreachable_for(Some(error.to_string()));
            deliveries.note_error(&error);
            return Err(error);
        }
        if answered {
            deliveries.connection().recovered();
            if !self.clients.is_on_trial() {
                deliveries.health().reachable();
            }
            return Ok(());
        }
        deliveries.connection().unanswered();
        let cause = deliveries.connection().cause();
        let of_settings = cause.as_ref().filter(|cause| cause.is_of_settings());
        deliveries
            .health()
            .unreachable_for(of_settings.map(ToString::to_string));
        let error = ProducerError::Unreachable {
            within: time,
            cause,
        };
        deliveries.note_error(&error);
        Err(error)
    }

    pub(crate) fn client(&self) -> Arc<dyn Client> {
        self.clients.get()
    }

    pub(crate) fn deliveries(&self) -> &Deliveries {
        self.clients.deliveries()
    }
}

impl Source<ProducerStatus> for Publisher {
    fn fill(&self, status: &mut ProducerStatus) {
        self.deliveries().fill(status);
    }
}
