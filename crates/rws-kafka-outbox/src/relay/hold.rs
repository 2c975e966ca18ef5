//! Lanes whose events the brokers leave unanswered while they answer others: of a partition without a
//! leader, or with too few replicas.
//!
//! They would come first in each batch, and make it last for the delivery timeout. So they are left
//! out for a while, in this relay's memory alone: no event is refused, and none overtakes another of
//! its lane.

use super::lock;
use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// For how long at first. It doubles, so that others get the greater part of the time however many
/// lanes there are.
const FIRST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(600);

/// A shard, and a lane of it; the id of an event where none are kept in order.
pub(super) type Place = (i16, i64);

#[derive(Debug, Default)]
pub(super) struct Holds(Mutex<HashMap<Place, Hold>>);

#[derive(Debug)]
struct Hold {
    topic: String,
    pause: Duration,
    until: Instant,
}

impl Holds {
    /// The brokers left an event of `place` unanswered.
    pub(super) fn unanswered(&self, place: Place, topic: &str) {
        let mut holds = lock(&self.0);
        let last = holds.get(&place).map(|hold| hold.pause * 2);
        let pause = last.unwrap_or(FIRST).min(LONGEST);
        let hold = Hold {
            topic: topic.to_owned(),
            pause,
            until: Instant::now() + pause,
        };
        holds.insert(place, hold);
    }

    /// Events of `places` were acknowledged: where one of them was held, the others of its topic are
    /// worth a try.
    pub(super) fn acknowledged(&self, places: impl Iterator<Item = Place>) {
        let mut holds = lock(&self.0);
        if holds.is_empty() {
            return;
        }
        let topics: HashSet<String> = places
            .filter_map(|place| holds.remove(&place))
            .map(|hold| hold.topic)
            .collect();
        if topics.is_empty() {
            return;
        }
        let now = Instant::now();
        for hold in holds.values_mut() {
            if topics.contains(&hold.topic) {
                hold.until = hold.until.min(now);
            }
        }
    }

    /// What is held in `shards`.
    pub(super) fn held(&self, shards: &[i16]) -> Vec<Place> {
        let now = Instant::now();
        let mut holds = lock(&self.0);
        // What has long been free was published by another relay, or discarded.
        holds.retain(|_, hold| hold.until + LONGEST > now);
        holds
            .iter()
            .filter(|((shard, _), hold)| hold.until > now && shards.contains(shard))
            .map(|(place, _)| *place)
            .collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        let now = Instant::now();
        !lock(&self.0).values().any(|hold| hold.until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As if this long had passed.
    fn pass(holds: &Holds, time: Duration) {
        for hold in lock(&holds.0).values_mut() {
            hold.until -= time;
        }
    }

    #[test]
    fn a_lane_is_held_twice_as_long_each_time() {
        let holds = Holds::default();
        for seconds in [60, 120, 240, 480, 600, 600] {
            holds.unanswered((3, 7), "t");
            let all_but_one = Duration::from_secs(seconds - 1);
            pass(&holds, all_but_one);
            assert_eq!(holds.held(&[2, 3]), [(3, 7)]);
            assert_eq!(holds.held(&[2]), []);
            pass(&holds, Duration::from_secs(1));
            assert_eq!(holds.held(&[3]), []);
            assert!(holds.is_empty());
        }
    }

    #[test]
    fn an_acknowledgement_frees_the_topic_and_no_other() {
        let holds = Holds::default();
        for (lane, topic) in [(1, "t"), (2, "t"), (3, "u")] {
            holds.unanswered((0, lane), topic);
        }
        // Of a lane that was not held: it says nothing of their partitions.
        holds.acknowledged([(0, 9)].into_iter());
        assert_eq!(holds.held(&[0]).len(), 3);
        holds.acknowledged([(0, 1)].into_iter());
        assert_eq!(holds.held(&[0]), [(0, 3)]);
    }

    #[test]
    fn what_has_long_been_free_is_forgotten() {
        let holds = Holds::default();
        holds.unanswered((0, 1), "t");
        pass(&holds, FIRST + LONGEST);
        assert_eq!(holds.held(&[0]), []);
        assert!(lock(&holds.0).is_empty());
    }
}
