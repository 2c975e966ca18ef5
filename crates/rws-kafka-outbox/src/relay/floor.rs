//! The floors of the shards: the ids above which their events begin.
//!
//! Deleted rows stay in the index until vacuum removes them, and a long transaction anywhere in the database
//! prevents that. Each batch would scan all rows that were sent before it. So a batch begins above them, at
//! the shard's *floor*.
//!
//! No transaction may commit an id below the floor afterwards, or an event of its key with a higher id could
//! overtake it. A transaction that inserts takes a lock on the table before it gets an id, and holds the lock
//! until it has ended; its rows are visible once the lock is released. So the relay first notes the highest
//! ids that it has read, and then the holders of that lock. Once none of those still holds it, every id up to
//! the noted ones is *settled*. The first event that a later read finds is the new floor.

use crate::strand::{PerShard, SHARDS};
use parking_lot::Mutex;
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// The time between two checks of which transactions insert.
const LOOK_EVERY: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Floors(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    floor: PerShard<i64>,
    /// The highest ids that were read.
    read: PerShard<i64>,
    settled: PerShard<i64>,
    waiting: Option<Waiting>,
    looked: Option<Instant>,
}

/// Ids that are settled once none of these transactions holds its lock.
#[derive(Debug)]
struct Waiting {
    ids: PerShard<i64>,
    inserting: HashSet<String>,
}

impl Floors {
    pub(super) fn new() -> Self {
        Self(Mutex::default())
    }

    pub(super) fn floors(&self) -> PerShard<i64> {
        self.0.lock().floor
    }

    /// Returns the settled ids. Call it before the read whose result is passed to [`read`](Self::read).
    pub(super) fn settled(&self) -> PerShard<i64> {
        self.0.lock().settled
    }

    /// Notes that events of `shards` were read, each with its shard and id, after `settled` was taken.
    /// `is_all` is `false` if the events of some keys were left out, because those may be the first.
    pub(super) fn read(
        &self,
        shards: &[i16],
        settled: &PerShard<i64>,
        events: impl IntoIterator<Item = (i16, i64)>,
        is_all: bool,
    ) {
        let mut first: PerShard<i64> = [i64::MAX; SHARDS as usize];
        let mut state = self.0.lock();
        for (shard, id) in events {
            let shard = shard as usize;
            first[shard] = first[shard].min(id);
            state.read[shard] = state.read[shard].max(id);
        }
        for shard in shards.iter().filter(|_| is_all) {
            let shard = *shard as usize;
            let floor = settled[shard].min(first[shard] - 1);
            state.floor[shard] = state.floor[shard].max(floor);
        }
    }

    /// Returns the highest ids read so far, if it is time to check which transactions insert. Call it before
    /// asking the database.
    pub(super) fn begin_look(&self) -> Option<PerShard<i64>> {
        let mut state = self.0.lock();
        if state.looked.is_some_and(|at| at.elapsed() < LOOK_EVERY) {
            return None;
        }
        state.looked = Some(Instant::now());
        Some(state.read)
    }

    /// Notes that the transactions in `inserting` held the lock after `read` was taken.
    pub(super) fn looked(&self, read: PerShard<i64>, inserting: HashSet<String>) {
        let mut state = self.0.lock();
        match &state.waiting {
            Some(waiting) if !waiting.inserting.is_disjoint(&inserting) => return,
            Some(waiting) => state.settled = waiting.ids,
            None => {}
        }
        state.waiting = Some(Waiting {
            ids: read,
            inserting,
        });
    }

    /// Notes that an event was found in `shard` below its floor.
    pub(super) fn lower(&self, shard: i16) {
        let mut state = self.0.lock();
        state.floor[shard as usize] = 0;
        state.settled[shard as usize] = 0;
        state.waiting = None;
    }

    /// Forgets everything: the database may be another one, with fewer events.
    pub(super) fn forget(&self) {
        *self.0.lock() = State::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inserting(names: &[&str]) -> HashSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// Checks which transactions insert, whatever the time.
    fn look(floors: &Floors, names: &[&str]) {
        floors.0.lock().looked = None;
        let read = floors.begin_look().expect("it is due");
        floors.looked(read, inserting(names));
    }

    fn read(floors: &Floors, ids: &[i64]) -> i64 {
        let events = ids.iter().map(|id| (3, *id));
        floors.read(&[3], &floors.settled(), events, true);
        floors.floors()[3]
    }

    #[test]
    fn it_rises_to_the_first_event_once_those_who_inserted_have_ended() {
        let floors = Floors::new();
        read(&floors, &[5, 6, 9]);
        look(&floors, &["3/7"]);
        assert_eq!(read(&floors, &[20, 21]), 0, "3/7 may have an id below 9");
        look(&floors, &["3/7", "4/1"]);
        assert_eq!(read(&floors, &[22]), 0, "3/7 goes on");
        look(&floors, &["4/1"]);
        assert_eq!(read(&floors, &[23]), 9, "higher than what was settled");
        look(&floors, &["4/2"]);
        assert_eq!(
            read(&floors, &[21, 30]),
            20,
            "below an event that is still there"
        );
        assert_eq!(floors.floors()[4], 0, "each shard has its own");
    }

    #[test]
    fn a_read_from_before_the_end_of_an_insert_does_not_raise_it() {
        let floors = Floors::new();
        read(&floors, &[9]);
        look(&floors, &["3/7"]);
        let settled = floors.settled();
        // The events are read here, without the event of 3/7, which commits only now.
        look(&floors, &[]);
        floors.read(&[3], &settled, [(3, 10)], true);
        assert_eq!(floors.floors()[3], 0);
        assert_eq!(read(&floors, &[8, 10]), 7);
    }

    #[test]
    fn it_stays_where_events_were_left_out() {
        let floors = Floors::new();
        read(&floors, &[9]);
        look(&floors, &[]);
        look(&floors, &[]);
        floors.read(&[3], &floors.settled(), [(3, 12)], false);
        assert_eq!(floors.floors()[3], 0);
        assert_eq!(read(&floors, &[]), 9, "an empty shard begins above all");
    }

    #[test]
    fn an_event_below_it_lowers_it() {
        let floors = Floors::new();
        read(&floors, &[9]);
        look(&floors, &[]);
        look(&floors, &[]);
        assert_eq!(read(&floors, &[12]), 9);
        floors.lower(3);
        assert_eq!(read(&floors, &[4]), 0);
        floors.forget();
        assert_eq!(floors.settled(), [0; SHARDS as usize]);
    }

    #[test]
    fn who_inserts_is_asked_now_and_then() {
        let floors = Floors::new();
        assert!(floors.begin_look().is_some());
        assert!(floors.begin_look().is_none());
    }
}
