//! Sends to the scene's topic, and reads what became of the messages.

use std::{
    ops::Range,
    thread,
    time::{Duration, Instant},
};

use rws_kafka::{ConsumerHandle, Record};

use super::Scene;
use crate::{
    endings::close,
    kafka::TopicRecord,
    metric::metric,
    wait::{SOON, eventually_some},
};

impl Scene<'_> {
    /// Sends the numbers from 0 to each partition, `count` of them.
    ///
    /// # Panics
    ///
    /// Panics if they cannot be sent.
    #[track_caller]
    pub fn fill(&self, count: usize) {
        self.fill_from(0, count);
    }

    /// Sends the numbers from `first` to each partition, `count` of them.
    ///
    /// # Panics
    ///
    /// Panics if they cannot be sent.
    #[track_caller]
    pub fn fill_from(&self, first: usize, count: usize) {
        let numbers = (first..first + count).map(|number| number.to_string());
        self.send_to(0..self.partitions, numbers);
    }

    /// Sends the numbers from 0 to each of these partitions, `count` of them.
    ///
    /// # Panics
    ///
    /// Panics if they cannot be sent.
    #[track_caller]
    pub fn fill_partitions(&self, partitions: Range<i32>, count: usize) {
        self.send_to(partitions, (0..count).map(|number| number.to_string()));
    }

    /// Sends each payload to each of these partitions.
    ///
    /// # Panics
    ///
    /// Panics if they cannot be sent.
    #[track_caller]
    pub fn send_to(
        &self,
        partitions: Range<i32>,
        payloads: impl IntoIterator<Item = impl AsRef<[u8]>>,
    ) {
        let producer = self.producer();
        for payload in payloads {
            for partition in partitions.clone() {
                let record = Record::to(&self.topic).partition(partition);
                let sent = producer.send_record(record.payload(payload.as_ref()));
                sent.expect("room in the queue");
            }
        }
        close(&producer);
    }

    /// Sends a record.
    ///
    /// # Panics
    ///
    /// Panics if it cannot be sent.
    #[track_caller]
    pub fn send_record(&self, record: Record<'_>) {
        let producer = self.producer();
        producer.send_record(record).expect("room in the queue");
        close(&producer);
    }

    /// Returns what the group has committed for a partition of the topic.
    ///
    /// # Panics
    ///
    /// Panics if the broker does not answer in time.
    #[track_caller]
    pub fn committed(&self, partition: i32) -> Option<i64> {
        self.kafka
            .committed_offset(&self.group, &self.topic, partition)
    }

    /// Returns what the group has committed for each partition of the topic; 0 where it has
    /// committed nothing.
    ///
    /// # Panics
    ///
    /// Panics if no broker answers within [`SOON`].
    #[track_caller]
    pub fn all_committed(&self) -> Vec<i64> {
        let committed = self
            .kafka
            .committed_offsets(&self.group, &self.topic, self.partitions);
        committed
            .into_iter()
            .map(Option::unwrap_or_default)
            .collect()
    }

    /// Waits until the group has committed `count` messages of each partition.
    ///
    /// # Panics
    ///
    /// Panics if it has not after two minutes; the message contains the worker's status.
    #[track_caller]
    pub fn wait_until_committed(&self, count: usize, worker: &ConsumerHandle) {
        let end = Instant::now() + 2 * SOON;
        let expected = vec![count as i64; self.partitions as usize];
        loop {
            let committed = self.all_committed();
            if committed == expected {
                return;
            }
            let status = worker.status();
            assert!(Instant::now() < end, "{committed:?}: {status:#?}");
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Returns `true` if the group has committed all of `topic`, which has as many partitions as
    /// the scene's.
    ///
    /// # Panics
    ///
    /// Panics if the broker does not answer in time.
    #[track_caller]
    pub fn is_committed(&self, topic: &str) -> bool {
        (0..self.partitions).all(|partition| {
            let end = self.kafka.end_offset(topic, partition);
            let committed = self.kafka.committed_offset(&self.group, topic, partition);
            end == 0 || committed == Some(end)
        })
    }

    /// Returns the number of records of `topic`, which has as many partitions as the scene's.
    ///
    /// # Panics
    ///
    /// Panics if the broker does not answer in time.
    #[track_caller]
    pub fn records(&self, topic: &str) -> i64 {
        let partitions = 0..self.partitions;
        partitions
            .map(|partition| self.kafka.end_offset(topic, partition))
            .sum()
    }

    /// Returns the dead letters in the queue; none while there is no queue.
    ///
    /// # Panics
    ///
    /// Panics if the queue cannot be read to its end in time.
    #[track_caller]
    pub fn letters(&self) -> Vec<TopicRecord> {
        self.kafka.read_if_there(&self.queue).unwrap_or_default()
    }

    /// Waits until the queue has `count` dead letters or more, and returns them.
    ///
    /// # Panics
    ///
    /// Panics if it has fewer after two minutes.
    #[track_caller]
    pub fn letters_of(&self, count: usize) -> Vec<TopicRecord> {
        eventually_some(2 * SOON, || {
            let letters = self.letters();
            (letters.len() >= count).then_some(letters)
        })
    }

    /// Returns the value of a counter of the group and `topic`; 0 where there is none.
    ///
    /// # Panics
    ///
    /// Panics if the value is not a number.
    #[track_caller]
    pub fn counted(&self, family: &str, topic: &str) -> u64 {
        let group = &self.group;
        let series = format!("{family}{{group=\"{group}\",topic=\"{topic}\"}}");
        metric(&self.observer, &series).unwrap_or_default() as u64
    }
}
