use super::batch::Batch;
use crate::backoff::Backoff;
use crate::dead_letter::{DeadLetterHeaders, Header};
use rws_kafka_producer::{DeliveryFuture, KafkaProducer, ProducerConfig, ProducerError, Record};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// A message that is given up, on its way to the dead letter queue.
pub(crate) struct Letter {
    headers: Vec<Header>,
    refusals: u32,
    delivery: Option<DeliveryFuture>,
}

impl Letter {
    pub(crate) fn new(headers: Vec<Header>) -> Self {
        Self {
            headers,
            refusals: 0,
            delivery: None,
        }
    }
}

/// How a letter stands.
pub(crate) enum Posting {
    /// The broker has acknowledged it.
    Delivered,
    /// The waker tells when to look again.
    OnItsWay,
    /// It is posted again after a pause.
    Refused {
        error: ProducerError,
        again: Duration,
    },
}

/// Publishes dead letters. Nobody waits in here: an outcome comes by a waker.
#[derive(Debug)]
pub(crate) struct DeadLetters {
    topic: String,
    form: DeadLetterHeaders,
    backoff: Backoff,
    origin: Origin,
    /// `None` once the last one had failed for good, and after the end.
    producer: Mutex<Option<KafkaProducer>>,
}

/// Where the producer comes from.
#[derive(Debug)]
enum Origin {
    /// Made here, and made again when it has failed for good.
    Own(Box<ProducerConfig>),
    /// The user's: its end is not ours.
    Given,
}

impl DeadLetters {
    /// With a producer of its own.
    pub(crate) fn new(
        topic: String,
        form: DeadLetterHeaders,
        config: ProducerConfig,
    ) -> Result<Self, ProducerError> {
        let producer = KafkaProducer::new(config.clone())?;
        let origin = Origin::Own(Box::new(config));
        Ok(Self::with(topic, form, origin, producer))
    }

    /// Through a producer that belongs to someone else.
    pub(crate) fn through(topic: String, form: DeadLetterHeaders, producer: KafkaProducer) -> Self {
        Self::with(topic, form, Origin::Given, producer)
    }

    fn with(
        topic: String,
        form: DeadLetterHeaders,
        origin: Origin,
        producer: KafkaProducer,
    ) -> Self {
        Self {
            topic,
            form,
            backoff: Backoff::default(),
            origin,
            producer: Mutex::new(Some(producer)),
        }
    }

    pub(crate) fn topic(&self) -> &str {
        &self.topic
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
        let outcome = match self.delivery(letter, batch, index) {
            Ok(delivery) => match Pin::new(delivery).poll(&mut Context::from_waker(waker)) {
                Poll::Pending => return Posting::OnItsWay,
                Poll::Ready(outcome) => outcome.map(drop),
            },
            Err(error) => Err(error),
        };
        letter.delivery = None;
        let Err(error) = outcome else {
            return Posting::Delivered;
        };
        if error.is_fatal() {
            self.discard();
        }
        letter.refusals += 1;
        Posting::Refused {
            error,
            again: self.backoff.wait_after(letter.refusals),
        }
    }

    /// Gives up what is still on its way; those messages come again.
    pub(crate) fn end(&self) {
        self.discard();
    }

    fn delivery<'a>(
        &self,
        letter: &'a mut Letter,
        batch: &Batch,
        index: u32,
    ) -> Result<&'a mut DeliveryFuture, ProducerError> {
        let delivery = match letter.delivery.take() {
            Some(delivery) => delivery,
            None => {
                let record = self.record(&letter.headers, batch, index);
                self.producer()?.send_record_async(record)
            }
        };
        Ok(letter.delivery.insert(delivery))
    }

    /// The message as it came, with `headers` after its own.
    fn record<'a>(&'a self, headers: &'a [Header], batch: &'a Batch, index: u32) -> Record<'a> {
        let mut record = Record::to(&self.topic);
        if let Some(key) = batch.key(index) {
            record = record.key(key);
        }
        if let Some(payload) = batch.payload(index) {
            record = record.payload(payload);
        }
        if let Some(timestamp) = batch.timestamp(index) {
            record = record.timestamp_ms(timestamp.ms());
        }
        for (name, value) in batch.headers(index) {
            record = match value {
                Some(value) => record.header(name, value),
                None => record.header(name, &None::<&[u8]>),
            };
        }
        for (name, value) in headers {
            record = record.header(name, value);
        }
        record
    }

    fn producer(&self) -> Result<KafkaProducer, ProducerError> {
        let mut producer = self.lock();
        match (&*producer, &self.origin) {
            (Some(producer), _) => Ok(producer.clone()),
            (None, Origin::Given) => Err(ProducerError::Closed),
            (None, Origin::Own(config)) => Ok(producer
                .insert(KafkaProducer::new((**config).clone())?)
                .clone()),
        }
    }

    /// Lets go of the producer if it is ours, on a thread of its own, as that waits for a broker.
    fn discard(&self) {
        if matches!(self.origin, Origin::Given) {
            return;
        }
        let Some(producer) = self.lock().take() else {
            return;
        };
        let close = move || {
            let _ = producer.close(Duration::ZERO);
        };
        // Without a thread it is closed here.
        let _ = std::thread::Builder::new()
            .name("rws-kafka-dlq-close".to_owned())
            .spawn(close);
    }

    fn lock(&self) -> MutexGuard<'_, Option<KafkaProducer>> {
        self.producer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
