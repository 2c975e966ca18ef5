//! A Kafka broker in this process, for demos and for tests without a broker.
//!
//! It is librdkafka's mock cluster: the client's own code on one port of the loopback interface.
//! Any Kafka client that can reach the port can produce to it and consume from it, in groups, with
//! committed offsets. Topics come into being when they are first used, with 4 partitions.
//!
//! What it is not:
//!
//! - It keeps nothing on disk: what it held is gone when it stops, committed offsets included.
//! - Of each partition it keeps the last 100,000 messages and the last 5 MiB; older ones are
//!   dropped whether they were consumed or not.
//! - It has no administration: topics cannot be listed with their settings, deleted or altered.
//! - Its transactions write no markers: a consumer sees the messages of an aborted one.
//! - It knows no TLS, no passwords and no access control.
//! - A consumer group's first assignment takes three seconds.

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rws_kafka_observe::causes;
use std::fmt;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

/// The mock cluster answers in microseconds; a minute means that it hangs.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// How long a drop waits for the broker to end.
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
/// Dropping it ends it, for which it waits 5 seconds at most. Close the clients first: they would
/// log that their broker is gone.
#[derive(Debug)]
#[must_use = "the broker ends when this is dropped"]
pub struct Broker {
    bootstrap_servers: String,
    /// Closed by the drop, which is what ends the thread.
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
    /// [`BrokerError::Start`] when librdkafka cannot make one or its thread cannot start.
    pub fn start() -> Result<Self, BrokerError> {
        let (started, outcome) = sync_channel(1);
        let (requests, inbox) = channel();
        let (running, ended) = channel::<()>();
        // The mock cluster must stay on the thread that made it.
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

    /// Where clients find it: `127.0.0.1:` and its port.
    pub fn bootstrap_servers(&self) -> &str {
        &self.bootstrap_servers
    }

    /// Creates a topic with this many partitions, of which a topic that is only used has 4.
    ///
    /// # Errors
    ///
    /// [`BrokerError::Topic`] when the topic exists, its name is not one that Kafka takes, or
    /// `partitions` is less than 1.
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
    // The mock cluster takes any name.
    rws_kafka_producer::check_topic_name(name).map_err(|error| error.to_string())?;
    cluster
        .create_topic(name, partitions, 1)
        .map_err(|error| error.to_string())
}

/// Why the embedded broker did not do what it was asked.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// It did not start.
    #[error("the embedded broker did not start: {cause}")]
    Start {
        /// librdkafka's or the system's words.
        cause: String,
    },
    /// It refused to create a topic.
    #[error("cannot create topic {topic:?} with {partitions} partitions: {cause}")]
    Topic {
        /// The topic.
        topic: String,
        /// How many partitions it was to have.
        partitions: i32,
        /// What was wrong.
        cause: String,
    },
    /// It has ended, or does not answer.
    #[error("the embedded broker does not answer")]
    Gone,
}

impl fmt::Debug for BrokerError {
    /// Writes the error as `main` should print it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        causes::debug(self, f)
    }
}
