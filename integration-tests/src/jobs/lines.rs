//! A file in which several processes write down what they do, in one order.

use std::{fmt::Debug, fs::File, io::Write, path::Path};

/// The bytes of a line. A power of two, so that no line crosses a page: there a SIGKILL could tear
/// the write.
pub const LINE: usize = 64;

/// An entry of numbers that fits on a line.
pub trait Line: Copy + Debug {
    /// Returns its numbers.
    fn numbers(self) -> Vec<i64>;

    /// Makes an entry of such numbers; `None` of others.
    fn of(numbers: &[i64]) -> Option<Self>;

    /// Returns its line.
    ///
    /// # Panics
    ///
    /// When the numbers do not fit on a line.
    fn line(self) -> String {
        let numbers: Vec<String> = self.numbers().iter().map(i64::to_string).collect();
        let line = format!("{:<1$}\n", numbers.join(" "), LINE - 1);
        assert_eq!(line.len(), LINE, "{line:?}");
        line
    }

    /// Makes an entry of its line; `None` of another one.
    fn read(line: &str) -> Option<Self> {
        let numbers = line.split_whitespace().map(str::parse);
        let numbers: Result<Vec<i64>, _> = numbers.collect();
        Self::of(&numbers.ok()?)
    }
}

/// A process's access to the file. Every line is one write to a file opened for appending: that gives
/// one order over all processes, and outlives a process that is killed.
#[derive(Debug)]
pub struct Pen(File);

impl Pen {
    /// Opens the file, which need not exist.
    ///
    /// # Panics
    ///
    /// When it cannot be opened.
    pub fn open(path: &Path) -> Self {
        let file = File::options().append(true).create(true).open(path);
        Self(file.expect("the journal opens"))
    }

    /// Writes an entry.
    ///
    /// # Panics
    ///
    /// When it cannot be written whole.
    pub fn note(&self, entry: impl Line) {
        let written = (&self.0).write(entry.line().as_bytes());
        assert_eq!(written.expect("the journal takes a line"), LINE);
    }
}

/// Returns all entries that were written so far.
///
/// # Panics
///
/// When the file cannot be read, or has another line.
#[track_caller]
pub fn read_lines<T: Line>(path: &Path) -> Vec<T> {
    let text = std::fs::read_to_string(path).expect("the journal can be read");
    assert_eq!(text.len() % LINE, 0, "the journal has a torn line");
    text.lines()
        .map(|line| T::read(line).unwrap_or_else(|| panic!("a line of the journal: {line:?}")))
        .collect()
}
