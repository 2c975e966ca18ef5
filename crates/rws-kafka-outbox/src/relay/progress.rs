//! Reports to readiness whether a relay makes progress.

use super::rows::Head;
use crate::strand::{PerShard, SHARDS};
use rws_kafka_observe::OutboxHealth;

/// What is known about the shards.
#[derive(Debug)]
pub(super) struct Progress {
    health: OutboxHealth,
    heads: Vec<Head>,
    /// `true` for a shard in which every event waits for a refused event of its key.
    quiet: PerShard<bool>,
}

impl Progress {
    pub(super) fn new(health: OutboxHealth) -> Self {
        Self {
            health,
            heads: Vec::new(),
            quiet: [false; SHARDS as usize],
        }
    }

    /// Notes the first events that the relay has found.
    pub(super) fn looked(&mut self, heads: &[Head]) {
        if self.heads != heads {
            // This relay or another has published events: the first ones are sent first.
            self.health.progressed();
            let was = std::mem::replace(&mut self.heads, heads.to_vec());
            for head in heads.iter().filter(|head| !was.contains(head)) {
                self.quiet[head.shard as usize] = false;
            }
        }
        // A refused event that another relay holds is not work for this one.
        let is_work = |head: &&Head| !head.is_refused && !self.quiet[head.shard as usize];
        match heads.iter().find(is_work) {
            Some(_) => self.health.has_work(),
            None => self.health.idle(),
        }
    }

    /// Notes that a batch published so many events of `shards`, of which those in `empty` had nothing to
    /// send.
    pub(super) fn worked(&mut self, published: usize, shards: &[i16], empty: &[i16]) {
        if published > 0 {
            self.health.progressed();
        }
        for shard in shards {
            self.quiet[*shard as usize] = empty.contains(shard);
        }
    }

    /// Notes that it is unknown whether there are events, because the database does not answer.
    pub(super) fn unknown(&self) {
        self.health.has_work();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rws_kafka_observe::{Observer, OutboxState};
    use std::time::Duration;

    fn head(shard: i16, id: i64) -> Head {
        Head {
            shard,
            id,
            is_refused: false,
        }
    }

    /// With a timeout of 0, a relay that has work is stalled.
    fn scene() -> (Observer, Progress) {
        let observer = Observer::new();
        let progress = Progress::new(observer.register_outbox(Duration::ZERO));
        (observer, progress)
    }

    fn becomes(observer: &Observer, state: OutboxState) {
        let end = std::time::Instant::now() + Duration::from_secs(10);
        while observer.readiness().outbox() != Some(state) {
            assert!(std::time::Instant::now() < end, "never {state:?}");
            std::thread::yield_now();
        }
    }

    #[test]
    fn events_that_stay_are_a_stall_and_none_are_not() {
        let (observer, mut progress) = scene();
        progress.looked(&[]);
        becomes(&observer, OutboxState::Ok);
        progress.looked(&[head(1, 7)]);
        becomes(&observer, OutboxState::Stalled);
        progress.looked(&[]);
        becomes(&observer, OutboxState::Ok);
    }

    #[test]
    fn what_waits_for_a_refused_event_is_no_stall() {
        let (observer, mut progress) = scene();
        let refused = Head {
            is_refused: true,
            ..head(1, 7)
        };
        progress.looked(&[refused]);
        becomes(&observer, OutboxState::Ok);
        progress.looked(&[refused, head(2, 8)]);
        becomes(&observer, OutboxState::Stalled);
        progress.worked(0, &[2], &[2]);
        progress.looked(&[refused, head(2, 8)]);
        becomes(&observer, OutboxState::Ok);
        progress.looked(&[refused, head(2, 9)]);
        becomes(&observer, OutboxState::Stalled);
    }

    #[test]
    fn a_database_that_does_not_answer_is_a_stall() {
        let (observer, progress) = scene();
        progress.unknown();
        becomes(&observer, OutboxState::Stalled);
    }
}
