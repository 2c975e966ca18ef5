//! Looking at topics, and creating them.

use super::{described, shared};
use crate::error::ConsumerError;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rws_kafka_config::Properties;
use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// As many replicas as the broker sees fit (brokers from 2.4 on).
const BROKERS_DEFAULT: i32 = -1;

pub(crate) struct Topics {
    admin: AdminClient<Context>,
}

impl Topics {
    pub(crate) fn new(properties: &Properties) -> Result<Self, ConsumerError> {
        let context = Context {
            logs: shared::Logs::new(properties),
        };
        shared::client_config(properties)
            .create_with_context(context)
            .map(|admin| Self { admin })
            .map_err(|error| ConsumerError::Property {
                detail: shared::creation_failed(error),
            })
    }

    /// All topics with their numbers of partitions; `None` when no broker answers.
    pub(crate) fn partitions(&self) -> Option<HashMap<String, i32>> {
        // Asking for one by its name could create it, with the broker's number of partitions.
        let answer = self.admin.inner().fetch_metadata(None, TIMEOUT).ok()?;
        let topics = answer.topics().iter();
        let there =
            topics.filter(|topic| topic.error().is_none() && !topic.partitions().is_empty());
        Some(
            there
                .map(|topic| (topic.name().to_owned(), topic.partitions().len() as i32))
                .collect(),
        )
    }

    /// Creates topics with these numbers of partitions; one that is there already is no error.
    ///
    /// # Errors
    ///
    /// [`ConsumerError::RetryTopicRefused`] for the first one that is refused; others may be created.
    pub(crate) fn create(&self, topics: &[(&str, i32)]) -> Result<(), ConsumerError> {
        let new: Vec<NewTopic<'_>> = topics
            .iter()
            .map(|(name, partitions)| {
                NewTopic::new(name, *partitions, TopicReplication::Fixed(BROKERS_DEFAULT))
            })
            .collect();
        // librdkafka answers within it, whatever the broker does.
        let options = AdminOptions::new()
            .request_timeout(Some(TIMEOUT))
            .operation_timeout(Some(TIMEOUT));
        let results = wait(self.admin.create_topics(&new, &options)).map_err(|error| {
            let names: Vec<&str> = topics.iter().map(|(name, _)| *name).collect();
            // rdkafka tells the code of this one nowhere else.
            let code = match error {
                KafkaError::AdminOp(code) => code,
                _ => RDKafkaErrorCode::Unknown,
            };
            refused(&names.join(", "), code, described(&error))
        })?;
        let mut failed = results.into_iter().filter_map(Result::err);
        let failed = failed.find(|(_, code)| *code != RDKafkaErrorCode::TopicAlreadyExists);
        match failed {
            None => Ok(()),
            Some((topic, code)) => Err(refused(&topic, code, format!("{code} ({code:?})"))),
        }
    }
}

fn refused(topic: &str, code: RDKafkaErrorCode, mut detail: String) -> ConsumerError {
    if let RDKafkaErrorCode::TopicAuthorizationFailed
    | RDKafkaErrorCode::ClusterAuthorizationFailed = code
    {
        detail += "; the user needs the right Create on the topic or on the cluster, or someone who has \
                   it creates the topic";
    }
    ConsumerError::RetryTopicRefused {
        topic: topic.to_owned(),
        detail,
    }
}

/// Blocks until `future` is ready.
fn wait<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        match future.as_mut().poll(&mut Task::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

struct Context {
    logs: shared::Logs,
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.logs.log(level, facility, line);
    }

    /// What is wrong with the connection, the consumer says.
    fn error(&self, _: KafkaError, _: &str) {}
}
