//! Reads a topic with a client that is not the one under test.

use std::{collections::BTreeSet, time::Duration};

use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    message::{Headers, Message},
};

use super::{Brokers, OPERATION};
use crate::{names::unique, wait::eventually};

/// A record in a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicRecord {
    /// The partition it is in.
    pub partition: i32,
    /// The key; `None` if the record has none, which differs from an empty one.
    pub key: Option<Vec<u8>>,
    /// None for a tombstone.
    pub payload: Option<Vec<u8>>,
    /// The headers, in their order.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// Milliseconds since 1970.
    pub timestamp_ms: Option<i64>,
}

impl TopicRecord {
    /// Returns its payload as text.
    ///
    /// # Panics
    ///
    /// Panics if it has no payload, or one that is not text.
    #[track_caller]
    pub fn payload_text(&self) -> String {
        String::from_utf8(self.payload.clone().expect("a payload")).expect("text")
    }

    /// Returns its key as text; `None` where it has none.
    ///
    /// # Panics
    ///
    /// Panics if the key is not text.
    #[track_caller]
    pub fn key_text(&self) -> Option<String> {
        let key = self.key.clone()?;
        Some(String::from_utf8(key).expect("text"))
    }

    /// Returns the value of a header that must be there once, as text.
    ///
    /// # Panics
    ///
    /// Panics if it is not there, or is there twice, or is not text.
    #[track_caller]
    pub fn header_text(&self, name: &str) -> String {
        match &self.header_texts(name)[..] {
            [value] => value.clone(),
            values => panic!("header {name} occurs {} times: {self:?}", values.len()),
        }
    }

    /// Returns the values of a header as text, in their order.
    ///
    /// # Panics
    ///
    /// Panics if one is null, or not text.
    #[track_caller]
    pub fn header_texts(&self, name: &str) -> Vec<String> {
        let values = self.headers.iter().filter(|(other, _)| other == name);
        values
            .map(|(_, value)| String::from_utf8(value.clone().expect("a value")).expect("text"))
            .collect()
    }

    /// Returns the names of its headers, in their order.
    pub fn header_names(&self) -> Vec<&str> {
        self.headers.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Returns the origin of a dead letter with headers of text: partition and offset.
    ///
    /// # Panics
    ///
    /// Panics if it does not say so.
    #[track_caller]
    pub fn origin(&self) -> (i32, i64) {
        let partition = self.header_text("rws-dlq-original-partition");
        let offset = self.header_text("rws-dlq-original-offset");
        let (partition, offset) = (partition.parse(), offset.parse());
        (partition.expect("a number"), offset.expect("a number"))
    }
}

impl Brokers {
    /// Returns all that a reader of committed messages finds in `topic` at this moment, those of a
    /// partition in their order.
    ///
    /// # Panics
    ///
    /// Panics if the topic does not exist, or cannot be read to its end in time.
    #[track_caller]
    pub fn read(&self, topic: &str) -> Vec<TopicRecord> {
        let records = self.read_if_there(topic);
        records.unwrap_or_else(|| panic!("topic {topic} does not exist"))
    }

    /// As [`read`](Self::read); `None` while the topic does not exist.
    ///
    /// # Panics
    ///
    /// Panics if it cannot be read to its end in time.
    #[track_caller]
    pub fn read_if_there(&self, topic: &str) -> Option<Vec<TopicRecord>> {
        self.read_at(topic, "read_committed")
    }

    /// As [`read`](Self::read), with the messages of transactions that are open or aborted.
    ///
    /// # Panics
    ///
    /// Panics if the topic does not exist, or cannot be read to its end in time.
    #[track_caller]
    pub fn read_uncommitted(&self, topic: &str) -> Vec<TopicRecord> {
        let records = self.read_at(topic, "read_uncommitted");
        records.unwrap_or_else(|| panic!("topic {topic} does not exist"))
    }

    #[track_caller]
    fn read_at(&self, topic: &str, isolation_level: &str) -> Option<Vec<TopicRecord>> {
        let client: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", self.plain_bootstrap())
            .set("group.id", unique("reader"))
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("isolation.level", isolation_level)
            .set("allow.auto.create.topics", "false")
            .create()
            .expect("a client");
        let metadata = client.fetch_metadata(Some(topic), OPERATION);
        let metadata = metadata.expect("the topic's partitions");
        let mut open = BTreeSet::new();
        let mut list = TopicPartitionList::new();
        for partition in metadata.topics().first()?.partitions() {
            list.add_partition_offset(topic, partition.id(), Offset::Beginning)
                .expect("an offset");
            open.insert(partition.id());
        }
        if open.is_empty() {
            return None;
        }
        client.assign(&list).expect("an assignment");
        let mut found = Vec::new();
        while !open.is_empty() {
            eventually(OPERATION, || match client.poll(Duration::from_secs(1)) {
                Some(Ok(record)) => {
                    found.push(TopicRecord::of(&record));
                    true
                }
                // Comes again for a partition that grows: only the first one counts.
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    open.remove(&partition);
                    true
                }
                // librdkafka continues by itself.
                Some(Err(_)) | None => false,
            });
        }
        Some(found)
    }
}

impl TopicRecord {
    fn of(record: &impl Message) -> Self {
        let headers = record.headers().map(|headers| {
            let headers = headers.iter();
            headers
                .map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec)))
                .collect()
        });
        Self {
            partition: record.partition(),
            key: record.key().map(<[u8]>::to_vec),
            payload: record.payload().map(<[u8]>::to_vec),
            headers: headers.unwrap_or_default(),
            timestamp_ms: record.timestamp().to_millis(),
        }
    }
}
