//! What happens to a message between `send` and its outcome.

use crate::clients::Clients;
use crate::config::ProducerConfig;
use crate::deliveries::Deliveries;
use crate::delivery::Delivery;
use crate::error::ProducerError;
use crate::publish::Publish;
use crate::record::Record;
use crate::token::{SentAt, Token, now_ms};
use crate::transport::{Client, Enqueue};
use crate::waiters::{Room, Slot};
use rws_kafka_observe::{ProducerStatus, Source};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

/// How long one poll of the producer's thread lasts.
const POLL: Duration = Duration::from_millis(100);

/// The same while someone waits for room: librdkafka makes it when all reports of a batch are
/// served, which nothing tells.
const POLL_FOR_ROOM: Duration = Duration::from_millis(5);

/// How often a flush looks whether it is done: librdkafka does not tell.
const FLUSH_LOOK: Duration = Duration::from_millis(1);

/// How long the reports of what was given up may take: they wait for no broker.
const GIVE_UP: Duration = Duration::from_secs(1);

/// The client and what hangs on its deliveries.
pub(crate) struct Engine {
    clients: Clients,
    max_block: Duration,
    fail_fast: bool,
    closed: AtomicBool,
    stopping: AtomicBool,
    /// The thread that serves deliveries.
    thread: OnceLock<ThreadId>,
}

impl Engine {
    pub(crate) fn new(config: &ProducerConfig) -> Result<Self, ProducerError> {
        let properties = config.properties()?;
        let timeout = properties
            .get("message.timeout.ms")
            .and_then(|ms| ms.parse().ok())
            .map_or(Duration::MAX, Duration::from_millis);
        let client = properties.get("client.id").unwrap_or_default();
        let deliveries = Arc::new(Deliveries::new(config, client, timeout));
        // A transaction does not outlive its client: its producer decides.
        let heals = config.transactional_id.is_none();
        let shared = Arc::clone(&deliveries);
        #[cfg(feature = "testing")]
        let client = match &config.sent {
            Some(sent) => Client::of_test(&properties, shared, sent.client(heals)),
            None => Client::new(&properties, shared, heals)?,
        };
        #[cfg(not(feature = "testing"))]
        let client = Client::new(&properties, shared, heals)?;
        Ok(Self {
            clients: Clients::new(properties, deliveries, client),
            max_block: config.max_block,
            fail_fast: config.fail_fast,
            closed: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            thread: OnceLock::new(),
        })
    }

    /// From here on a status page shows the producer.
    pub(crate) fn show(self: &Arc<Self>) {
        self.deliveries().health().told_by(self);
    }

    /// Hands a message over and does not wait for its outcome.
    pub(crate) fn send(&self, record: &Record<'_>) -> Result<(), ProducerError> {
        self.check(record)?;
        let publish = Publish::begin(record);
        if publish.is_watched() {
            // Its span ends with the delivery.
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
        let slot = self.enqueue_watched(record, &Publish::begin(record))?;
        #[cfg(feature = "testing")]
        if let Some(test) = self.client().test() {
            // Who would acknowledge it waits here.
            test.time_out(self.deliveries(), &slot);
        }
        slot.wait()
    }

    fn enqueue_watched(
        &self,
        record: &Record<'_>,
        publish: &Publish,
    ) -> Result<Arc<Slot>, ProducerError> {
        self.watched(record, publish, |token, sent_ms| {
            self.enqueue(record, publish, token, sent_ms)
        })
        .inspect_err(|error| publish.failed(error))
    }

    /// Hands a message over, where there is room for it; the slot gets its outcome.
    pub(crate) fn try_send_watched(
        &self,
        record: &Record<'_>,
        publish: &Publish,
    ) -> Result<Option<Arc<Slot>>, ProducerError> {
        self.check(record)?;
        let mut full = false;
        let slot = self.watched(record, publish, |token, sent_ms| {
            let context = publish.context();
            match self.clients.enqueue(record, context, token, sent_ms) {
                Ok(()) => Ok(()),
                Err(Enqueue::Refused(error)) => Err(self.refused(record, error)),
                #[cfg(feature = "testing")]
                Err(Enqueue::Full) if self.client().test().is_some() => {
                    Err(self.queue_full(record, self.max_block))
                }
                Err(Enqueue::Full) => {
                    full = true;
                    Err(ProducerError::Closed)
                }
            }
        });
        if full { Ok(None) } else { slot.map(Some) }
    }

    fn watched(
        &self,
        record: &Record<'_>,
        publish: &Publish,
        enqueue: impl FnOnce(Token, i64) -> Result<(), ProducerError>,
    ) -> Result<Arc<Slot>, ProducerError> {
        let waiters = self.deliveries().waiters();
        let sent_ms = now_ms();
        let (number, slot) = waiters.enrol(record.topic, SentAt::of(sent_ms), publish);
        match enqueue(Token::Watched(number), sent_ms) {
            Ok(()) => Ok(slot),
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

    /// Returns `true` if the next probe should not wait for its turn.
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
            Err(Enqueue::Refused(error)) => Err(self.refused(record, error)),
            Err(Enqueue::Full) => self.enqueue_when_there_is_room(record, publish, token, sent_ms),
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
        #[cfg(feature = "testing")]
        if self.client().test().is_some() {
            // Nothing changes by waiting.
            return Err(self.queue_full(record, self.max_block));
        }
        let max_block = if self.is_own_thread() {
            // In `on_delivery`, nobody makes room meanwhile.
            Duration::ZERO
        } else {
            self.max_block
        };
        let until = after(max_block);
        loop {
            if Instant::now() >= until {
                return Err(self.queue_full(record, max_block));
            }
            self.room().wait(until);
            if self.closed.load(Ordering::Relaxed) {
                return Err(ProducerError::Closed);
            }
            let context = publish.context();
            match self.clients.enqueue(record, context, token, sent_ms) {
                Ok(()) => return Ok(()),
                Err(Enqueue::Refused(error)) => return Err(self.refused(record, error)),
                Err(Enqueue::Full) => {}
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

    /// Serves deliveries until [`stop`](Self::stop), then closes: where the last handle went in
    /// `on_delivery`, nothing was flushed yet.
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

    pub(crate) fn is_own_thread(&self) -> bool {
        #[cfg(feature = "testing")]
        if let Some(test) = self.client().test() {
            return test.is_reporting();
        }
        self.thread.get() == Some(&thread::current().id())
    }

    /// Takes no more messages.
    pub(crate) fn refuse(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    /// The last handle is gone.
    pub(crate) fn stop(&self) {
        self.deliveries().health().retired();
        self.stopping.store(true, Ordering::Release);
    }

    /// Waits until everything accepted has its outcome; returns how much has not.
    pub(crate) fn flush(&self, time: Duration) -> usize {
        self.flush_by(time, || thread::sleep(FLUSH_LOOK))
    }

    /// Takes no more, flushes, and gives up what is left; returns how much that was.
    pub(crate) fn close(&self, time: Duration) -> usize {
        self.close_by(time, || thread::sleep(FLUSH_LOOK))
    }

    /// Only the producer's own thread may serve deliveries: `on_delivery` is told of them in
    /// order, one at a time.
    fn flush_by(&self, time: Duration, wait: impl Fn()) -> usize {
        let until = after(time);
        loop {
            let left = self.client().in_flight();
            if left == 0 || Instant::now() >= until {
                return left;
            }
            #[cfg(feature = "testing")]
            if self.client().test().is_some() {
                return left;
            }
            wait();
        }
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
                "the producer is closed with messages undelivered after {time:?}"
            );
        }
        undelivered
    }

    /// Asks a broker for metadata and tells health what came of it.
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

    pub(crate) fn client(&self) -> Arc<Client> {
        self.clients.get()
    }

    pub(crate) fn deliveries(&self) -> &Deliveries {
        self.clients.deliveries()
    }
}

impl Source<ProducerStatus> for Engine {
    fn fill(&self, status: &mut ProducerStatus) {
        self.deliveries().fill(status);
    }
}

/// Checks that Kafka takes the topic's name, the headers' names and the timestamp.
pub(crate) fn check_record(record: &Record<'_>) -> Result<(), ProducerError> {
    crate::topic::check_topic_name(record.topic)?;
    if let Some(timestamp_ms) = record.timestamp_ms
        && !Record::TIMESTAMPS_MS.contains(&timestamp_ms)
    {
        return Err(ProducerError::InvalidTimestamp {
            topic: record.topic.to_owned(),
            timestamp_ms,
        });
    }
    match record.headers.iter().find(|(name, _)| name.contains('\0')) {
        None => Ok(()),
        Some((name, _)) => Err(ProducerError::InvalidHeader {
            topic: record.topic.to_owned(),
            name: (*name).to_owned(),
        }),
    }
}

/// The instant in `time` from now; one too far away to be told is in thirty years.
pub(crate) fn after(time: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
    Instant::now() + time.min(FAR)
}
