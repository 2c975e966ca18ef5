use crate::backoff::Backoff;
use crate::config::ConsumerConfig;
use crate::context::ConsumerContext;
use crate::engine::{self, Engine, Plan, Settings};
use crate::error::ConsumerError;
use crate::handle::{ConsumerHandle, StopReport};
use crate::handler::HandlerResult;
use crate::transport::Consumer;
use rws_kafka_config::OffsetReset;
use rws_kafka_producer::check_topic_name;
use rws_kafka_producer::connection::Connection;
use std::sync::Arc;

/// A worker in the making: what it reads, and how.
///
/// ```no_run
/// use rws_kafka_consumer::{ConsumerContext, KafkaConsumer};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let consumer = KafkaConsumer::from_env()?.subscribe(["orders.created"])?;
/// let handle = consumer.start(|msg: ConsumerContext| {
///     println!("{}", msg.payload_str()?);
///     msg.commit()
/// });
/// // …
/// let report = handle.stop();
/// assert!(report.is_clean());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a consumer does nothing until it is started"]
pub struct KafkaConsumer {
    config: ConsumerConfig,
    topics: Vec<String>,
    lanes: usize,
    retry_backoff: Backoff,
}

impl KafkaConsumer {
    /// A consumer with the settings of all layers; see [`ConsumerConfig::from_env`].
    ///
    /// # Errors
    ///
    /// [`ConsumerError::Config`] lists every setting that is wrong; [`ConsumerError::NoGroup`].
    pub fn from_env() -> Result<Self, ConsumerError> {
        Self::new(ConsumerConfig::from_env()?)
    }

    /// A consumer with explicit settings.
    ///
    /// # Errors
    ///
    /// [`ConsumerError::NoGroup`] when no consumer group is set.
    pub fn new(config: impl Into<ConsumerConfig>) -> Result<Self, ConsumerError> {
        let config = config.into();
        if config.kafka.consumer_group().is_none() {
            return Err(ConsumerError::NoGroup);
        }
        Ok(Self {
            config,
            topics: Vec::new(),
            lanes: 1,
            retry_backoff: Backoff::default(),
        })
    }

    /// Adds topics to read: names, or patterns that begin with `^` (POSIX extended regular
    /// expressions, matched against the names of all topics).
    ///
    /// # Errors
    ///
    /// [`ConsumerError::NoTopics`] for an empty list, [`ConsumerError::InvalidTopic`] for what is
    /// neither a topic's name nor a pattern.
    pub fn subscribe<T: Into<String>>(
        mut self,
        topics: impl IntoIterator<Item = T>,
    ) -> Result<Self, ConsumerError> {
        let topics: Vec<String> = topics.into_iter().map(Into::into).collect();
        if topics.is_empty() {
            return Err(ConsumerError::NoTopics);
        }
        for topic in &topics {
            if !topic.starts_with('^') {
                check_topic_name(topic)?;
            }
        }
        self.topics.extend(topics);
        Ok(self)
    }

    /// How many messages are handled at a time, each on a thread of its own. Default 1; at least 1.
    ///
    /// Messages of one partition are handled one after the other all the same.
    pub fn concurrency(mut self, lanes: usize) -> Self {
        self.lanes = lanes;
        self
    }

    /// How long a failed message waits before it is handled again. Default: from 100 ms, doubling,
    /// to 30 s.
    pub fn retry_backoff(mut self, backoff: Backoff) -> Self {
        self.retry_backoff = backoff;
        self
    }

    /// Starts the worker on threads of its own and returns at once.
    ///
    /// `handler` gets each message once it is fetched, messages of a partition in their order. When
    /// it returns an error or panics, the message is handled again after a pause, for as long as it
    /// takes, its partition waiting and the others going on.
    ///
    /// What [`try_start`](Self::try_start) would return as an error is logged, makes readiness
    /// degraded, and is returned by [`join`](ConsumerHandle::join).
    pub fn start<F>(self, handler: F) -> ConsumerHandle
    where
        F: Fn(ConsumerContext) -> HandlerResult + Send + Sync + 'static,
    {
        let engine = self.engine();
        let handle = ConsumerHandle::new(Arc::clone(&engine));
        if let Err(error) = self.launch(&engine, handler) {
            engine.health.failed();
            engine.note_error(error.clone());
            let report = StopReport {
                error: Some(error),
                ..StopReport::default()
            };
            report.log(engine.group());
            engine.stop.over(report);
        }
        handle
    }

    /// As [`start`](Self::start), for those who want to know at once whether it could start.
    ///
    /// # Errors
    ///
    /// [`ConsumerError::NoTopics`] without a subscription, [`ConsumerError::Setting`] for one out
    /// of range, [`ConsumerError::Property`] and [`ConsumerError::Subscription`] for what
    /// librdkafka refuses. An unreachable broker is no error: it shows in readiness.
    pub fn try_start<F>(self, handler: F) -> Result<ConsumerHandle, ConsumerError>
    where
        F: Fn(ConsumerContext) -> HandlerResult + Send + Sync + 'static,
    {
        let engine = self.engine();
        self.launch(&engine, handler)?;
        Ok(ConsumerHandle::new(engine))
    }

    fn engine(&self) -> Arc<Engine> {
        let config = &self.config;
        let group = config.kafka.consumer_group().unwrap_or_default();
        let lag_timeout = config.kafka.readyz_lag_timeout();
        Arc::new(Engine::new(
            Settings {
                group: group.to_owned(),
                lanes: self.lanes,
                commit_interval: config.commit_interval,
                drain_timeout: config.drain_timeout,
                max_in_flight: config.max_in_flight,
                max_in_flight_bytes: config.max_in_flight_bytes,
                reads_from_start: config.kafka.auto_offset_reset() == OffsetReset::Earliest,
                backoff: self.retry_backoff,
                observer: config.observer.clone(),
            },
            Connection::new(config.kafka.client_properties()),
            config.observer.register_consumer(group, lag_timeout),
        ))
    }

    fn launch<F>(self, engine: &Arc<Engine>, handler: F) -> Result<(), ConsumerError>
    where
        F: Fn(ConsumerContext) -> HandlerResult + Send + Sync + 'static,
    {
        if self.topics.is_empty() {
            return Err(ConsumerError::NoTopics);
        }
        let at_least_one = |setting, value| match value {
            0 => Err(ConsumerError::Setting {
                setting,
                problem: "is 0; at least 1 is needed".to_owned(),
            }),
            _ => Ok(()),
        };
        at_least_one("concurrency", self.lanes)?;
        at_least_one("max_in_flight", self.config.max_in_flight)?;
        at_least_one("max_in_flight_bytes", self.config.max_in_flight_bytes)?;
        let consumer = Consumer::new(&self.config.properties(), Arc::clone(engine))?;
        consumer.subscribe(&self.topics)?;
        engine::start(Plan {
            engine: Arc::clone(engine),
            consumer,
            handler: Arc::new(handler),
        })
    }
}
