//! Checking and creating topics.

use super::complaints::described;
use super::consumer::Consumer;
use super::unreachable::Unreachable;
use crate::error::ConsumerError;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic as Request, TopicReplication};
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rws_kafka_client as shared;
use rws_kafka_config::Properties;
use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

/// The timeout of an answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long a message is kept after it is due, because the worker may be down then.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// The message sizes to try; the first one that the broker accepts counts. Every message that was read must
/// fit, with the retry headers: the broker's default, 1 MiB, may be less than the limit of the original
/// topic. Hosted clusters may allow as little as 8 MiB.
const SIZES: [&str; 2] = ["67108864", "8388608"];
/// The broker's default number of replicas (brokers since 2.4).
const BROKERS_DEFAULT: i32 = -1;

pub(crate) struct Topics {
    admin: AdminClient<Context>,
}

/// A topic to be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NewTopic<'a> {
    pub(crate) name: &'a str,
    pub(crate) partitions: i32,
    /// The delay of its messages, if it is a retry topic.
    pub(crate) delay: Option<Duration>,
}

impl NewTopic<'_> {
    fn is_retry(&self) -> bool {
        self.delay.is_some()
    }

    fn retention_ms(&self) -> String {
        let delay = self.delay.unwrap_or_default();
        (delay + KEPT).as_millis().to_string()
    }
}

/// The state of a topic, according to a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TopicState {
    Present,
    Missing,
    /// The user may not describe it. It may exist or not.
    Hidden,
    /// The broker does not know at the moment, for example while the topic is created.
    Unclear,
}

impl Consumer {
    /// Asks a broker for the state of one topic. This does not create it, unless `allow.auto.create.topics`
    /// is set.
    pub(crate) fn topic_state(
        &self,
        topic: &str,
        time: Duration,
    ) -> Result<TopicState, Unreachable> {
        let answer = self.base.fetch_metadata(Some(topic), time);
        let answer = answer.map_err(|_| Unreachable)?;
        let mut topics = answer.topics().iter();
        let Some(found) = topics.find(|found| found.name() == topic) else {
            return Ok(TopicState::Unclear);
        };
        let Some(error) = found.error() else {
            return Ok(TopicState::Present);
        };
        Ok(match RDKafkaErrorCode::from(error) {
            RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic => {
                TopicState::Missing
            }
            RDKafkaErrorCode::TopicAuthorizationFailed => TopicState::Hidden,
            _ => TopicState::Unclear,
        })
    }
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
                detail: shared::creation_failed(properties, &error),
            })
    }

    /// Returns all topics with their numbers of partitions, or Kafka's message if no broker answers.
    pub(crate) fn partitions(&self) -> Result<HashMap<String, i32>, String> {
        // A request for a single topic could create it, with the broker's number of partitions.
        let answer = self.admin.inner().fetch_metadata(None, TIMEOUT);
        let answer = answer.map_err(|error| described(&error))?;
        let topics = answer.topics().iter();
        let there =
            topics.filter(|topic| topic.error().is_none() && !topic.partitions().is_empty());
        Ok(there
            .map(|topic| (topic.name().to_owned(), topic.partitions().len() as i32))
            .collect())
    }

    /// Creates a topic. Returns `false` if it exists already.
    ///
    /// # Errors
    ///
    /// [`ConsumerError::RetryTopicRefused`] or [`ConsumerError::TopicRefused`].
    pub(crate) fn create(&self, topic: &NewTopic<'_>) -> Result<bool, ConsumerError> {
        let retention = topic.retention_ms();
        let settings = SIZES.map(|size| {
            vec![
                // The broker's default may be `compact`.
                ("cleanup.policy", "delete"),
                ("retention.ms", &*retention),
                ("max.message.bytes", size),
            ]
        });
        // A topic with the broker's defaults is better than none.
        let settings = settings.into_iter().filter(|_| topic.is_retry());
        let settings = settings.chain([Vec::new()]);
        let created = first_allowed(settings, |settings| self.create_with(topic, settings));
        match created {
            Ok(()) => Ok(true),
            Err((RDKafkaErrorCode::TopicAlreadyExists, _)) => Ok(false),
            Err((code, detail)) => Err(refused(topic, code, detail)),
        }
    }

    fn create_with(&self, topic: &NewTopic<'_>, settings: &[(&str, &str)]) -> Result<(), Refusal> {
        let replication = TopicReplication::Fixed(BROKERS_DEFAULT);
        let new = Request::new(topic.name, topic.partitions, replication);
        let new = settings
            .iter()
            .fold(new, |new, (name, value)| new.set(name, value));
        // librdkafka answers within it, whatever the broker does.
        let options = AdminOptions::new()
            .request_timeout(Some(TIMEOUT))
            .operation_timeout(Some(TIMEOUT));
        let results = wait(self.admin.create_topics([&new], &options)).map_err(|error| {
            // rdkafka returns the code of this error only here.
            let code = match error {
                KafkaError::AdminOp(code) => code,
                _ => RDKafkaErrorCode::Unknown,
            };
            (code, described(&error))
        })?;
        let failed = results.into_iter().find_map(Result::err);
        match failed {
            None => Ok(()),
            Some((_, code)) => Err((code, code.to_string())),
        }
    }
}

type Refusal = (RDKafkaErrorCode, String);

/// Tries `settings` in turn until they are not the cause of the refusal.
fn first_allowed<S>(
    settings: impl IntoIterator<Item = S>,
    mut create: impl FnMut(&S) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let mut result = Ok(());
    for settings in settings {
        result = create(&settings);
        let is_of_them = matches!(
            result,
            Err((
                RDKafkaErrorCode::InvalidConfig | RDKafkaErrorCode::PolicyViolation,
                _
            ))
        );
        if !is_of_them {
            break;
        }
    }
    result
}

fn refused(topic: &NewTopic<'_>, code: RDKafkaErrorCode, mut detail: String) -> ConsumerError {
    if let RDKafkaErrorCode::TopicAuthorizationFailed
    | RDKafkaErrorCode::ClusterAuthorizationFailed = code
    {
        detail += "; the user needs the permission Create on the topic or on the cluster, or a \
                   user with that permission must create the topic";
    }
    let (is_retry, topic) = (topic.is_retry(), topic.name.to_owned());
    match is_retry {
        true => ConsumerError::RetryTopicRefused { topic, detail },
        false => ConsumerError::TopicRefused { topic, detail },
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

    /// The consumer has the same settings and reports errors of the connection.
    fn error(&self, _: KafkaError, _: &str) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_kept_for_a_week_after_it_is_due() {
        let topic = |delay| NewTopic {
            name: "t",
            partitions: 1,
            delay: Some(Duration::from_secs(delay)),
        };
        assert_eq!(topic(1).retention_ms(), "604801000");
        assert_eq!(topic(3 * 24 * 3600).retention_ms(), "864000000");
    }

    #[test]
    fn other_settings_are_tried_where_they_are_what_is_refused() {
        use RDKafkaErrorCode::{InvalidConfig, PolicyViolation, TopicAuthorizationFailed};
        let refusal = |code: RDKafkaErrorCode| Err((code, String::new()));
        for (answers, expected) in [
            (vec![Ok(())], Ok(())),
            (vec![refusal(PolicyViolation), Ok(())], Ok(())),
            (
                vec![refusal(InvalidConfig), refusal(PolicyViolation), Ok(())],
                Ok(()),
            ),
            (
                vec![refusal(TopicAuthorizationFailed)],
                refusal(TopicAuthorizationFailed),
            ),
        ] {
            let tries = answers.len();
            let mut answers = answers.into_iter();
            let mut asked = 0;
            let result = first_allowed(0..3, |settings| {
                assert_eq!(*settings, asked);
                asked += 1;
                answers.next().unwrap()
            });
            assert_eq!((result, asked), (expected, tries));
        }
    }
}
