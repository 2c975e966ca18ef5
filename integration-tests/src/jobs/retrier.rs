//! A worker with retry topics, which writes down what it handles.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rws_kafka::ConsumerContext;
use serde::{Deserialize, Serialize};

use super::{LINE, Line, Place};

/// The delays of the retry topics, in milliseconds.
pub const DELAYS: [u64; 3] = [1000, 2000, 3000];

/// A worker that fails messages as often as [`fails`] says.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Retrier {
    /// The brokers, group and topic of the worker.
    pub place: Place,
    /// Where it writes its [`Entry`]s.
    pub journal: PathBuf,
    /// How many workers there were before.
    pub generation: u32,
}

/// Records that a worker began to handle a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The worker's number.
    pub generation: u32,
    /// 0 for the topic, otherwise the number of the retry topic.
    pub level: u32,
    /// The message's partition.
    pub partition: i32,
    /// The message's offset.
    pub offset: i64,
    /// The message's payload.
    pub number: usize,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// When it began, in milliseconds since 1970.
    pub at_ms: i64,
    /// When the message was due, as its header says; 0 without one.
    pub due_ms: i64,
}

impl Line for Entry {
    fn numbers(self) -> Vec<i64> {
        vec![
            self.generation.into(),
            self.level.into(),
            self.partition.into(),
            self.offset,
            self.number as i64,
            self.attempt.into(),
            self.at_ms,
            self.due_ms,
        ]
    }

    fn of(numbers: &[i64]) -> Option<Self> {
        let &[
            generation,
            level,
            partition,
            offset,
            number,
            attempt,
            at_ms,
            due_ms,
        ] = numbers
        else {
            return None;
        };
        Some(Self {
            generation: generation.try_into().ok()?,
            level: level.try_into().ok()?,
            partition: partition.try_into().ok()?,
            offset,
            number: number.try_into().ok()?,
            attempt: attempt.try_into().ok()?,
            at_ms,
            due_ms,
        })
    }
}

/// Returns how often message `number` fails: a third of them do, 0 to 4 times.
pub fn fails(number: usize) -> u32 {
    match number % 3 {
        0 => (number / 3 % 5) as u32,
        _ => 0,
    }
}

/// Returns the number of entries in a journal, which need not exist.
pub fn written(journal: &Path) -> usize {
    fs::metadata(journal).map_or(0, |data| data.len() as usize / LINE)
}

/// Returns when a message is due, as its header says.
///
/// # Panics
///
/// As [`number`] does.
pub fn due_ms(message: &ConsumerContext) -> Option<i64> {
    let value = message.header("retry_topic-backoff-timestamp")??;
    Some(number(value))
}

/// Reads a positive number that is written as Java's `BigInteger` writes it.
///
/// # Panics
///
/// Panics if it is negative or has no bytes.
pub fn number(value: &[u8]) -> i64 {
    assert!(value[0] < 0x80, "{value:?}");
    value
        .iter()
        .fold(0, |sum, byte| sum << 8 | i64::from(*byte))
}
