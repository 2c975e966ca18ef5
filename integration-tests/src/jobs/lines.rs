//! A file to which several processes write what they do, in one order.

use std::{fmt::Debug, fs::File, io::Write, path::Path};

/// The bytes of a line. A power of two, so that no line crosses a page: there a SIGKILL could tear
/// the write.
pub const LINE: usize = 64;

/// An entry made of numbers that fit on a line.
pub trait Line: Copy + Debug {
    /// Returns its numbers.
    fn numbers(self) -> Vec<i64>;

    /// Returns the entry with these numbers, or `None` if there is none.
    fn of(numbers: &[i64]) -> Option<Self>;

    /// Returns its line.
    ///
    /// # Panics
    ///
    /// Panics if the numbers do not fit on a line.
    fn line(self) -> String {
        let numbers: Vec<String> = self.numbers().iter().map(i64::to_string).collect();
        let line = format!("{:<1$}\n", numbers.join(" "), LINE - 1);
        assert_eq!(line.len(), LINE, "{line:?}");
        line
    }

    /// Parses the entry from its line; returns `None` for any other line.
    fn read(line: &str) -> Option<Self> {
        let numbers = line.split_whitespace().map(str::parse);
        let numbers: Result<Vec<i64>, _> = numbers.collect();
        Self::of(&numbers.ok()?)
    }
}

/// A process's access to the file. Every line is one write to a file opened for appending: that
/// gives one order over all processes, and outlives a process that is killed.
#[derive(Debug)]
pub struct Pen(File);

impl Pen {
    /// Opens the file, which need not exist.
    ///
    /// # Panics
    ///
    /// Panics if it cannot be opened.
    pub fn open(path: &Path) -> Self {
        let file = File::options().append(true).create(true).open(path);
        Self(file.expect("the journal opens"))
    }

    /// Writes an entry.
    ///
    /// # Panics
    ///
    /// Panics if it cannot be written whole.
    pub fn note(&self, entry: impl Line) {
        let written = (&self.0).write(entry.line().as_bytes());
        assert_eq!(written.expect("a line is written to the journal"), LINE);
    }
}

/// Returns all entries that were written so far.
///
/// # Panics
///
/// Panics if the file cannot be read, or has another line.
#[track_caller]
pub fn read_lines<T: Line>(path: &Path) -> Vec<T> {
    let text = std::fs::read_to_string(path).expect("the journal can be read");
    assert_eq!(text.len() % LINE, 0, "the journal has a torn line");
    text.lines()
        .map(|line| T::read(line).unwrap_or_else(|| panic!("invalid journal line: {line:?}")))
        .collect()
}
