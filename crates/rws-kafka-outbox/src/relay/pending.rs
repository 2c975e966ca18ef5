//! An event that is to be published, and the keys that identify it and its strand.

use super::options::RelayOrdering;
use std::time::Duration;
use tokio_postgres::Row;
use uuid::Uuid;

/// A shard and one of its strands. Without ordering, the id of an event replaces the strand.
pub(super) type Place = (i16, i64);

/// Identifies an event. The id alone is not enough: it may be assigned again in a database that lost its last
/// transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EventId {
    pub(super) shard: i16,
    pub(super) id: i64,
    pub(super) message_id: Uuid,
}

/// An event as it is stored in the table.
#[derive(Debug)]
pub(super) struct Pending {
    row: Row,
    pub(super) shard: i16,
    pub(super) id: i64,
    pub(super) strand: i64,
    pub(super) attempts: u32,
    /// The time between enqueueing and reading it.
    pub(super) age: Duration,
}

impl Pending {
    /// Creates it from a row with the columns of `ROWS` and `ANY_ROWS`.
    pub(super) fn new(row: Row) -> Self {
        Self {
            shard: row.get(0),
            id: row.get(1),
            strand: row.get(2),
            attempts: u32::try_from(row.get::<_, i32>(3)).unwrap_or(0),
            // Negative if the server's clock was set back.
            age: Duration::try_from_secs_f64(row.get(10)).unwrap_or_default(),
            row,
        }
    }

    /// Returns the event's place. Events of one place are sent one after another.
    pub(super) fn place(&self, ordering: RelayOrdering) -> Place {
        match ordering {
            RelayOrdering::PerKey => (self.shard, self.strand),
            RelayOrdering::Unordered => (self.shard, self.id),
        }
    }

    pub(super) fn event_id(&self) -> EventId {
        EventId {
            shard: self.shard,
            id: self.id,
            message_id: self.message_id(),
        }
    }

    /// Returns its size in memory, in bytes.
    pub(super) fn size(&self) -> usize {
        self.row.raw_size_bytes()
    }

    pub(super) fn message_id(&self) -> Uuid {
        self.row.get(4)
    }

    pub(super) fn topic(&self) -> &str {
        self.row.get(5)
    }

    pub(super) fn key(&self) -> Option<&[u8]> {
        self.row.get(6)
    }

    pub(super) fn payload(&self) -> Option<&[u8]> {
        self.row.get(7)
    }

    pub(super) fn headers(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        let names: Option<Vec<&str>> = self.row.get(8);
        let values: Option<Vec<Option<&[u8]>>> = self.row.get(9);
        names
            .unwrap_or_default()
            .into_iter()
            .zip(values.unwrap_or_default())
    }
}
