//! An event that is to be published, and what identifies it and its strand.

use super::options::RelayOrdering;
use std::time::Duration;
use tokio_postgres::Row;
use uuid::Uuid;

/// A shard, and a strand of it; where no order is kept, the id of an event in place of the strand.
pub(super) type Place = (i16, i64);

/// Identifies an event. An id alone may come again in a database that lost its last transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EventId {
    pub(super) shard: i16,
    pub(super) id: i64,
    pub(super) message_id: Uuid,
}

/// An event as it is in the table.
#[derive(Debug)]
pub(super) struct Pending {
    row: Row,
    pub(super) shard: i16,
    pub(super) id: i64,
    pub(super) strand: i64,
    pub(super) attempts: u32,
    /// Since it was enqueued, when it was read.
    pub(super) age: Duration,
}

impl Pending {
    /// From a row with the columns of `ROWS` and `ANY_ROWS`.
    pub(super) fn new(row: Row) -> Self {
        Self {
            shard: row.get(0),
            id: row.get(1),
            strand: row.get(2),
            attempts: u32::try_from(row.get::<_, i32>(3)).unwrap_or(0),
            // Negative where the server's clock was set back.
            age: Duration::try_from_secs_f64(row.get(10)).unwrap_or_default(),
            row,
        }
    }

    /// Events of one place are sent one after the other.
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

    /// Bytes that it takes in memory.
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
