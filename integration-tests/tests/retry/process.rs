//! The journal of a worker in its own process.

use integration_tests::jobs::retrier::Entry;
use integration_tests::jobs::{LINE, Line};

#[test]
fn an_entry_is_read_as_it_was_written() {
    let entry = Entry {
        generation: 12,
        level: 3,
        partition: 2,
        offset: 123_456,
        number: 9_999,
        attempt: 4,
        at_ms: 1_700_000_000_000,
        due_ms: 0,
    };
    let line = entry.line();
    assert_eq!(line.len(), LINE);
    assert_eq!(Entry::read(&line), Some(entry));
}
