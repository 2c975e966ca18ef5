use integration_tests::{Brokers, Kafka, Postgres, TopicRecord};
use rws_kafka::outbox::{MESSAGE_ID_HEADER, OutboxRelay, Pool, migrate};
use std::ops::Deref;

/// A scene with a database that no other test uses.
pub(crate) struct Scene<'a> {
    scene: integration_tests::Scene<'a>,
    pub(crate) postgres: &'a Postgres,
    pub(crate) url: String,
    pub(crate) pool: Pool,
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
        Scene {
            scene: integration_tests::Scene::on(kafka, partitions),
            postgres,
            url,
            pool,
        }
    }

    pub(crate) fn relay(&self) -> OutboxRelay {
        OutboxRelay::new(self.producer(), &self.pool)
    }

    /// Runs SQL in the scene's database.
    pub(crate) fn sql(&self, sql: &str) -> String {
        self.postgres.psql(&self.url, sql)
    }

    /// Returns the number of events in the outbox.
    pub(crate) fn backlog(&self) -> u64 {
        let count = self.sql("SELECT count(*) FROM rws_kafka.outbox");
        count.parse().expect("a number")
    }

    /// Returns all messages in the scene's topic.
    #[track_caller]
    pub(crate) fn read(&self) -> Vec<TopicRecord> {
        self.kafka.read(&self.topic)
    }
}

impl<'a> Deref for Scene<'a> {
    type Target = integration_tests::Scene<'a>;

    fn deref(&self) -> &Self::Target {
        &self.scene
    }
}

/// Returns the id that the outbox gave a message.
#[track_caller]
pub(crate) fn id(record: &TopicRecord) -> String {
    record.header_texts(MESSAGE_ID_HEADER).pop().expect("an id")
}
