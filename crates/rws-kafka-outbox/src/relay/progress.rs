//! Whether a relay gets on, for readiness.

use super::rows::Head;
use crate::strand::{PerShard, SHARDS};
use rws_kafka_observe::OutboxHealth;

/// What was seen of the shards.
#[derive(Debug)]
pub(super) struct Progress {
    health: OutboxHealth,
    heads: Vec<Head>,
    /// Shards in which every event waits for a refused one of its key.
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

    /// The relay looked, and found these.
    pub(super) fn looked(&mut self, heads: &[Head]) {
        if self.heads != heads {
            // By this relay or another: what is first goes first.
            self.health.progressed();
            let was = std::mem::replace(&mut self.heads, heads.to_vec());
            for head in heads.iter().filter(|head| !was.contains(head)) {
                self.quiet[head.shard as usize] = false;
            }
        }
        // A refused one that another relay holds is no work for this one.
        let is_work = |head: &&Head| !head.is_refused && !self.quiet[head.shard as usize];
        match heads.iter().find(is_work) {
            Some(_) => self.health.has_work(),
            None => self.health.idle(),
        }
    }

    /// A batch published so many events of `shards`, of which those in `empty` had none to send.
    pub(super) fn worked(&mut self, published: usize, shards: &[i16], empty: &[i16]) {
        if published > 0 {
            self.health.progressed();
        }
        for shard in shards {
            self.quiet[*shard as usize] = empty.contains(shard);
        }
    }

    /// The database does not tell whether there are events.
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

    /// With a timeout of nothing, a relay with work in sight is stalled.
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
