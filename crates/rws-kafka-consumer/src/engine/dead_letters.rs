use super::batch::Batch;
use super::clock::Clock;
use crate::backoff::Backoff;
use crate::dead_letter::{DeadLetterHeaders, Header, QueueName};
use crate::retry;
use rws_kafka_observe::trace::{TRACEPARENT, TRACESTATE, TraceContext};
use rws_kafka_producer::{DeliveryFuture, KafkaProducer, ProducerConfig, ProducerError, Record};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// A message that is given up or put off, on its way to the dead letter queue or a retry topic.
pub(crate) struct Letter {
    kind: LetterKind,
    topic: String,
    headers: Vec<Header>,
    /// The message came from a retry topic, whose headers it leaves behind.
    was_put_off: bool,
    /// None: that of the sending.
    timestamp_ms: Option<i64>,
    /// The span that gave the message up, where OpenTelemetry has it.
    trace: Option<TraceContext>,
    refusals: u32,
    /// With the number of the producer that has it.
    delivery: Option<(u64, DeliveryFuture)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LetterKind {
    Dead,
    PutOff,
}

impl Letter {
    /// For the dead letter queue `topic`, or a retry topic.
    pub(crate) fn to(topic: impl Into<String>, kind: LetterKind, headers: Vec<Header>) -> Self {
        Self {
            kind,
            topic: topic.into(),
            headers,
            was_put_off: false,
            timestamp_ms: None,
            trace: None,
            refusals: 0,
            delivery: None,
        }
    }

    /// The letter belongs to `trace`, in place of what the message came with.
    pub(crate) fn continues(&mut self, trace: Option<TraceContext>) {
        self.trace = trace;
    }

    /// The message has headers of a retry topic, which it leaves behind.
    pub(crate) fn leaves_retry_topic(&mut self, does: bool) {
        self.was_put_off = does;
    }

    pub(crate) fn of_time(&mut self, timestamp_ms: Option<i64>) {
        self.timestamp_ms = timestamp_ms;
    }

    pub(crate) fn kind(&self) -> LetterKind {
        self.kind
    }

    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }

    /// The letter of the message at `index`, as a record.
    pub(crate) fn record<'a>(&'a self, batch: &'a Batch, index: u32) -> Record<'a> {
        record(self, batch, index)
    }

    pub(crate) fn is_on_its_way(&self) -> bool {
        self.delivery.is_some()
    }
}

/// How a letter stands.
pub(crate) enum Posting {
    /// The broker has acknowledged it.
    Delivered,
    /// The waker tells when to look again.
    OnItsWay,
    /// It is posted again after a pause; `None` when that is of no use.
    Refused {
        error: ProducerError,
        again: Option<Duration>,
    },
}

/// Publishes dead letters, and what goes to retry topics. Nobody waits in here: an outcome comes by a
/// waker.
#[derive(Debug)]
pub(crate) struct DeadLetters {
    /// None where there are but retry topics.
    queue: Option<QueueName>,
    form: DeadLetterHeaders,
    backoff: Backoff,
    /// How to make a producer; none where it is the user's, whose end is not ours.
    config: Option<Box<ProducerConfig>>,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The number of the present producer, or of the last.
    number: u64,
    /// Producers that failed for good since the last letter was delivered.
    failures: u32,
    current: Current,
}

#[derive(Debug)]
enum Current {
    Open(KafkaProducer),
    /// The last one failed for good; the next one is made for whoever asks from then on.
    Failed(ProducerError, Instant),
    Ended,
}

impl DeadLetters {
    /// With a producer of its own, which is made anew when it has failed for good.
    pub(crate) fn new(
        queue: Option<QueueName>,
        form: DeadLetterHeaders,
        config: ProducerConfig,
    ) -> Result<Self, ProducerError> {
        let producer = KafkaProducer::new(config.clone())?;
        Ok(Self::with(queue, form, Some(Box::new(config)), producer))
    }

    /// Through a producer that belongs to someone else.
    pub(crate) fn through(
        queue: Option<QueueName>,
        form: DeadLetterHeaders,
        producer: KafkaProducer,
    ) -> Self {
        Self::with(queue, form, None, producer)
    }

    /// In the transactions of the worker, which brings them on their way itself.
    pub(crate) fn in_transactions(queue: Option<QueueName>, form: DeadLetterHeaders) -> Self {
        Self {
            queue,
            form,
            backoff: Backoff::default(),
            config: None,
            clock: Clock::default(),
            state: Mutex::new(State {
                number: 0,
                failures: 0,
                current: Current::Ended,
            }),
        }
    }

    fn with(
        queue: Option<QueueName>,
        form: DeadLetterHeaders,
        config: Option<Box<ProducerConfig>>,
        producer: KafkaProducer,
    ) -> Self {
        Self {
            queue,
            form,
            backoff: Backoff::default(),
            config,
            clock: Clock::default(),
            state: Mutex::new(State {
                number: 0,
                failures: 0,
                current: Current::Open(producer),
            }),
        }
    }

    /// Pauses are told by `clock`.
    #[cfg(feature = "testing")]
    pub(crate) fn timed_by(mut self, clock: &Clock) -> Self {
        self.clock = clock.clone();
        if let Clock::Test(_) = clock {
            self.backoff = self.backoff.jitter(0.0);
        }
        self
    }

    pub(crate) fn queue(&self) -> Option<&QueueName> {
        self.queue.as_ref()
    }

    pub(crate) fn form(&self) -> DeadLetterHeaders {
        self.form
    }

    /// Posts the letter of the message at `index`, where it is not on its way yet, and looks what
    /// has become of it.
    pub(crate) fn poll(
        &self,
        letter: &mut Letter,
        batch: &Batch,
        index: u32,
        waker: &Waker,
    ) -> Posting {
        let (number, mut delivery) = match letter.delivery.take() {
            Some(delivery) => delivery,
            None => match self.producer() {
                Ok((number, producer)) => {
                    let record = record(letter, batch, index);
                    let _scope = letter.trace.as_ref().map(TraceContext::enter);
                    (number, producer.send_record_async(record))
                }
                Err(posting) => return posting,
            },
        };
        match Pin::new(&mut delivery).poll(&mut Context::from_waker(waker)) {
            Poll::Pending => {
                letter.delivery = Some((number, delivery));
                Posting::OnItsWay
            }
            Poll::Ready(Ok(_)) => {
                self.lock().failures = 0;
                Posting::Delivered
            }
            Poll::Ready(Err(error)) => {
                let is_hopeless = error.is_fatal() && self.config.is_none();
                if error.is_fatal() && !is_hopeless {
                    self.replace(number, &error);
                }
                letter.refusals += 1;
                let again = self.backoff.wait_after(letter.refusals);
                Posting::Refused {
                    error,
                    again: (!is_hopeless).then_some(again),
                }
            }
        }
    }

    /// Gives up what is still on its way, for good; those messages come again.
    pub(crate) fn end(&self) {
        if self.config.is_some() {
            let left = self.lock().change(Current::Ended);
            close(left);
        }
    }

    /// The present producer and its number; else when there may be another.
    fn producer(&self) -> Result<(u64, KafkaProducer), Posting> {
        let mut state = self.lock();
        let refused = |error: &ProducerError, again: Duration| Posting::Refused {
            error: error.clone(),
            again: Some(again),
        };
        match (&state.current, &self.config) {
            (Current::Open(producer), _) => return Ok((state.number, producer.clone())),
            (Current::Failed(error, until), Some(_)) if self.clock.now() < *until => {
                let left = until.saturating_duration_since(self.clock.now());
                return Err(refused(error, left));
            }
            (Current::Failed(..), Some(config)) => match KafkaProducer::new((**config).clone()) {
                Ok(producer) => {
                    state.number += 1;
                    state.change(Current::Open(producer.clone()));
                    return Ok((state.number, producer));
                }
                Err(error) => {
                    let pause = state.pause(&self.backoff);
                    let posting = refused(&error, pause);
                    state.change(Current::Failed(error, self.clock.after(pause)));
                    return Err(posting);
                }
            },
            (Current::Ended, _) | (Current::Failed(..), None) => {}
        }
        Err(Posting::Refused {
            error: ProducerError::Closed,
            again: None,
        })
    }

    /// Lets go of producer `number`, which has failed for good, unless another letter has.
    fn replace(&self, number: u64, error: &ProducerError) {
        let mut state = self.lock();
        if state.number == number && matches!(state.current, Current::Open(_)) {
            let until = self.clock.after(state.pause(&self.backoff));
            let failed = state.change(Current::Failed(error.clone(), until));
            drop(state);
            close(failed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn change(&mut self, to: Current) -> Current {
        std::mem::replace(&mut self.current, to)
    }

    /// How long to wait after one more failure.
    fn pause(&mut self, backoff: &Backoff) -> Duration {
        self.failures = self.failures.saturating_add(1);
        backoff.wait_after(self.failures)
    }
}

/// The message as it first came, with the letter's headers after its own. Only its trace goes on where the
/// letter has one.
fn record<'a>(letter: &'a Letter, batch: &'a Batch, index: u32) -> Record<'a> {
    let of_trace = |name: &str| {
        let names = [TRACEPARENT, TRACESTATE];
        names.iter().any(|of| name.eq_ignore_ascii_case(of))
    };
    let mut record = Record::to(&letter.topic);
    if let Some(key) = batch.key(index) {
        record = record.key(key);
    }
    if let Some(payload) = batch.payload(index) {
        record = record.payload(payload);
    }
    if let Some(timestamp_ms) = letter.timestamp_ms
        // Others may write what cannot be sent.
        && Record::TIMESTAMPS_MS.contains(&timestamp_ms)
    {
        record = record.timestamp_ms(timestamp_ms);
    }
    let own = match letter.was_put_off {
        true => retry::own_headers(batch.headers(index)),
        false => batch.headers(index).collect(),
    };
    for (name, value) in own {
        if letter.trace.is_some() && of_trace(name) {
            continue;
        }
        record = match value {
            Some(value) => record.header(name, value),
            None => record.header(name, &None::<&[u8]>),
        };
    }
    for (name, value) in &letter.headers {
        record = record.header(name, value);
    }
    record
}

/// On a thread of its own, as it waits for a broker.
fn close(left: Current) {
    if let Current::Open(producer) = left {
        let close = move || {
            let _ = producer.close(Duration::ZERO);
        };
        // Without a thread it is closed here.
        let _ = std::thread::Builder::new()
            .name("rws-kafka-dlq-close".to_owned())
            .spawn(close);
    }
}
