//! Starting a worker from the settings of a consumer.

use crate::engine::{
    self, Client, Commits, DeadLetters, Engine, Equipment, Handler, Plan, Settings, Transactions,
    Wanted,
};
use crate::error::ConsumerError;
use crate::failure::backoff::Backoff;
use crate::handle::ConsumerHandle;
use crate::handler::context::ConsumerContext;
use crate::handler::error::HandlerResult;
use crate::report::{StopDetails, StopReport};
use crate::settings::checks::{Checked, MAX_LANES};
use crate::settings::consumer::{KafkaConsumer, is_pattern};
use crate::settings::exactly_once::Transactional;
use crate::transport::Consumer;
use rws_kafka_client::Connection;
use rws_kafka_config::OffsetReset;
use rws_kafka_dispatch::Clock;
use rws_kafka_observe::causes::with_causes;
use rws_kafka_producer::KafkaProducer;
use std::borrow::Cow;
use std::sync::Arc;

/// The checked settings of a worker, and the producers that it publishes and commits with. The default is for
/// a worker that is not started.
#[derive(Default)]
pub(crate) struct Prepared {
    pub(crate) checked: Checked,
    pub(crate) equipment: Equipment,
}

/// # Starting
impl KafkaConsumer {
    /// Starts the worker on threads of its own and returns at once.
    ///
    /// The worker calls `handler` with each fetched message, in the order that [`ordering`](Self::ordering)
    /// keeps. If the handler returns an error or panics, the message is retried after a pause.
    /// [`on_failure`](Self::on_failure) decides what happens after the last retry.
    ///
    /// An `Ok` alone commits nothing: the handler calls [`commit`](ConsumerContext::commit), or the consumer
    /// has [`commit_on_ok`](Self::commit_on_ok). If neither is the case, the worker logs a warning, once,
    /// after 10 s or when it stops, because the next run will handle its messages again.
    ///
    /// If the worker cannot start, for the errors of [`try_start`](Self::try_start), the error is logged,
    /// readiness is degraded, and [`join`](ConsumerHandle::join) returns it.
    ///
    /// # Async code in a handler
    ///
    /// A handler runs on a thread of the worker, outside any async runtime, and its result is the result of
    /// the message. Wait for async work with the `block_on` of a runtime's handle. This blocks only this
    /// lane, and the worker receives the error and retries or dead-letters the message.
    /// [`concurrency`](Self::concurrency) sets how many messages are handled at the same time.
    ///
    /// Do not `spawn` the work and return: the worker then counts the message as handled. An error or a panic
    /// of the spawned task goes unnoticed, and the message is lost if the process ends before the task does.
    ///
    /// ```no_run
    /// use rws_kafka_consumer::{ConsumerContext, KafkaConsumer};
    ///
    /// async fn charge(order: &str) -> Result<(), std::num::ParseIntError> {
    ///     order.parse::<u64>().map(drop)
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let runtime = tokio::runtime::Runtime::new()?;
    /// let tasks = runtime.handle().clone();
    /// let worker = KafkaConsumer::from_env()?
    ///     .subscribe(["orders.created"])?
    ///     .concurrency(16)
    ///     .start(move |msg: ConsumerContext| {
    ///         tasks.block_on(charge(msg.payload_str()?))?;
    ///         msg.commit()
    ///     });
    /// // The runtime lives for as long as the worker.
    /// worker.join().into_result()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn start<F>(self, handler: F) -> ConsumerHandle
    where
        F: Fn(ConsumerContext) -> HandlerResult + Send + Sync + 'static,
    {
        self.begin(without_outputs(handler), None)
    }

    pub(crate) fn begin(
        self,
        handler: Handler,
        transactional: Option<Transactional>,
    ) -> ConsumerHandle {
        let (prepared, refused) = match self.prepare(&handler, transactional) {
            Ok(prepared) => (prepared, None),
            Err(error) => (Prepared::default(), Some(error)),
        };
        let engine = self.engine(prepared);
        let handle = ConsumerHandle::new(Arc::clone(&engine));
        let launched = match refused {
            Some(error) => Err(error),
            None => self.launch(&engine, handler),
        };
        if let Err(error) = launched {
            engine.health.failed();
            engine.note_error(error.clone());
            let words = with_causes(&error);
            tracing::error!(target: "rws_kafka", group = engine.group(), "the consumer could not start: {words}");
            engine.stop.over(StopReport::from(StopDetails {
                error: Some(error),
                ..StopDetails::default()
            }));
        }
        handle
    }

    /// Starts the worker as [`start`](Self::start) does, and returns an error if it cannot start.
    ///
    /// An unreachable broker is not an error; readiness shows it.
    ///
    /// # Errors
    ///
    /// - [`ConsumerError::NoTopics`] without a subscription.
    /// - [`ConsumerError::Setting`] if a setting is out of range or contradicts another one.
    /// - [`ConsumerError::Property`] and [`ConsumerError::Subscription`] if librdkafka refuses the settings
    ///   or the topics.
    /// - [`ConsumerError::DeadLetterProducer`] if the producer for dead letters and retry topics cannot be
    ///   created.
    /// - [`ConsumerError::Thread`] if the system cannot start a thread.
    pub fn try_start<F>(self, handler: F) -> Result<ConsumerHandle, ConsumerError>
    where
        F: Fn(ConsumerContext) -> HandlerResult + Send + Sync + 'static,
    {
        self.try_begin(without_outputs(handler), None)
    }

    pub(crate) fn try_begin(
        self,
        handler: Handler,
        transactional: Option<Transactional>,
    ) -> Result<ConsumerHandle, ConsumerError> {
        let prepared = self.prepare(&handler, transactional)?;
        let engine = self.engine(prepared);
        self.launch(&engine, handler)?;
        Ok(ConsumerHandle::new(engine))
    }

    /// Checks the settings, and creates the producers that the worker publishes and commits with.
    pub(crate) fn prepare(
        &self,
        handler: &Handler,
        transactional: Option<Transactional>,
    ) -> Result<Prepared, ConsumerError> {
        let properties = self.config.properties();
        Ok(Prepared {
            checked: self.check(&properties, handler, transactional.as_ref())?,
            equipment: self.equip(transactional)?,
        })
    }

    fn engine(&self, prepared: Prepared) -> Arc<Engine> {
        self.engine_timed_by(Clock::default(), Backoff::default(), prepared)
    }

    /// Creates an engine whose pauses follow `clock`. `letter_backoff` sets the waits before a refused letter
    /// is sent again.
    pub(crate) fn engine_timed_by(
        &self,
        clock: Clock,
        letter_backoff: Backoff,
        prepared: Prepared,
    ) -> Arc<Engine> {
        let Prepared { checked, equipment } = prepared;
        let config = &self.config;
        let group = config.kafka.consumer_group().unwrap_or_default();
        let lag_timeout = config.kafka.readyz_lag_timeout();
        let properties = config.properties();
        let engine = Arc::new(Engine::new(
            Settings {
                group: group.to_owned(),
                client: properties.get("client.id").unwrap_or_default().to_owned(),
                // Checked before the worker starts.
                lanes: self.lanes.min(MAX_LANES),
                commit_interval: config.commit_interval,
                drain_timeout: config.drain_timeout,
                max_in_flight: config.max_in_flight,
                max_in_flight_bytes: config.max_in_flight_bytes,
                reads_from_start: config.kafka.auto_offset_reset() == OffsetReset::Earliest,
                ordering: self.ordering,
                gathering: checked.gathering,
                failure: checked.failure,
                letter_backoff,
                ladder: checked.ladder,
                breaker: self.breaker,
                hooks: self.hooks.clone(),
                observer: config.observer.clone(),
                #[cfg(feature = "registry")]
                registry: self.registry.clone(),
            },
            equipment,
            Connection::new(config.client_properties()),
            config.observer.register_consumer(group, lag_timeout),
            clock,
        ));
        engine.health.told_by(&engine);
        engine
    }

    fn launch(self, engine: &Arc<Engine>, handler: Handler) -> Result<(), ConsumerError> {
        let properties = self.config.properties();
        let user = properties.get("sasl.username");
        let principal = user.map(|user| format!("User:{user}"));
        let mut topics = self.topics_to_read(engine);
        topics.retain(|topic| !is_pattern(topic));
        let ladder = engine.settings.ladder.iter();
        let retries = ladder.filter(|_| self.retry_topics.are_created());
        let own = retries.flat_map(|ladder| ladder.retries().map(str::to_owned));
        engine.subscription.watch(topics, own.collect(), principal);
        let client = Client::new({
            let (engine, topics) = (Arc::clone(engine), self.topics_to_read(engine));
            move || {
                let consumer = Consumer::new(&properties, engine.clone())?;
                consumer.subscribe(&topics)?;
                Ok(consumer)
            }
        })?;
        let wanted = self.topics_to_create();
        if wanted.has_retries {
            engine.hold_retries();
        }
        engine::start(Plan {
            engine: Arc::clone(engine),
            client,
            handler: Arc::new(handler),
        })?;
        if !wanted.is_empty() {
            engine::create_topics(engine, self.config.client_properties(), wanted);
        }
        Ok(())
    }

    fn equip(&self, transactional: Option<Transactional>) -> Result<Equipment, ConsumerError> {
        let letters = self.dead_letters(transactional.is_some())?;
        let commits = match transactional {
            Some(transactional) => {
                Commits::Transactions(Box::new(self.transactions(transactional)?))
            }
            None => Commits::Offsets {
                on_ok: self.commit_on_ok,
            },
        };
        Ok(Equipment { letters, commits })
    }

    fn transactions(&self, transactional: Transactional) -> Result<Transactions, ConsumerError> {
        let producer = KafkaProducer::transactional(transactional.producer, transactional.id)
            .map_err(|error| ConsumerError::TransactionalProducer(Box::new(error)))?;
        #[cfg(feature = "registry")]
        let producer = match transactional.registry {
            Some(registry) => producer.with_registry(registry),
            None => producer,
        };
        Ok(Transactions::new(
            producer,
            transactional.max_messages,
            transactional.most_output_bytes,
            self.config.commit_interval,
        ))
    }

    /// The subscribed topics and their retry topics.
    pub(crate) fn topics_to_read(&self, engine: &Engine) -> Vec<String> {
        let ladder = engine.settings.ladder.iter();
        let retries = ladder.flat_map(|ladder| ladder.retries().map(str::to_owned));
        self.topics.iter().cloned().chain(retries).collect()
    }

    fn topics_to_create(&self) -> Wanted {
        let mut topics = Vec::new();
        if self.create_topics.is_some() {
            let read = self.topics.iter().filter(|topic| !is_pattern(topic));
            let queue = self.dead_letter_queue.as_ref();
            let queues = read.clone().filter_map(|topic| Some(queue?.of(topic)));
            topics.extend(read.cloned().chain(queues.map(Cow::into_owned)));
            topics.sort_unstable();
            topics.dedup();
        }
        Wanted {
            topics,
            partitions: self.create_topics.unwrap_or_default(),
            has_retries: self.has_retry_topics() && self.retry_topics.are_created(),
        }
    }

    fn dead_letters(&self, in_transactions: bool) -> Result<Option<DeadLetters>, ConsumerError> {
        let queue = self.dead_letter_queue.clone();
        if queue.is_none() && !self.has_retry_topics() {
            return Ok(None);
        }
        let form = self.dead_letter_headers.unwrap_or_default();
        if in_transactions {
            return Ok(Some(DeadLetters::in_transactions(queue, form)));
        }
        if let Some(producer) = self.dead_letter_producer.clone() {
            return Ok(Some(DeadLetters::through(queue, form, producer)));
        }
        let config = self.config.letters_producer("dlq");
        DeadLetters::new(queue, form, config)
            .map(Some)
            .map_err(|error| ConsumerError::DeadLetterProducer(Box::new(error)))
    }
}

fn without_outputs<F>(handler: F) -> Handler
where
    F: Fn(ConsumerContext) -> HandlerResult + Send + Sync + 'static,
{
    Handler::Each(Box::new(move |msg, _| handler(msg)))
}
