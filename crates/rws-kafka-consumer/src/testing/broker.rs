use super::message::TestMessage;
use rws_kafka_dispatch::TopicPartition;
use std::collections::BTreeMap;

/// The messages of all partitions, and the position in each.
#[derive(Debug, Default)]
pub(super) struct Topics {
    partitions: BTreeMap<TopicPartition, Log>,
    given: u64,
}

#[derive(Debug, Default)]
struct Log {
    messages: Vec<Stored>,
    /// The number of messages that were read.
    read: usize,
}

#[derive(Debug)]
struct Stored {
    /// Messages are handed out in the order in which they were given.
    number: u64,
    offset: i64,
    message: TestMessage,
}

impl Topics {
    /// Appends `message` to its partition and returns its offset.
    #[track_caller]
    pub(super) fn add(&mut self, message: TestMessage, now_ms: i64) -> i64 {
        let partition = message.topic_partition();
        let log = self.partitions.entry(partition.clone()).or_default();
        let next = log.messages.last().map_or(0, |last| last.offset + 1);
        let offset = message.set_offset().unwrap_or(next);
        assert!(
            offset >= next,
            "a message for {partition} has offset {offset}, but the offsets below {next} are \
             taken"
        );
        self.given += 1;
        log.messages.push(Stored {
            number: self.given,
            offset,
            message: message.placed_at(offset, now_ms),
        });
        offset
    }

    /// The partition whose message is the next, among those with `room`, and its messages up to the next one
    /// of another partition.
    pub(super) fn next(
        &self,
        room: impl Fn(&TopicPartition) -> usize,
    ) -> Option<(TopicPartition, Vec<&TestMessage>)> {
        let first_unread = |log: &Log| log.messages.get(log.read).map(|stored| stored.number);
        let unread: Vec<(u64, &TopicPartition, usize)> = self
            .partitions
            .iter()
            .filter_map(|(partition, log)| {
                let number = first_unread(log)?;
                let room = room(partition);
                (room > 0).then_some((number, partition, room))
            })
            .collect();
        let (_, partition, room) = unread.iter().min()?;
        let others = unread.iter().filter(|(_, other, _)| other != partition);
        let before = others.map(|(number, ..)| *number).min();
        let log = self.partitions.get(*partition)?;
        let messages = log.messages[log.read..].iter();
        let messages = messages
            .take_while(|stored| before.is_none_or(|before| stored.number < before))
            .map(|stored| &stored.message)
            .take(*room)
            .collect();
        Some(((*partition).clone(), messages))
    }

    pub(super) fn read(&mut self, partition: &TopicPartition, messages: usize) {
        if let Some(log) = self.partitions.get_mut(partition) {
            log.read += messages;
        }
    }

    /// Moves the position to `offset`, or to the beginning.
    pub(super) fn seek(&mut self, partition: &TopicPartition, offset: Option<i64>) {
        if let Some(log) = self.partitions.get_mut(partition) {
            let offset = offset.unwrap_or(i64::MIN);
            let is_before = |stored: &Stored| stored.offset < offset;
            log.read = log.messages.partition_point(is_before);
        }
    }

    /// The topics that have messages.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.partitions.keys().map(TopicPartition::topic)
    }

    /// The number of unread messages.
    pub(super) fn unread(&self) -> usize {
        let logs = self.partitions.values();
        logs.map(|log| log.messages.len() - log.read).sum()
    }
}
