//! The history of a group's commits, read from the broker's own log.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
};

use super::{Brokers, OPERATION};
use crate::{
    names::unique,
    offsets_log::{Commit, OFFSETS_TOPIC, decode},
};

impl Brokers {
    /// Returns every offset commit that `group` has made, in the order of the log.
    ///
    /// The offsets topic is compacted, but never its newest segment, and none is closed before it
    /// has 100 MB or is seven days old: within a test all is there. Commits of a transaction count
    /// once it is committed.
    ///
    /// # Panics
    ///
    /// Panics if the log cannot be read to its present end in time.
    #[track_caller]
    pub fn commits_of(&self, group: &str) -> Vec<Commit> {
        let consumer: BaseConsumer = self
            .client()
            // Manual assignment asks for a group, and never joins it.
            .set("group.id", unique("harness"))
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            // The end shows as an empty response, for which the broker waits so long.
            .set("fetch.wait.max.ms", "10")
            .create()
            .expect("a client");
        let mut open = self.offsets_partitions(&consumer);
        let mut assignment = TopicPartitionList::new();
        for &partition in &open {
            assignment
                .add_partition_offset(OFFSETS_TOPIC, partition, Offset::Beginning)
                .expect("a valid offset");
        }
        consumer.assign(&assignment).expect("a manual assignment");

        let end = Instant::now() + OPERATION;
        let mut commits = Vec::new();
        let mut last_error = None;
        while !open.is_empty() {
            assert!(
                Instant::now() < end,
                "the commits of {group}: partitions {open:?} of {OFFSETS_TOPIC} are not read to \
                 their end within {OPERATION:?}; last error: {last_error:?}"
            );
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => {
                    let key = message.key().unwrap_or_default();
                    let decoded = decode(key, message.payload()).unwrap_or_else(|problem| {
                        panic!(
                            "offset {} of {OFFSETS_TOPIC} [{}]: {problem}: {key:?} {:?}",
                            message.offset(),
                            message.partition(),
                            message.payload()
                        )
                    });
                    // A group has all its commits in one partition, and so in one order.
                    commits
                        .extend(decoded.and_then(|(of, commit)| (of == group).then_some(commit)));
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    open.remove(&partition);
                }
                // The broker is briefly unavailable.
                Some(Err(error)) => last_error = Some(error),
                None => {}
            }
        }
        commits
    }

    /// Returns no partitions before the first group has joined.
    #[track_caller]
    fn offsets_partitions(&self, consumer: &BaseConsumer) -> BTreeSet<i32> {
        let metadata = consumer
            .fetch_metadata(Some(OFFSETS_TOPIC), OPERATION)
            .unwrap_or_else(|error| panic!("cannot list partitions of {OFFSETS_TOPIC}: {error}"));
        metadata
            .topics()
            .iter()
            .flat_map(|topic| topic.partitions())
            .map(|partition| partition.id())
            .collect()
    }
}
