use super::letter::DeadLetter;
use super::marker::Marker;
use super::selection::Selection;
use crate::error::ConsumerError;
use crate::transport::{Committed, QueuePolled, QueueReader};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The timeout for an answer of the broker, and for the next dead letter.
pub(super) const ANSWER: Duration = Duration::from_secs(30);

/// The timeout of one poll for the next dead letter.
const LOOK: Duration = Duration::from_millis(100);

/// Reads the selected dead letters that a queue held at the start, once.
pub(super) struct Reading {
    reader: QueueReader,
    parts: BTreeMap<i32, Part>,
    /// The time since which the broker owes a dead letter or an end.
    waiting: Option<Instant>,
    pub(super) already_passed: u64,
    /// The number of dead letters at risk in the marker of an interrupted run.
    pub(super) at_risk: u64,
}

/// One partition of the queue.
struct Part {
    start: i64,
    /// The first offset that was not read.
    next: i64,
    end: i64,
    /// The end of the partition at the start. It equals `end`, unless fewer offsets are selected.
    high: i64,
    /// The committed offset of the group. The replay never commits a lower one.
    floor: i64,
    /// The number of dead letters of this partition that were sent and acknowledged.
    sent: u64,
    /// The broker reported an end before `end`, and was asked again from `next` on.
    is_asked_again: bool,
}

pub(super) enum Read {
    Letter(DeadLetter),
    /// No dead letter has arrived yet.
    Nothing,
    /// Everything was read.
    Finished,
}

impl Reading {
    /// Reads the group's offsets and the bounds of the queue.
    pub(super) fn begin(reader: QueueReader, selection: &Selection) -> Result<Self, ConsumerError> {
        let numbers = chosen(&reader.partitions(ANSWER)?, selection)?;
        let committed = reader.first_committed(numbers.iter().copied(), ANSWER)?;
        let mut reading = Self {
            reader,
            parts: BTreeMap::new(),
            waiting: None,
            already_passed: 0,
            at_risk: 0,
        };
        for number in numbers {
            let committed = committed.get(&number);
            let bounds = reading.reader.bounds(number, ANSWER)?;
            let asked = selection.offsets.get(&number).copied();
            let (part, passed) = part(bounds, asked, committed.map(|it| it.offset));
            reading.already_passed += passed;
            reading.parts.insert(number, part);
        }
        // All partitions of one run have the same marker.
        reading.at_risk = committed.values().filter_map(at_risk).max().unwrap_or(0);
        let unread = reading.parts.iter().filter(|(_, part)| !part.is_done());
        let from: Vec<(i32, i64)> = unread.map(|(number, part)| (*number, part.next)).collect();
        reading.reader.assign(from.into_iter())?;
        Ok(reading)
    }

    /// Returns the next dead letter. The caller must call [`passed`](Self::passed) once it is done with it.
    pub(super) fn next(&mut self) -> Result<Read, ConsumerError> {
        if self.parts.values().all(Part::is_done) {
            return Ok(Read::Finished);
        }
        let since = *self.waiting.get_or_insert_with(Instant::now);
        match self.reader.poll(LOOK) {
            QueuePolled::Letter(letter) => {
                let number = letter.at.partition();
                let Some(part) = self.parts.get_mut(&number) else {
                    return Ok(Read::Nothing);
                };
                if part.is_done() {
                    return Ok(Read::Nothing);
                }
                self.waiting = None;
                if letter.offset >= part.end {
                    self.ended(number)?;
                    return Ok(Read::Nothing);
                }
                Ok(Read::Letter(letter))
            }
            QueuePolled::End(number) => {
                self.waiting = None;
                self.end_told(number)?;
                Ok(Read::Nothing)
            }
            QueuePolled::Failed(error) => Err(error),
            QueuePolled::Nothing if since.elapsed() >= ANSWER => Err(self.reader.silent()),
            QueuePolled::Nothing => Ok(Read::Nothing),
        }
    }

    /// Records that this dead letter was sent and acknowledged.
    pub(super) fn sent(&mut self, letter: &DeadLetter) {
        if let Some(part) = self.parts.get_mut(&letter.at.partition()) {
            part.sent += 1;
        }
    }

    /// Records that this dead letter is done.
    pub(super) fn passed(&mut self, letter: &DeadLetter) -> Result<(), ConsumerError> {
        let number = letter.at.partition();
        if let Some(part) = self.parts.get_mut(&number) {
            part.next = part.next.max(letter.offset + 1);
            part.is_asked_again = false;
            if part.is_done() {
                self.ended(number)?;
            }
        }
        Ok(())
    }

    /// Handles a report that the partition has no more messages. The remaining offsets may contain no dead
    /// letters, for example only transaction markers, or a new leader does not know all messages yet. A
    /// leader that returns the bounds does know them, so its next report is final.
    fn end_told(&mut self, number: i32) -> Result<(), ConsumerError> {
        match self.parts.get_mut(&number) {
            Some(part) if !part.is_done() && !part.is_asked_again => {
                part.is_asked_again = true;
                self.reader.bounds(number, ANSWER)?;
                self.reader.seek(number, part.next, ANSWER)
            }
            _ => self.ended(number),
        }
    }

    /// Records that the remaining selected offsets of the partition contain no dead letters.
    fn ended(&mut self, number: i32) -> Result<(), ConsumerError> {
        if let Some(part) = self.parts.get_mut(&number) {
            part.next = part.next.max(part.end);
            self.reader.leave(number)?;
        }
        Ok(())
    }

    pub(super) fn total(&self) -> u64 {
        let totals = self.parts.values().map(|part| part.end - part.start);
        totals.sum::<i64>().unsigned_abs()
    }

    pub(super) fn to_come(&self) -> u64 {
        let to_come = self.parts.values().map(|part| part.end - part.next);
        to_come.sum::<i64>().unsigned_abs()
    }

    /// The number of dead letters beyond the committed offsets that interrupted runs may have written.
    pub(super) fn still_at_risk(&self) -> u64 {
        // Their partitions are unknown.
        let mut parts = self.parts.values();
        match parts.all(|part| part.is_past(self.at_risk)) {
            true => 0,
            false => self.at_risk,
        }
    }

    /// Commits the progress.
    pub(super) fn commit(&self, marker: &Marker, time: Duration) -> Result<(), ConsumerError> {
        let positions = self
            .parts
            .iter()
            .map(|(number, part)| (*number, part.position()));
        self.reader.commit(positions, &marker.to_string(), time)
    }

    /// Reads the committed offsets of these partitions.
    pub(super) fn committed(&self, time: Duration) -> Result<Standing<'_>, ConsumerError> {
        let committed = self.reader.committed(self.parts.keys().copied(), time)?;
        Ok(Standing {
            parts: &self.parts,
            committed,
        })
    }
}

/// The committed offsets of the group.
pub(super) struct Standing<'a> {
    parts: &'a BTreeMap<i32, Part>,
    committed: BTreeMap<i32, Committed>,
}

impl Standing<'_> {
    /// Returns `true` if another run has committed since.
    pub(super) fn is_anothers(&self, run: &str) -> bool {
        self.committed.values().any(|committed| {
            Marker::parse(&committed.metadata).is_none_or(|marker| marker.run != run)
        })
    }

    /// Returns `true` if the whole progress is committed with this marker.
    pub(super) fn is_all_of(&self, marker: &Marker) -> bool {
        self.parts.iter().all(|(number, part)| {
            let committed = self.committed.get(number);
            committed.is_some_and(|committed| {
                committed.offset == part.position()
                    && Marker::parse(&committed.metadata).as_ref() == Some(marker)
            })
        })
    }
}

impl Part {
    fn is_done(&self) -> bool {
        self.next >= self.end
    }

    /// Returns `true` if it is past all dead letters that an interrupted run with this many dead letters in
    /// flight can have written to it.
    fn is_past(&self, letters: u64) -> bool {
        self.sent >= letters || self.position() >= self.high
    }

    /// The offset to commit.
    fn position(&self) -> i64 {
        self.next.max(self.floor)
    }
}

/// The part of a partition to read, and how many of the selected offsets are already passed.
fn part((low, high): (i64, i64), asked: Option<(i64, i64)>, committed: Option<i64>) -> (Part, u64) {
    let (from, to) = asked.unwrap_or((low, high));
    let first = from.clamp(low, high);
    let end = to.clamp(first, high);
    // A committed offset beyond the end belongs to an earlier, deleted queue.
    let floor = committed.filter(|committed| *committed <= high);
    let start = floor.map_or(first, |committed| committed.clamp(first, end));
    let part = Part {
        start,
        next: start,
        end,
        high,
        floor: floor.unwrap_or_default(),
        sent: 0,
        is_asked_again: false,
    };
    (part, (start - first).unsigned_abs())
}

fn at_risk(committed: &Committed) -> Option<u64> {
    Marker::parse(&committed.metadata).map(|marker| marker.at_risk)
}

/// The selected partitions, which must exist.
fn chosen(numbers: &[i32], selection: &Selection) -> Result<Vec<i32>, ConsumerError> {
    if selection.offsets.is_empty() {
        return Ok(numbers.to_vec());
    }
    let chosen: Vec<i32> = selection.offsets.keys().copied().collect();
    let unknown = chosen.iter().find(|number| !numbers.contains(number));
    match unknown {
        None => Ok(chosen),
        Some(number) => Err(ConsumerError::Setting {
            setting: "offsets",
            problem: format!(
                "contain partition {number}, but the queue has only the partitions {numbers:?}"
            ),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Replay;
    use super::*;
    use crate::settings::config::ConsumerConfig;
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::DefaultProducerContext;
    use rws_kafka_producer::{KafkaProducer, ProducerConfig};

    type Mock = MockCluster<'static, DefaultProducerContext>;

    /// A queue with this many dead letters in its only partition.
    fn queue(letters: usize) -> (Mock, Reading) {
        let mock = MockCluster::new(1).expect("a mock cluster");
        mock.create_topic("orders.dlq", 1, 1).expect("a topic");
        let config = ProducerConfig::new(mock.bootstrap_servers()).unwrap();
        let producer = KafkaProducer::new(config).unwrap();
        for _ in 0..letters {
            producer.send_sync("orders.dlq", "letter").unwrap();
        }
        let config = ConsumerConfig::new(mock.bootstrap_servers(), "not used").unwrap();
        let reading = Replay::new(config, "orders.dlq").reading().unwrap();
        (mock, reading)
    }

    /// The offsets of the next dead letters, at most `most`.
    fn read(reading: &mut Reading, most: usize) -> Vec<i64> {
        let mut offsets = Vec::new();
        while offsets.len() < most {
            match reading.next().unwrap() {
                Read::Letter(letter) => {
                    offsets.push(letter.offset);
                    reading.passed(&letter).unwrap();
                }
                Read::Nothing => {}
                Read::Finished => break,
            }
        }
        offsets
    }

    #[test]
    fn an_end_that_is_told_too_early_skips_no_letter() {
        let (_mock, mut reading) = queue(6);
        assert_eq!(read(&mut reading, 2), [0, 1]);
        reading.end_told(0).unwrap();
        assert_eq!(read(&mut reading, 2), [2, 3]);
        reading.end_told(0).unwrap();
        assert_eq!(read(&mut reading, usize::MAX), [4, 5]);
        assert_eq!(reading.to_come(), 0);
    }

    #[test]
    fn offsets_at_the_end_that_are_no_letters_are_passed() {
        let (_mock, mut reading) = queue(2);
        reading.parts.get_mut(&0).unwrap().end += 1;
        assert_eq!(read(&mut reading, usize::MAX), [0, 1]);
        assert_eq!(reading.to_come(), 0);
    }

    #[test]
    fn a_part_is_past_the_letters_of_a_run_by_as_many_or_at_its_end() {
        let (mut part, _) = part((3, 9), Some((4, 6)), None);
        assert!(part.is_past(0) && !part.is_past(2));
        part.sent = 2;
        assert!(part.is_past(2) && !part.is_past(3));
        // The end of the selection: a run that selected more may have written beyond it.
        part.next = part.end;
        assert!(!part.is_past(3));
        part.next = part.high;
        assert!(part.is_past(3));
    }

    fn range(bounds: (i64, i64), asked: Option<(i64, i64)>, committed: Option<i64>) -> [i64; 3] {
        let (part, passed) = super::part(bounds, asked, committed);
        assert_eq!(part.next, part.start);
        [part.start, part.end, passed as i64]
    }

    #[test]
    fn a_part_is_what_is_there_and_asked_for_and_not_passed() {
        assert_eq!(range((3, 9), None, None), [3, 9, 0]);
        assert_eq!(range((3, 9), None, Some(5)), [5, 9, 2]);
        assert_eq!(range((3, 9), Some((0, i64::MAX)), None), [3, 9, 0]);
        assert_eq!(range((3, 9), Some((4, 6)), None), [4, 6, 0]);
        assert_eq!(range((3, 9), Some((4, 6)), Some(5)), [5, 6, 1]);
        assert_eq!(range((3, 9), Some((4, 6)), Some(8)), [6, 6, 2]);
        assert_eq!(range((3, 9), Some((4, 6)), Some(1)), [4, 6, 0]);
        assert_eq!(range((3, 9), None, Some(10)), [3, 9, 0]);
        assert_eq!(range((3, 9), Some((20, 30)), None), [9, 9, 0]);
        assert_eq!(range((3, 9), Some((0, 2)), None), [3, 3, 0]);
    }

    #[test]
    fn an_offset_does_not_go_back() {
        let (part, _) = part((3, 9), Some((4, 6)), Some(8));
        assert_eq!(part.position(), 8);
    }
}
