//! Skips strands whose events the brokers leave unanswered while they answer others: those of a partition
//! without a leader, or with too few replicas.
//!
//! Such events would be first in each batch and make it last for the delivery timeout. So the unanswered
//! strands of their topic are left out for a while, in this relay's memory only: no event is refused, and
//! none overtakes another of its strand.
//!
//! A broker that was frozen, or that is no longer the leader, also leaves events unanswered, but may answer
//! again at once. So a topic is held only after a second attempt that began after the first had failed. When
//! a pause is over, one strand is tried on behalf of all. A silent partition therefore costs one delivery
//! timeout per pause, and pauses can be short.

use super::pending::Place;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// The first pause is as long as the attempt was, within these bounds. It doubles up to the longer bound.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
/// After this long without an attempt, the topic's events were published by another relay, or discarded.
const FORGOTTEN: Duration = Duration::from_secs(600);

#[derive(Debug, Default)]
pub(super) struct Holds(Mutex<HashMap<String, Topic>>);

#[derive(Debug)]
struct Topic {
    /// The unanswered strands, in the order in which they are tried.
    strands: Vec<Place>,
    state: State,
    /// The duration of the last attempt.
    waited: Duration,
    heard: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Since then, no strand is skipped.
    Open(Instant),
    /// All strands are skipped before `until`, and all but one from then on.
    Held { until: Instant, pause: Duration },
}

impl Topic {
    /// Returns the strand that is tried on behalf of all others at `now`, after the pause. Each has a turn as
    /// long as one attempt, because a strand may have no events any more.
    fn tried(&self, until: Instant, now: Instant) -> Option<Place> {
        let after = now.checked_duration_since(until)?;
        let turn = after.as_millis() / self.waited.max(SHORTEST).as_millis();
        let turn = usize::try_from(turn).unwrap_or(0);
        self.strands.get(turn % self.strands.len().max(1)).copied()
    }
}

impl Holds {
    /// Notes that the brokers left an event of each of these places, with its topic, unanswered in an attempt
    /// that began at `begun`.
    pub(super) fn unanswered<'a>(
        &self,
        events: impl IntoIterator<Item = (Place, &'a str)>,
        begun: Instant,
    ) {
        self.unanswered_at(events, begun, Instant::now());
    }

    fn unanswered_at<'a>(
        &self,
        events: impl IntoIterator<Item = (Place, &'a str)>,
        begun: Instant,
        now: Instant,
    ) {
        let mut topics = self.0.lock();
        let waited = now.saturating_duration_since(begun);
        for (place, name) in events {
            let topic = topics.entry(name.to_owned()).or_insert_with(|| Topic {
                strands: Vec::new(),
                state: State::Open(now),
                waited,
                heard: now,
            });
            (topic.waited, topic.heard) = (waited, now);
            // To the end, so that another strand is tried next.
            topic.strands.retain(|strand| *strand != place);
            topic.strands.push(place);
            let pause = match topic.state {
                // From the same attempt, or from another worker's.
                State::Open(since) if begun < since => continue,
                State::Open(_) => waited,
                State::Held { until, .. } if begun < until => continue,
                State::Held { pause, .. } => pause * 2,
            };
            let pause = pause.clamp(SHORTEST, LONGEST);
            let until = now + pause;
            topic.state = State::Held { until, pause };
        }
    }

    /// Notes that events of `places` were acknowledged. If one of them was unanswered before, the other
    /// strands of its topic are tried again.
    pub(super) fn acknowledged(&self, places: impl IntoIterator<Item = Place>) {
        let mut topics = self.0.lock();
        if topics.is_empty() {
            return;
        }
        let now = Instant::now();
        for place in places {
            for topic in topics.values_mut() {
                let strands = topic.strands.len();
                topic.strands.retain(|strand| *strand != place);
                if topic.strands.len() < strands {
                    topic.state = State::Open(now);
                }
            }
        }
        topics.retain(|_, topic| !topic.strands.is_empty());
    }

    /// Returns the strands in `shards` that are left out now.
    pub(super) fn held(&self, shards: &[i16]) -> Vec<Place> {
        self.held_at(shards, Instant::now())
    }

    fn held_at(&self, shards: &[i16], now: Instant) -> Vec<Place> {
        let mut topics = self.0.lock();
        topics.retain(|_, topic| now < topic.heard + FORGOTTEN);
        let mut held = Vec::new();
        for topic in topics.values() {
            let State::Held { until, .. } = topic.state else {
                continue;
            };
            let tried = topic.tried(until, now);
            let strands = topic.strands.iter().copied();
            held.extend(
                strands.filter(|strand| shards.contains(&strand.0) && Some(*strand) != tried),
            );
        }
        held
    }

    /// Returns `true` if no topic is held.
    pub(super) fn is_empty(&self) -> bool {
        let topics = self.0.lock();
        let mut states = topics.values().map(|topic| topic.state);
        states.all(|state| matches!(state, State::Open(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const TIMEOUT: Duration = Duration::from_secs(10);

    /// Fails an attempt at strands of "t", of shard 0, that began at `begun`.
    fn fails(holds: &Holds, strands: &[i64], begun: Instant) -> Instant {
        let end = begun + TIMEOUT;
        holds.unanswered_at(strands.iter().map(|strand| ((0, *strand), "t")), begun, end);
        end
    }

    fn held(holds: &Holds, now: Instant) -> Vec<i64> {
        let held = holds.held_at(&[0], now);
        held.into_iter().map(|(_, strand)| strand).collect()
    }

    #[test]
    fn what_timed_out_once_is_tried_again_at_once() {
        let holds = Holds::default();
        let start = Instant::now();
        let end = fails(&holds, &[1, 2], start);
        // Another worker's attempt at the same time.
        fails(&holds, &[3], start + SECOND);
        assert!(held(&holds, end + SECOND).is_empty());
        assert!(holds.is_empty());
        holds.acknowledged([(0, 1), (0, 2), (0, 3)]);
        assert!(holds.0.lock().is_empty());
    }

    #[test]
    fn a_silent_topic_is_held_for_longer_each_time_and_a_minute_at_most() {
        let holds = Holds::default();
        let mut now = fails(&holds, &[1, 2, 3], Instant::now());
        now = fails(&holds, &[1, 2, 3], now);
        let mut next = 1;
        for seconds in [10, 20, 40, 60, 60] {
            let pause = Duration::from_secs(seconds);
            assert_eq!(held(&holds, now + pause - SECOND).len(), 3);
            assert_eq!(holds.held_at(&[1], now), []);
            assert!(!holds.is_empty());
            // Then one is tried on behalf of all.
            now += pause;
            let waiting = held(&holds, now);
            assert_eq!(waiting.len(), 2);
            assert!(!waiting.contains(&next), "each in its turn");
            // Other strands of the topic are held at their first failure.
            now = fails(&holds, &[next], now);
            next = next % 3 + 1;
        }
    }

    #[test]
    fn an_acknowledgement_frees_the_topic_and_no_other() {
        let holds = Holds::default();
        let now = fails(&holds, &[1, 2], Instant::now());
        let end = fails(&holds, &[1, 2], now);
        for begun in [now, end] {
            holds.unanswered_at([((0, 9), "u")], begun, begun + TIMEOUT);
        }
        // An answer for a strand that was never unanswered says nothing about the partitions of the others.
        holds.acknowledged([(0, 7)]);
        assert_eq!(held(&holds, end).len(), 3);
        holds.acknowledged([(0, 1)]);
        assert_eq!(held(&holds, end), [9]);
        assert!(!holds.is_empty());
    }

    #[test]
    fn a_strand_without_events_leaves_its_turn_to_the_next() {
        let holds = Holds::default();
        let now = fails(&holds, &[1, 2], Instant::now());
        let over = fails(&holds, &[1, 2], now) + TIMEOUT;
        assert_eq!(held(&holds, over), [2]);
        assert_eq!(held(&holds, over + TIMEOUT), [1]);
        assert!(held(&holds, over + FORGOTTEN).is_empty());
        assert!(holds.0.lock().is_empty());
    }
}
