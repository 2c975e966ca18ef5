use super::errors::{Failed, failure};
use super::report::KafkaReport;
use super::transactions::step;
use crate::checks::{length, max_message_bytes, size, too_large};
use crate::client::{Client, NotTaken, Offsets, StepFailure, Wanted};
use crate::deliveries::Deliveries;
use crate::error::ProducerError;
use crate::record::Record;
use crate::token::Token;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{
    BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext, PurgeConfig,
};
use rdkafka::statistics::Statistics;
use rws_kafka_client::{Logs, brokers, client_config, creation_failed, described, note_error};
use rws_kafka_observe::trace::TraceContext;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

/// One rdkafka producer.
pub(super) struct KafkaClient {
    base: BaseProducer<Context>,
    deliveries: Arc<Deliveries>,
    max_message_bytes: usize,
    heals: bool,
}

impl KafkaClient {
    pub(super) fn new(wanted: &Wanted) -> Result<Arc<Self>, ProducerError> {
        let properties = &wanted.properties;
        let context = Context {
            deliveries: Arc::clone(&wanted.deliveries),
            heals: wanted.heals,
            client: OnceLock::new(),
            failure: OnceLock::new(),
            disowned: AtomicBool::new(false),
            logs: Logs::new(properties),
        };
        let base = client_config(properties)
            .create_with_context(context)
            .map_err(|error| ProducerError::Property {
                detail: creation_failed(properties, &error),
            })?;
        let client = Arc::new(Self {
            base,
            deliveries: Arc::clone(&wanted.deliveries),
            max_message_bytes: max_message_bytes(properties),
            heals: wanted.heals,
        });
        let _ = client.base.context().client.set(Arc::downgrade(&client));
        Ok(client)
    }

    #[cold]
    fn not_taken(&self, record: &Record<'_>, error: &KafkaError) -> NotTaken {
        let headers = record.headers.iter().copied();
        let size = size(record.key, record.payload, headers);
        NotTaken::Refused(match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::QueueFull) => return NotTaken::Full,
            Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
                too_large(record.topic, size, self.max_message_bytes)
            }
            // The transaction can only be aborted. Its next step returns the cause.
            Some(RDKafkaErrorCode::State) => ProducerError::TransactionBroken {
                topic: record.topic.to_owned(),
            },
            Some(RDKafkaErrorCode::Fatal | RDKafkaErrorCode::Fenced) => {
                let detail = described(error);
                self.fatal().unwrap_or(ProducerError::Fatal { detail })
            }
            _ => {
                let partition = record.partition.unwrap_or(-1);
                Failed::of(&self.deliveries, record.topic, partition, size).because_of(error)
            }
        })
    }
}

impl Client for KafkaClient {
    fn enqueue(
        &self,
        record: &Record<'_>,
        context: Option<&TraceContext>,
        token: Token,
        sent_ms: i64,
    ) -> Result<(), NotTaken> {
        let mut base =
            BaseRecord::<[u8], [u8], usize>::with_opaque_to(record.topic, token.encode());
        base.key = record.key;
        base.payload = record.payload;
        base.partition = record.partition;
        base.timestamp = Some(record.timestamp_ms.unwrap_or(sent_ms));
        if !record.headers.is_empty() || context.is_some() {
            base.headers = Some(owned_headers(record, context));
        }
        let bytes = length(record.key) + length(record.payload);
        let in_flight = self.deliveries.in_flight();
        in_flight.accept(bytes);
        let Err((error, _)) = self.base.send(base) else {
            return Ok(());
        };
        in_flight.take_back(bytes);
        Err(self.not_taken(record, &error))
    }

    fn poll(&self, time: Duration) {
        self.base.poll(time);
    }

    fn is_polled(&self) -> bool {
        true
    }

    fn is_reporting(&self) -> bool {
        false
    }

    fn before_wait(&self, _: Token) {}

    fn purge(&self) {
        self.base.purge(PurgeConfig::default().queue().inflight());
    }

    fn disown(&self) {
        self.base.context().disowned.store(true, Ordering::Relaxed);
    }

    fn ping(&self, topic: Option<&str>, time: Duration) -> bool {
        let answer = self.base.client().fetch_metadata(topic, bounded(time));
        answer.is_ok()
    }

    fn heals(&self) -> bool {
        self.heals
    }

    fn failure(&self) -> Option<String> {
        let context = self.base.context();
        if context.failure.get().is_none() {
            let (_, words) = self.base.client().fatal_error()?;
            let _ = context.failure.set(failure(&words));
        }
        context.failure.get().cloned()
    }

    fn init_transactions(&self, time: Duration) -> Result<(), StepFailure> {
        step(&self.base, |base| base.init_transactions(bounded(time)))
    }

    fn begin_transaction(&self) -> Result<(), StepFailure> {
        step(&self.base, |base| base.begin_transaction())
    }

    fn send_offsets(&self, offsets: &Offsets<'_>, time: Duration) -> Result<(), StepFailure> {
        step(&self.base, |base| {
            base.send_offsets_to_transaction(offsets.list, offsets.group, bounded(time))
        })
    }

    fn commit_transaction(&self, time: Duration) -> Result<(), StepFailure> {
        step(&self.base, |base| base.commit_transaction(bounded(time)))
    }

    fn abort_transaction(&self, time: Duration) -> Result<(), StepFailure> {
        step(&self.base, |base| base.abort_transaction(bounded(time)))
    }
}

/// Limits a timeout to what librdkafka accepts: milliseconds in 32 bits, where a negative number means no
/// limit.
fn bounded(time: Duration) -> Duration {
    time.min(Duration::from_millis(i32::MAX as u64))
}

fn owned_headers(record: &Record<'_>, context: Option<&TraceContext>) -> OwnedHeaders {
    let headers = OwnedHeaders::new_with_capacity(record.headers.len() + 2);
    let headers = record
        .headers
        .iter()
        .fold(headers, |headers, (key, value)| {
            headers.insert(Header { key, value: *value })
        });
    let of_context = context.into_iter().flat_map(TraceContext::headers);
    of_context.fold(headers, |headers, (key, value)| {
        let value = Some(value.as_bytes());
        headers.insert(Header { key, value })
    })
}

/// Receives librdkafka's reports, on the thread that polls.
pub(super) struct Context {
    deliveries: Arc<Deliveries>,
    logs: Logs,
    heals: bool,
    /// The client of this context: only librdkafka knows whether an error has ended the client.
    client: OnceLock<Weak<KafkaClient>>,
    /// Why the client failed, once that is known.
    failure: OnceLock<String>,
    /// All its messages have their outcomes, so later reports are ignored.
    disowned: AtomicBool,
}

impl Context {
    /// Returns why the client failed, if the producer replaces it then.
    fn failure(&self) -> Option<&str> {
        if self.heals && self.failure.get().is_none() {
            // Every caller of librdkafka holds the client, except for its drop, so this is never the last
            // reference.
            self.client.get()?.upgrade()?.failure();
        }
        self.failure
            .get()
            .filter(|_| self.heals)
            .map(String::as_str)
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.logs.log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if self.failure().is_some() {
            // The replacement is logged with it.
            return;
        }
        note_error(self.deliveries.connection(), &error, reason);
    }

    fn stats(&self, statistics: Statistics) {
        self.deliveries.note_brokers(brokers(&statistics));
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, token: usize) {
        if self.disowned.load(Ordering::Relaxed) {
            return;
        }
        let failure = match result {
            Ok(_) => None,
            Err(_) => self.failure(),
        };
        self.deliveries.report(&KafkaReport(result, failure), token);
    }
}
