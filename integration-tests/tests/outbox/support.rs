use integration_tests::{Brokers, Kafka, Postgres, unique_topic};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use rws_kafka::outbox::{OutboxRelay, Pool, migrate};
use rws_kafka::{KafkaProducer, Observer, ProducerConfig};
use std::time::{Duration, Instant};

/// For what takes a second or two when the machine is not busy.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// A database and a topic that no other test uses.
pub(crate) struct Scene<'a> {
    pub(crate) kafka: &'a Brokers,
    pub(crate) postgres: &'a Postgres,
    pub(crate) url: String,
    pub(crate) pool: Pool,
    pub(crate) topic: String,
    pub(crate) partitions: i32,
}

impl Scene<'static> {
    pub(crate) fn new(partitions: i32) -> Self {
        Scene::on(Kafka::shared(), Postgres::shared(), partitions)
    }
}

impl<'a> Scene<'a> {
    pub(crate) fn on(kafka: &'a Brokers, postgres: &'a Postgres, partitions: i32) -> Self {
        let url = postgres.create_database();
        let pool = Pool::from_url(&url, None).expect("a valid URL");
        migrate(&pool).expect("the tables");
        let topic = unique_topic("outbox");
        kafka.create_topic(&topic, partitions);
        Scene {
            kafka,
            postgres,
            url,
            pool,
            topic,
            partitions,
        }
    }

    pub(crate) fn producer(&self) -> KafkaProducer {
        let config = ProducerConfig::new(self.kafka.bootstrap()).expect("valid settings");
        KafkaProducer::new(config.observer(Observer::new())).expect("a producer")
    }

    pub(crate) fn relay(&self) -> OutboxRelay {
        OutboxRelay::new(self.producer(), &self.pool)
    }

    /// Runs SQL in the scene's database.
    pub(crate) fn sql(&self, sql: &str) -> String {
        self.postgres.psql(&self.url, sql)
    }

    /// Events in the outbox.
    pub(crate) fn backlog(&self) -> u64 {
        let count = self.sql("SELECT count(*) FROM rws_kafka.outbox");
        count.parse().expect("a number")
    }

    /// Everything in the scene's topic.
    pub(crate) fn read(&self) -> Vec<Read> {
        read(self.kafka, &self.topic, self.partitions)
    }
}

/// A record as a consumer without our code sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) key: Option<String>,
    pub(crate) payload: Option<String>,
    pub(crate) headers: Vec<(String, Option<String>)>,
}

impl Read {
    pub(crate) fn text(&self) -> &str {
        self.payload.as_deref().expect("a payload")
    }

    pub(crate) fn id(&self) -> &str {
        let mut headers = self.headers.iter().rev();
        let id = headers.find(|(name, _)| name == "rws-message-id");
        id.and_then(|(_, value)| value.as_deref()).expect("an id")
    }
}

/// All records of a topic, those of a partition in their order.
pub(crate) fn read(kafka: &Brokers, topic: &str, partitions: i32) -> Vec<Read> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", kafka.bootstrap())
        .set("group.id", "reads-all")
        .set("enable.auto.commit", "false")
        .create()
        .expect("a client");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut found = Vec::new();
    for partition in 0..partitions {
        let (low, high) = consumer
            .fetch_watermarks(topic, partition, SOON)
            .expect("watermarks");
        if low == high {
            continue;
        }
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(low))
            .expect("an offset");
        consumer.assign(&list).expect("an assignment");
        let end = Instant::now() + SOON;
        loop {
            assert!(Instant::now() < end, "{topic} cannot be read to its end");
            let Some(Ok(message)) = consumer.poll(Duration::from_millis(500)) else {
                continue;
            };
            let headers = message.headers().map_or_else(Vec::new, |headers| {
                let headers = headers.iter();
                headers
                    .map(|header| (header.key.to_owned(), header.value.map(text)))
                    .collect()
            });
            found.push(Read {
                key: message.key().map(text),
                payload: message.payload().map(text),
                headers,
            });
            if message.offset() + 1 >= high {
                break;
            }
        }
    }
    found
}
