//! A topic with a producer and a consumer of ours.

use crate::SOON;
use integration_tests::{Kafka, eventually, unique, unique_topic};
use rws_kafka::schema_registry::SchemaRegistry;
use rws_kafka::{
    ConsumerConfig, ConsumerContext, HandlerError, KafkaConsumer, KafkaProducer, ProducerConfig,
};
use std::sync::{Arc, Mutex};

pub(crate) struct Desk {
    pub(crate) kafka: &'static Kafka,
    pub(crate) topic: String,
    pub(crate) registry: SchemaRegistry,
}

impl Desk {
    pub(crate) fn new(registry: SchemaRegistry) -> Self {
        Self::on(unique_topic("typed"), registry)
    }

    /// On a topic whose name must be known before.
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
        let config = ProducerConfig::new(self.kafka.bootstrap()).unwrap();
        KafkaProducer::new(config).unwrap()
    }

    pub(crate) fn consumer(&self) -> KafkaConsumer {
        let config = ConsumerConfig::new(self.kafka.bootstrap(), unique("group")).unwrap();
        KafkaConsumer::new(config)
            .unwrap()
            .subscribe([self.topic.as_str()])
            .unwrap()
    }

    /// What `read` makes of the first `count` messages.
    #[track_caller]
    pub(crate) fn read<T: Send + 'static>(
        &self,
        count: usize,
        read: impl Fn(&ConsumerContext) -> Result<T, HandlerError> + Send + Sync + 'static,
    ) -> Vec<T> {
        let seen: Arc<Mutex<Vec<T>>> = Arc::default();
        let failures: Arc<Mutex<Vec<String>>> = Arc::default();
        let handle = {
            let (seen, failures) = (Arc::clone(&seen), Arc::clone(&failures));
            let consumer = self.consumer().with_registry(self.registry.clone());
            consumer.start(move |msg: ConsumerContext| {
                match read(&msg) {
                    Ok(value) => seen.lock().unwrap().push(value),
                    Err(error) => failures.lock().unwrap().push(error.to_string()),
                }
                msg.commit()
            })
        };
        eventually(SOON, || {
            seen.lock().unwrap().len() + failures.lock().unwrap().len() >= count
        });
        assert!(handle.stop().is_clean());
        assert_eq!(*failures.lock().unwrap(), [] as [String; 0]);
        std::mem::take(&mut seen.lock().unwrap())
    }
}
