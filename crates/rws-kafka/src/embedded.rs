//! A Kafka broker in this process, for demos and for tests without a broker.
//!
//! It is librdkafka's mock cluster, which listens on one port of the loopback interface. Any Kafka
//! client that can reach the port can produce to it and consume from it, in groups and with committed
//! offsets. Topics created on first use get 4 partitions.
//!
//! Its limits:
//!
//! - It keeps nothing on disk: messages and committed offsets are lost when it stops.
//! - It keeps the last 100,000 messages and the last 5 MiB of each partition. It drops older messages
//!   whether they were consumed or not.
//! - It has no admin API: clients cannot describe, alter or delete topics.
//! - Its transactions write no markers: consumers see the messages of aborted transactions.
//! - It has no TLS, no authentication and no access control.
//! - A consumer group gets its first assignment after three seconds.

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rws_kafka_observe::causes;
use std::fmt;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

/// The mock cluster answers in microseconds; after a minute it must have hung.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// The time that `drop` waits for the broker to end.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// A broker that runs until it is dropped.
///
/// ```
/// use rws_kafka::embedded::Broker;
/// use rws_kafka::{KafkaProducer, ProducerConfig};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let broker = Broker::start()?;
/// broker.create_topic("orders.created", 3)?;
///
/// let producer = KafkaProducer::new(ProducerConfig::new(broker.bootstrap_servers())?)?;
/// producer.send_sync("orders.created", r#"{"order_id": 1}"#)?;
/// # Ok(())
/// # }
/// ```
///
/// Dropping it stops the broker and waits up to 5 seconds for it to end. Close the clients first;
/// otherwise they log that the broker is unreachable.
#[derive(Debug)]
#[must_use = "the broker ends when this is dropped"]
pub struct Broker {
    bootstrap_servers: String,
    /// Dropping it ends the thread.
    requests: Option<Sender<CreateTopic>>,
    /// Disconnects when the thread has ended.
    ended: Receiver<()>,
}

#[derive(Debug)]
struct CreateTopic {
    name: String,
    partitions: i32,
    outcome: SyncSender<Result<(), BrokerError>>,
}

impl Broker {
    /// Starts a broker on a free port of the loopback interface.
    ///
    /// # Errors
    ///
    /// [`BrokerError::Start`] if librdkafka cannot create the broker or its thread cannot start, and
    /// [`BrokerError::Gone`] if it does not start within 60 seconds.
    pub fn start() -> Result<Self, BrokerError> {
        let (started, outcome) = sync_channel(1);
        let (requests, inbox) = channel();
        let (running, ended) = channel::<()>();
        // The mock cluster must stay on the thread that creates it.
        thread::Builder::new()
            .name("rws-kafka-broker".to_owned())
            .spawn(move || {
                let _running = running;
                match MockCluster::new(1) {
                    Ok(cluster) => {
                        let _ = started.send(Ok(cluster.bootstrap_servers()));
                        run(&cluster, &inbox);
                    }
                    Err(error) => {
                        let _ = started.send(Err(BrokerError::Start {
                            cause: error.to_string(),
                        }));
                    }
                }
            })
            .map_err(|error| BrokerError::Start {
                cause: error.to_string(),
            })?;
        let bootstrap_servers = outcome
            .recv_timeout(ANSWER_WITHIN)
            .map_err(|_| BrokerError::Gone)??;
        Ok(Self {
            bootstrap_servers,
            requests: Some(requests),
            ended,
        })
    }

    /// Returns the address for clients: `127.0.0.1:` and the port.
    pub fn bootstrap_servers(&self) -> &str {
        &self.bootstrap_servers
    }

    /// Creates a topic with this number of partitions. Topics created on first use get 4.
    ///
    /// # Errors
    ///
    /// [`BrokerError::Topic`] if the topic exists, Kafka does not allow its name, or `partitions` is
    /// less than 1. [`BrokerError::Gone`] if the broker does not answer within 60 seconds.
    pub fn create_topic(&self, name: &str, partitions: i32) -> Result<(), BrokerError> {
        let (outcome, created) = sync_channel(1);
        let request = CreateTopic {
            name: name.to_owned(),
            partitions,
            outcome,
        };
        self.requests
            .as_ref()
            .and_then(|requests| requests.send(request).ok())
            .ok_or(BrokerError::Gone)?;
        created
            .recv_timeout(ANSWER_WITHIN)
            .map_err(|_| BrokerError::Gone)?
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.requests = None;
        if self.ended.recv_timeout(STOP_WITHIN) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("the embedded broker did not end within {STOP_WITHIN:?}");
        }
    }
}

/// Serves requests until the sender is dropped. The broker itself runs on librdkafka's threads.
fn run(cluster: &MockCluster<'static, DefaultProducerContext>, inbox: &Receiver<CreateTopic>) {
    for request in inbox {
        let CreateTopic {
            name,
            partitions,
            outcome,
        } = request;
        let created =
            create_topic(cluster, &name, partitions).map_err(|cause| BrokerError::Topic {
                topic: name,
                partitions,
                cause,
            });
        let _ = outcome.send(created);
    }
}

fn create_topic(
    cluster: &MockCluster<'static, DefaultProducerContext>,
    name: &str,
    partitions: i32,
) -> Result<(), String> {
    if partitions < 1 {
        return Err("a topic has at least 1 partition".to_owned());
    }
    // The mock cluster accepts any name.
    rws_kafka_producer::check_topic_name(name).map_err(|error| error.to_string())?;
    cluster
        .create_topic(name, partitions, 1)
        .map_err(|error| error.to_string())
}

/// The error of a [`Broker`] operation.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// The broker did not start.
    #[error("the embedded broker did not start: {cause}")]
    Start {
        /// The message of librdkafka or of the operating system.
        cause: String,
    },
    /// The broker could not create a topic.
    #[error("cannot create topic {topic:?} with {partitions} partitions: {cause}")]
    Topic {
        /// The topic.
        topic: String,
        /// The requested number of partitions.
        partitions: i32,
        /// The cause of the failure.
        cause: String,
    },
    /// The broker has ended or does not answer.
    #[error("the embedded broker does not answer")]
    Gone,
}

impl fmt::Debug for BrokerError {
    /// Writes the error and its causes in the form in which `main` should print them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        causes::debug(self, f)
    }
}
