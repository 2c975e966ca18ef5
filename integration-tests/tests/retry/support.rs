use integration_tests::jobs::retrier::due_ms;
use integration_tests::{Brokers, Kafka, close, now_ms};
use rws_kafka_consumer::{ConsumerContext, HandlerError, HandlerResult, KafkaConsumer};
use std::ops::Deref;
use std::time::Duration;

pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// A scene with a dead letter queue and retry topics.
pub(crate) struct Scene<'a>(integration_tests::Scene<'a>);

impl Scene<'static> {
    /// On the broker that all tests share.
    pub(crate) fn new(partitions: i32) -> Self {
        Scene::on(Kafka::shared(), partitions)
    }
}

impl<'a> Scene<'a> {
    pub(crate) fn on(kafka: &'a Brokers, partitions: i32) -> Self {
        let scene = integration_tests::Scene::on(kafka, partitions);
        scene.create_queue(partitions);
        Self(scene)
    }

    pub(crate) fn without_topics(kafka: &'a Brokers, partitions: i32) -> Self {
        Self(integration_tests::Scene::without_topic(kafka, partitions))
    }

    /// With these delays, in milliseconds, and the queue.
    pub(crate) fn consumer(&self, delays: &[u64]) -> KafkaConsumer {
        self.consumer_of(self.config())
            .retry_topics(delays.iter().copied().map(Duration::from_millis))
            .dead_letter_queue("{topic}.dlq")
    }

    /// Returns the retry topic of a delay in milliseconds.
    pub(crate) fn retry(&self, delay: u64) -> String {
        format!("{}-{}-retry-{delay}", self.topic, self.group)
    }

    /// Sends these payloads, which are their keys as well.
    pub(crate) fn send<T: ToString>(&self, payloads: impl IntoIterator<Item = T>) {
        let producer = self.producer();
        for payload in payloads {
            let payload = payload.to_string();
            let sent = producer.send_keyed(&self.topic, &payload, &payload);
            sent.expect("room in the queue");
        }
        close(&producer);
    }
}

impl<'a> Deref for Scene<'a> {
    type Target = integration_tests::Scene<'a>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// A message that a handler was given, with times in milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) payload: String,
    pub(crate) topic: String,
    pub(crate) attempt: u32,
    pub(crate) at_ms: i64,
    /// The time before which it must not be handled.
    pub(crate) due_ms: Option<i64>,
}

impl From<&ConsumerContext> for Given {
    fn from(msg: &ConsumerContext) -> Self {
        Self {
            payload: msg.payload_str().expect("text").to_owned(),
            topic: msg.topic().to_owned(),
            attempt: msg.attempt(),
            at_ms: now_ms(),
            due_ms: due_ms(msg),
        }
    }
}

#[derive(Clone, Default)]
pub(crate) struct Journal(integration_tests::JournalOf<Given>);

impl Journal {
    /// Returns the attempts of one message, each in its topic.
    pub(crate) fn of(&self, payload: &str) -> Vec<Given> {
        let mut all = self.all();
        all.retain(|given| given.payload == payload);
        all
    }

    #[track_caller]
    pub(crate) fn assert_none_was_early(&self) {
        for given in self.all() {
            assert!(Some(given.at_ms) >= given.due_ms, "{given:?}");
        }
    }
}

impl Deref for Journal {
    type Target = integration_tests::JournalOf<Given>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// Fails each message as often as its payload says.
pub(crate) fn as_told(
    journal: &Journal,
) -> impl Fn(ConsumerContext) -> HandlerResult + Send + Sync + 'static {
    let journal = journal.clone();
    move |msg| {
        journal.note(&msg);
        let fails: u32 = msg.payload_str()?.split('-').next().unwrap().parse()?;
        if msg.attempt() <= fails {
            return Err(HandlerError::new("busy"));
        }
        msg.commit()
    }
}
