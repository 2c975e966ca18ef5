//! A topic with our producer and consumer.

use integration_tests::{JournalOf, Kafka, soon, stop, unique, unique_topic};
use rws_kafka::schema_registry::SchemaRegistry;
use rws_kafka::{ConsumerConfig, ConsumerContext, HandlerError, KafkaConsumer, KafkaProducer};

pub(crate) struct Desk {
    pub(crate) kafka: &'static Kafka,
    pub(crate) topic: String,
    pub(crate) registry: SchemaRegistry,
}

impl Desk {
    pub(crate) fn new(registry: SchemaRegistry) -> Self {
        Self::on(unique_topic("typed"), registry)
    }

    /// Creates a desk on a topic whose name must be known in advance.
    pub(crate) fn on(topic: String, registry: SchemaRegistry) -> Self {
        let kafka = Kafka::shared();
        kafka.create_topic(&topic, 1);
        Self {
            kafka,
            topic,
            registry,
        }
    }

    pub(crate) fn producer(&self) -> KafkaProducer {
        self.kafka.producer()
    }

    pub(crate) fn consumer(&self) -> KafkaConsumer {
        let config = ConsumerConfig::new(self.kafka.bootstrap(), unique("group")).unwrap();
        KafkaConsumer::new(config)
            .unwrap()
            .subscribe([self.topic.as_str()])
            .unwrap()
    }

    /// Returns what `read` makes of the first `count` messages.
    #[track_caller]
    pub(crate) fn read<T: Send + 'static>(
        &self,
        count: usize,
        read: impl Fn(&ConsumerContext) -> Result<T, HandlerError> + Send + Sync + 'static,
    ) -> Vec<T> {
        let seen: JournalOf<Result<T, String>> = JournalOf::default();
        let handle = {
            let seen = seen.clone();
            let consumer = self.consumer().with_registry(self.registry.clone());
            consumer.start(move |msg: ConsumerContext| {
                seen.note(read(&msg).map_err(|error| error.to_string()));
                msg.commit()
            })
        };
        soon(|| seen.len() >= count);
        stop(&handle);
        let seen: Result<Vec<T>, String> = seen.take().into_iter().collect();
        seen.unwrap_or_else(|error| panic!("{error}"))
    }
}
