use super::letter::{Letter, LetterKind};
use crate::failure::backoff::Backoff;
use crate::failure::dead_letter::{DeadLetterHeaders, QueueName};
use crate::partition::Batch;
use parking_lot::{Mutex, MutexGuard};
use rws_kafka_dispatch::Clock;
use rws_kafka_observe::trace::TraceContext;
use rws_kafka_observe::{LogRate, non_zero};
use rws_kafka_producer::{KafkaProducer, ProducerConfig, ProducerError, TransactionalProducer};
use std::collections::BTreeSet;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// How long a letter waits before it checks again whether its retry topic was created.
const CREATION: Duration = Duration::from_millis(200);

/// The state of a letter.
pub(crate) enum Posting {
    /// The broker has acknowledged it.
    Delivered,
    /// The waker signals when to poll again.
    OnItsWay,
    /// It is sent again after a pause; `None` if it can never be sent.
    Refused {
        error: ProducerError,
        again: Option<Duration>,
    },
}

/// Publishes dead letters and delayed messages. Its calls never block: results are signalled by a waker.
#[derive(Debug)]
pub(crate) struct DeadLetters {
    /// `None` if there are only retry topics.
    queue: Option<QueueName>,
    form: DeadLetterHeaders,
    backoff: Backoff,
    /// The settings of the producer; `None` for the user's producer, which is not replaced or closed.
    config: Option<Box<ProducerConfig>>,
    clock: Clock,
    /// Limits the log of letters whose headers did not fit.
    shrunk: LogRate,
    /// Retry topics that the worker has yet to create. If a producer used them earlier, the broker would
    /// create them with its defaults, whose retention may delete waiting messages.
    to_create: Mutex<BTreeSet<String>>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The number of the current producer, or of the last one.
    number: u64,
    /// The number of producers that failed permanently since the last letter was delivered.
    failures: u32,
    current: Current,
}

#[derive(Debug)]
enum Current {
    Open(KafkaProducer),
    /// The last producer failed permanently. The next one is created on demand after this time.
    Failed(ProducerError, Instant),
    Ended,
}

impl DeadLetters {
    /// Creates a publisher with a producer of its own, which is replaced when it has failed permanently.
    pub(crate) fn new(
        queue: Option<QueueName>,
        form: DeadLetterHeaders,
        config: ProducerConfig,
    ) -> Result<Self, ProducerError> {
        let producer = KafkaProducer::new(config.clone())?;
        Ok(Self::with(
            queue,
            form,
            Some(Box::new(config)),
            Current::Open(producer),
        ))
    }

    /// Creates a publisher that uses the user's producer.
    pub(crate) fn through(
        queue: Option<QueueName>,
        form: DeadLetterHeaders,
        producer: KafkaProducer,
    ) -> Self {
        Self::with(queue, form, None, Current::Open(producer))
    }

    /// Creates a publisher for an exactly-once worker, whose transactions send the letters.
    pub(crate) fn in_transactions(queue: Option<QueueName>, form: DeadLetterHeaders) -> Self {
        Self::with(queue, form, None, Current::Ended)
    }

    fn with(
        queue: Option<QueueName>,
        form: DeadLetterHeaders,
        config: Option<Box<ProducerConfig>>,
        current: Current,
    ) -> Self {
        Self {
            queue,
            form,
            backoff: Backoff::default(),
            config,
            clock: Clock::default(),
            shrunk: LogRate::new(Duration::from_secs(1)),
            to_create: Mutex::default(),
            state: Mutex::new(State {
                number: 0,
                failures: 0,
                current,
            }),
        }
    }

    /// Sets the waits between attempts, and the clock.
    pub(crate) fn timed_by(mut self, clock: &Clock, backoff: Backoff) -> Self {
        self.clock = clock.clone();
        self.backoff = backoff;
        self
    }

    pub(crate) fn queue(&self) -> Option<&QueueName> {
        self.queue.as_ref()
    }

    pub(crate) fn form(&self) -> DeadLetterHeaders {
        self.form
    }

    /// Holds back letters to these topics until they are [released](Self::release).
    pub(in crate::engine) fn hold<'a>(&self, topics: impl Iterator<Item = &'a str>) {
        self.to_create.lock().extend(topics.map(str::to_owned));
    }

    /// Releases letters to the topics that `exists` accepts.
    pub(in crate::engine) fn release(&self, exists: impl Fn(&str) -> bool) {
        self.to_create.lock().retain(|topic| !exists(topic));
    }

    /// Sends the letter of the message at `index`, unless it is in flight, and returns its state.
    pub(crate) fn poll(
        &self,
        letter: &mut Letter,
        batch: &Batch,
        index: u32,
        waker: &Waker,
    ) -> Posting {
        let topic = letter.topic();
        if letter.kind() == LetterKind::PutOff && self.to_create.lock().contains(topic) {
            let topic = topic.to_owned();
            return Posting::Refused {
                error: ProducerError::UnknownTopic { topic },
                again: Some(CREATION),
            };
        }
        loop {
            let (number, mut delivery) = match letter.delivery.take() {
                Some(delivery) => delivery,
                None => match self.producer() {
                    Ok((number, producer)) => {
                        let record = letter.record(batch, index);
                        let _scope = letter.trace().map(TraceContext::enter);
                        (number, producer.send_record_async(record))
                    }
                    Err(posting) => return posting,
                },
            };
            let error = match Pin::new(&mut delivery).poll(&mut Context::from_waker(waker)) {
                Poll::Pending => {
                    letter.delivery = Some((number, delivery));
                    return Posting::OnItsWay;
                }
                Poll::Ready(Ok(_)) => {
                    self.lock().failures = 0;
                    self.log_shrunk(letter, batch, index);
                    return Posting::Delivered;
                }
                Poll::Ready(Err(error @ ProducerError::MessageTooLarge { .. })) => {
                    // Without a pause: there are at most three steps, and each gets another answer.
                    if letter.shrink() {
                        continue;
                    }
                    letter.does_not_fit(error, batch, index)
                }
                Poll::Ready(Err(error)) => error,
            };
            let is_hopeless = error.is_fatal() && self.config.is_none();
            if error.is_fatal() && !is_hopeless {
                self.replace(number, &error);
            }
            letter.refusals += 1;
            let again = self.backoff.wait_after(letter.refusals);
            return Posting::Refused {
                error,
                again: (!is_hopeless).then_some(again),
            };
        }
    }

    /// Shortens the headers of the letter until they fit, for a transaction, where the broker's answer would
    /// come too late.
    pub(crate) fn fit(
        &self,
        letter: &mut Letter,
        batch: &Batch,
        index: u32,
        producer: &TransactionalProducer,
    ) {
        letter.fit(batch, index, producer);
        self.log_shrunk(letter, batch, index);
    }

    fn log_shrunk(&self, letter: &Letter, batch: &Batch, index: u32) {
        let Some(how) = letter.shrunk_to() else {
            return;
        };
        if let Some(held_back) = self.shrunk.admit() {
            tracing::warn!(
                target: "rws_kafka",
                partition = %batch.partition().name,
                offset = batch.offset(index),
                topic = letter.topic(),
                held_back = non_zero(held_back),
                "a message close to the size limit was published {how}"
            );
        }
    }

    /// Drops the letters that are still in flight, permanently. Their messages are delivered again.
    pub(crate) fn end(&self) {
        if self.config.is_some() {
            let left = self.lock().change(Current::Ended);
            close(left);
        }
    }

    /// The current producer and its number, or the time until there may be another one.
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

    /// Drops producer `number`, which has failed permanently, unless another letter did that already.
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
        self.state.lock()
    }
}

impl State {
    fn change(&mut self, to: Current) -> Current {
        std::mem::replace(&mut self.current, to)
    }

    /// The wait after one more failure.
    fn pause(&mut self, backoff: &Backoff) -> Duration {
        self.failures = self.failures.saturating_add(1);
        backoff.wait_after(self.failures)
    }
}

/// Closes the producer on a thread of its own, because that waits for a broker.
fn close(left: Current) {
    if let Current::Open(producer) = left {
        let close = move || {
            let _ = producer.close(Duration::ZERO);
        };
        // If no thread can be started, the producer is closed here.
        let _ = std::thread::Builder::new()
            .name("rws-kafka-dlq-close".to_owned())
            .spawn(close);
    }
}
