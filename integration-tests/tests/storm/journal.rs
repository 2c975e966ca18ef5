//! What was handled, by all workers, in one order.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// A power of two, so that no line crosses a page: there a SIGKILL could tear the write.
const LINE: usize = 32;

/// A worker's access to the journal. Every line is one write to a file opened for appending: that
/// gives one order over all processes, and outlives whoever wrote.
pub(crate) struct Pen {
    file: File,
    worker: usize,
}

impl Pen {
    pub(crate) fn open(path: &Path, worker: usize) -> Self {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .expect("the journal opens");
        Self { file, worker }
    }

    /// This worker has the message in hand.
    pub(crate) fn note(&self, partition: i32, offset: i64) {
        let line = Entry {
            partition,
            offset,
            worker: self.worker,
            at_ms: now_ms(),
        }
        .line();
        let written = (&self.file).write(line.as_bytes());
        assert_eq!(written.expect("the journal takes a line"), LINE);
    }
}

/// That a worker had a message in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) worker: usize,
    /// Milliseconds since 1970.
    pub(crate) at_ms: u64,
}

impl Entry {
    fn line(self) -> String {
        let Self {
            partition,
            offset,
            worker,
            at_ms,
        } = self;
        let line = format!("{partition:>2} {offset:>8} {worker:>4} {at_ms:>14}\n");
        assert_eq!(line.len(), LINE, "{line:?}");
        line
    }

    fn read(line: &str) -> Option<Self> {
        let mut fields = line.split_whitespace();
        let entry = Self {
            partition: fields.next()?.parse().ok()?,
            offset: fields.next()?.parse().ok()?,
            worker: fields.next()?.parse().ok()?,
            at_ms: fields.next()?.parse().ok()?,
        };
        fields.next().is_none().then_some(entry)
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worker {} at {} ms", self.worker, self.at_ms)
    }
}

/// All that was written so far.
pub(crate) fn read(path: &Path) -> Vec<Entry> {
    let text = std::fs::read_to_string(path).expect("the journal can be read");
    assert_eq!(text.len() % LINE, 0, "the journal has a torn line");
    text.lines()
        .map(|line| Entry::read(line).unwrap_or_else(|| panic!("a line of the journal: {line:?}")))
        .collect()
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("after 1970").as_millis() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_several_pens_come_back_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let pens = [1, 2].map(|worker| Pen::open(&path, worker));
        for offset in 0..10 {
            pens[offset as usize % 2].note(11, offset);
        }
        let entries = read(&path);
        let offsets: Vec<i64> = entries.iter().map(|entry| entry.offset).collect();
        assert_eq!(offsets, Vec::from_iter(0..10));
        assert!(entries.iter().all(|entry| entry.partition == 11));
        assert_eq!((entries[0].worker, entries[1].worker), (1, 2));
        assert!(entries[0].at_ms > 0);
    }
}
