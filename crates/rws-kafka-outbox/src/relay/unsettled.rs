//! Events that Kafka has acknowledged and that are still in the table.
//!
//! The database may fail between an acknowledgement and the commit of its DELETE. This process remembers such
//! events, and deletes them before it sends anything else of their shard. So a process never sends an
//! acknowledged event again.

use super::pending::EventId;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

#[derive(Debug, Default)]
pub(super) struct Unsettled(Mutex<HashMap<i16, Shard>>);

#[derive(Debug)]
struct Shard {
    /// The events by id.
    events: BTreeMap<i64, EventId>,
    since: Instant,
    /// `true` if a DELETE of them has failed.
    has_failed: bool,
}

impl Unsettled {
    /// Notes that Kafka has acknowledged `events`.
    pub(super) fn acknowledged(&self, events: impl IntoIterator<Item = EventId>) {
        let mut shards = self.0.lock();
        for event in events {
            let shard = shards.entry(event.shard).or_insert_with(|| Shard {
                events: BTreeMap::new(),
                since: Instant::now(),
                has_failed: false,
            });
            shard.events.insert(event.id, event);
        }
    }

    /// Notes that a DELETE of the events in `shards` has failed, or that its outcome is unknown.
    pub(super) fn failed(&self, shards: &[i16]) {
        let mut all = self.0.lock();
        for shard in shards {
            if let Some(shard) = all.get_mut(shard) {
                shard.has_failed = true;
            }
        }
    }

    /// Notes that the events in `shards` were deleted.
    pub(super) fn settled(&self, shards: &[i16]) {
        let mut all = self.0.lock();
        for shard in shards {
            all.remove(shard);
        }
    }

    pub(super) fn of(&self, shards: &[i16]) -> Vec<EventId> {
        let all = self.0.lock();
        let shards = shards.iter().filter_map(|shard| all.get(shard));
        shards
            .flat_map(|shard| shard.events.values().copied())
            .collect()
    }

    /// Returns `true` while there are events whose DELETE has failed.
    pub(super) fn has_failed(&self) -> bool {
        self.0.lock().values().any(|shard| shard.has_failed)
    }

    /// Returns for how long the oldest event whose DELETE has failed has been here.
    pub(super) fn failing_for(&self) -> Option<Duration> {
        let all = self.0.lock();
        let failing = all.values().filter(|shard| shard.has_failed);
        failing.map(|shard| shard.since.elapsed()).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn event(shard: i16, id: i64) -> EventId {
        EventId {
            shard,
            id,
            message_id: Uuid::nil(),
        }
    }

    #[test]
    fn what_was_acknowledged_is_kept_by_shard_until_it_is_settled() {
        let unsettled = Unsettled::default();
        unsettled.acknowledged([event(1, 7), event(2, 8), event(1, 9)]);
        unsettled.acknowledged([event(1, 7)]);
        assert_eq!(unsettled.of(&[1, 3]), [event(1, 7), event(1, 9)]);
        assert!(!unsettled.has_failed() && unsettled.failing_for().is_none());
        unsettled.failed(&[1, 3]);
        assert!(unsettled.has_failed() && unsettled.failing_for().is_some());
        unsettled.settled(&[1]);
        assert_eq!(unsettled.of(&[1, 2]), [event(2, 8)]);
        assert!(!unsettled.has_failed());
    }
}
