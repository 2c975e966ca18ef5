use super::errors::{Failed, failure};
use crate::deliveries::Deliveries;
use crate::delivery::Delivery;
use crate::error::ProducerError;
use crate::record::Record;
#[cfg(feature = "testing")]
use crate::testing::TestClient;
use crate::token::Token;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders, Timestamp};
use rdkafka::producer::{
    BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext, PurgeConfig,
};
use rdkafka::statistics::Statistics;
use rws_kafka_client::{
    Connection, Logs, brokers, client_config, creation_failed, described, note_error,
};
use rws_kafka_config::Properties;
use rws_kafka_observe::trace::TraceContext;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

/// One rdkafka producer.
pub(crate) struct Client {
    pub(super) base: Base,
    deliveries: Arc<Deliveries>,
    max_message_bytes: usize,
    /// The producer replaces it when it has failed.
    heals: bool,
}

/// Who has the messages.
pub(super) enum Base {
    Kafka(BaseProducer<Context>),
    /// A test, which answers on the thread that sends.
    #[cfg(feature = "testing")]
    Test(TestClient),
}

/// Why the queue did not take a message.
pub(crate) enum Enqueue {
    Full,
    Refused(ProducerError),
}

impl Client {
    pub(crate) fn new(
        properties: &Properties,
        deliveries: Arc<Deliveries>,
        heals: bool,
    ) -> Result<Arc<Self>, ProducerError> {
        let client = Arc::new(Self {
            heals,
            base: Base::Kafka(
                client_config(properties)
                    .create_with_context(Context {
                        deliveries: Arc::clone(&deliveries),
                        heals,
                        client: OnceLock::new(),
                        failure: OnceLock::new(),
                        disowned: AtomicBool::new(false),
                        logs: Logs::new(properties),
                    })
                    .map_err(|error| ProducerError::Property {
                        detail: creation_failed(properties, &error),
                    })?,
            ),
            deliveries,
            max_message_bytes: max_message_bytes(properties),
        });
        match &client.base {
            Base::Kafka(base) => {
                let _ = base.context().client.set(Arc::downgrade(&client));
            }
            #[cfg(feature = "testing")]
            Base::Test(_) => {}
        }
        Ok(client)
    }

    #[cfg(feature = "testing")]
    pub(crate) fn of_test(
        properties: &Properties,
        deliveries: Arc<Deliveries>,
        client: TestClient,
    ) -> Arc<Self> {
        Arc::new(Self {
            heals: false,
            base: Base::Test(client),
            deliveries,
            max_message_bytes: max_message_bytes(properties),
        })
    }

    /// Copies `record` into librdkafka's queue, with the headers of `context`; its delivery is
    /// reported with `token`. Its timestamp is `sent_ms`, unless it brings its own.
    pub(crate) fn enqueue(
        &self,
        record: &Record<'_>,
        context: Option<&TraceContext>,
        token: Token,
        sent_ms: i64,
    ) -> Result<(), Enqueue> {
        match &self.base {
            Base::Kafka(client) => self.enqueue_in(client, record, context, token, sent_ms),
            #[cfg(feature = "testing")]
            Base::Test(client) => {
                let max_bytes = self.max_message_bytes;
                client.enqueue(&self.deliveries, record, context, token, max_bytes)
            }
        }
    }

    #[inline]
    fn enqueue_in(
        &self,
        client: &BaseProducer<Context>,
        record: &Record<'_>,
        context: Option<&TraceContext>,
        token: Token,
        sent_ms: i64,
    ) -> Result<(), Enqueue> {
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
        let in_flight = self.deliveries().in_flight();
        in_flight.accept(bytes);
        let Err((error, _)) = client.send(base) else {
            return Ok(());
        };
        in_flight.take_back(bytes);
        let headers = record.headers.iter().copied();
        let size = size(record.key, record.payload, headers);
        Err(match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::QueueFull) => Enqueue::Full,
            Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
                Enqueue::Refused(too_large(record.topic, size, self.max_message_bytes))
            }
            // Of a transaction that can only be aborted: why, its next step tells.
            Some(RDKafkaErrorCode::State) => Enqueue::Refused(ProducerError::TransactionBroken {
                topic: record.topic.to_owned(),
            }),
            Some(RDKafkaErrorCode::Fatal | RDKafkaErrorCode::Fenced) => {
                let detail = described(&error);
                Enqueue::Refused(self.fatal().unwrap_or(ProducerError::Fatal { detail }))
            }
            _ => Enqueue::Refused(
                self.deliveries()
                    .failed(record.topic, record.partition.unwrap_or(-1), size)
                    .because_of(&error),
            ),
        })
    }

    /// Serves deliveries and log lines for `time`.
    pub(crate) fn poll(&self, time: Duration) {
        match &self.base {
            Base::Kafka(client) => {
                client.poll(time);
            }
            #[cfg(feature = "testing")]
            Base::Test(_) => {}
        }
    }

    /// Messages accepted and not yet reported.
    pub(crate) fn in_flight(&self) -> usize {
        let (messages, _) = self.deliveries().in_flight().count();
        usize::try_from(messages).unwrap_or(usize::MAX)
    }

    /// Gives up everything in flight; each message is reported as undelivered.
    pub(crate) fn purge(&self) {
        match &self.base {
            Base::Kafka(client) => client.purge(PurgeConfig::default().queue().inflight()),
            #[cfg(feature = "testing")]
            Base::Test(client) => client.purge(),
        }
    }

    /// Ignores what is reported from now on.
    pub(crate) fn disown(&self) {
        match &self.base {
            Base::Kafka(client) => client.context().disowned.store(true, Ordering::Relaxed),
            #[cfg(feature = "testing")]
            Base::Test(_) => {}
        }
    }

    /// Asks a broker for the metadata of `topic`, or of all topics.
    pub(crate) fn ping(&self, topic: Option<&str>, time: Duration) -> bool {
        // rdkafka cuts longer times off at the upper end.
        let time = time.min(Duration::from_millis(i32::MAX as u64));
        match &self.base {
            Base::Kafka(client) => client.client().fetch_metadata(topic, time).is_ok(),
            #[cfg(feature = "testing")]
            Base::Test(_) => true,
        }
    }

    pub(crate) fn deliveries(&self) -> &Arc<Deliveries> {
        &self.deliveries
    }

    /// Returns `true` if the producer replaces the client when it has failed.
    pub(crate) fn heals(&self) -> bool {
        self.heals
    }

    /// Why this client will not send again, once it is so.
    pub(crate) fn failure(&self) -> Option<String> {
        match &self.base {
            Base::Kafka(client) => {
                let context = client.context();
                if context.failure.get().is_none() {
                    let (_, words) = client.client().fatal_error()?;
                    let _ = context.failure.set(failure(&words));
                }
                context.failure.get().cloned()
            }
            #[cfg(feature = "testing")]
            Base::Test(client) => client.fatal(),
        }
    }

    /// The same as an error.
    pub(crate) fn fatal(&self) -> Option<ProducerError> {
        let detail = self.failure()?;
        Some(match self.heals {
            true => ProducerError::ClientReplaced { detail },
            false => ProducerError::Fatal { detail },
        })
    }

    /// The test that answers in place of a broker: nobody needs to wait for that.
    #[cfg(feature = "testing")]
    pub(crate) fn test(&self) -> Option<&TestClient> {
        match &self.base {
            Base::Kafka(_) => None,
            Base::Test(client) => Some(client),
        }
    }
}

/// The bound that `properties` set.
pub(crate) fn max_message_bytes(properties: &Properties) -> usize {
    properties
        .get("message.max.bytes")
        .and_then(|bytes| bytes.parse().ok())
        .unwrap_or(1_000_000)
}

/// Whether a queue with this bound takes a message of this size.
pub(crate) fn check_size(record: &Record<'_>, max_bytes: usize) -> Result<(), ProducerError> {
    let size = size(record.key, record.payload, record.headers.iter().copied());
    // No less than librdkafka's own bound on the framing of a record and of each header.
    let framing = 64 + 16 * record.headers.len();
    let trace = TraceContext::current().map_or(0, |trace| {
        let headers = trace.headers();
        headers
            .map(|(name, value)| name.len() + value.len() + 16)
            .sum()
    });
    if size + framing + trace > max_bytes {
        return Err(too_large(record.topic, size, max_bytes));
    }
    Ok(())
}

fn too_large(topic: &str, size: usize, max_bytes: usize) -> ProducerError {
    ProducerError::MessageTooLarge {
        topic: topic.to_owned(),
        size,
        limit: format!("the producer's message.max.bytes is {max_bytes}, framing included"),
    }
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

/// The bytes that a message's sender gave.
pub(crate) fn size<'a>(
    key: Option<&[u8]>,
    payload: Option<&[u8]>,
    headers: impl Iterator<Item = (&'a str, Option<&'a [u8]>)>,
) -> usize {
    let headers: usize = headers
        .map(|(name, value)| name.len() + length(value))
        .sum();
    length(key) + length(payload) + headers
}

fn length(bytes: Option<&[u8]>) -> usize {
    bytes.map_or(0, <[u8]>::len)
}

pub(super) struct Context {
    deliveries: Arc<Deliveries>,
    logs: Logs,
    heals: bool,
    /// Whose context it is: only librdkafka knows whether an error was the client's end.
    client: OnceLock<Weak<Client>>,
    /// Why the client failed, once that is known.
    failure: OnceLock<String>,
    /// Its messages have their outcomes: what it still reports comes too late.
    disowned: AtomicBool,
}

impl Context {
    /// Why the client failed, where the producer replaces it then.
    fn failure(&self) -> Option<&str> {
        if self.heals && self.failure.get().is_none() {
            // Whoever calls librdkafka holds the client, but for its drop. So this is never its end.
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

/// A delivery report; each part is read only when it is asked for.
pub(crate) trait Report {
    fn topic(&self) -> &str;

    fn key(&self) -> Option<&[u8]>;

    fn payload(&self) -> Option<&[u8]>;

    fn is_delivered(&self) -> bool;

    fn result(&self, timeout: Duration, connection: &Connection)
    -> Result<Delivery, ProducerError>;

    /// The bytes of key and payload.
    fn bytes(&self) -> usize {
        length(self.key()) + length(self.payload())
    }
}

/// One of librdkafka's, and why the client failed.
struct KafkaReport<'a>(&'a DeliveryResult<'a>, Option<&'a str>);

impl KafkaReport<'_> {
    fn message(&self) -> &impl Message {
        match self.0 {
            Ok(message) | Err((_, message)) => message,
        }
    }

    fn timestamp_ms(&self) -> Option<i64> {
        match self.message().timestamp() {
            Timestamp::NotAvailable => None,
            Timestamp::CreateTime(ms) | Timestamp::LogAppendTime(ms) => Some(ms),
        }
    }
}

impl Report for KafkaReport<'_> {
    fn topic(&self) -> &str {
        self.message().topic()
    }

    fn key(&self) -> Option<&[u8]> {
        self.message().key()
    }

    fn payload(&self) -> Option<&[u8]> {
        self.message().payload()
    }

    fn is_delivered(&self) -> bool {
        self.0.is_ok()
    }

    fn result(
        &self,
        timeout: Duration,
        connection: &Connection,
    ) -> Result<Delivery, ProducerError> {
        match self.0 {
            Ok(message) => Ok(Delivery {
                partition: message.partition(),
                offset: message.offset(),
                timestamp_ms: self.timestamp_ms(),
            }),
            Err((error, message)) => {
                let headers = message
                    .headers()
                    .into_iter()
                    .flat_map(|headers| headers.iter());
                Err(Failed {
                    topic: message.topic(),
                    partition: message.partition(),
                    size: size(
                        message.key(),
                        message.payload(),
                        headers.map(|header| (header.key, header.value)),
                    ),
                    delivery_timeout: timeout,
                    connection,
                    client_failure: self.1,
                }
                .because_of(error))
            }
        }
    }
}
