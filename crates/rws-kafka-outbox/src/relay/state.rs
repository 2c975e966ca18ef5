//! The state that a relay's loop and workers share with its handle.

use super::failure::forbids_deletes;
use super::report::{RelayReport, RelayStatus};
use crate::error::OutboxError;
use parking_lot::Mutex;
use rws_kafka_observe::causes::with_causes;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// What a relay was doing when it got an error.
#[derive(Clone, Copy, Debug)]
pub(super) enum Activity {
    /// Looking for shards with events.
    Looking,
    /// Publishing events, in a worker.
    Publishing,
}

#[derive(Debug, Default)]
pub(super) struct RelayState {
    pub(super) running: AtomicBool,
    pub(super) published: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) parked: AtomicU64,
    looking: Mutex<Option<Trouble>>,
    publishing: Mutex<Option<Trouble>>,
}

#[derive(Debug)]
struct Trouble {
    words: String,
    forbids_deletes: bool,
}

impl RelayState {
    /// Returns the report of a relay that ends now, without an error.
    pub(super) fn report(&self) -> RelayReport {
        RelayReport {
            published: self.published.load(Relaxed),
            abandoned_batches: 0,
            error: None,
        }
    }

    pub(super) fn status(&self) -> RelayStatus {
        let words = |trouble: &Mutex<Option<Trouble>>| {
            let trouble = trouble.lock();
            trouble.as_ref().map(|trouble| trouble.words.clone())
        };
        RelayStatus {
            running: self.running.load(Relaxed),
            published: self.published.load(Relaxed),
            refused: self.refused.load(Relaxed),
            parked: self.parked.load(Relaxed),
            trouble: words(&self.looking).or_else(|| words(&self.publishing)),
        }
    }

    /// Notes the current trouble of this activity.
    pub(super) fn troubled(&self, activity: Activity, error: &OutboxError) {
        let trouble = Trouble {
            words: with_causes(error),
            forbids_deletes: forbids_deletes(error),
        };
        *self.of(activity).lock() = Some(trouble);
    }

    /// Notes that this activity has no trouble. Returns `true` if it had.
    pub(super) fn well(&self, activity: Activity) -> bool {
        self.of(activity).lock().take().is_some()
    }

    /// Returns `true` if the current trouble is that the database does not allow events to be deleted.
    pub(super) fn cannot_delete(&self) -> bool {
        let forbids = |trouble: &Mutex<Option<Trouble>>| {
            let trouble = trouble.lock();
            trouble
                .as_ref()
                .is_some_and(|trouble| trouble.forbids_deletes)
        };
        forbids(&self.looking) || forbids(&self.publishing)
    }

    fn of(&self, activity: Activity) -> &Mutex<Option<Trouble>> {
        match activity {
            Activity::Looking => &self.looking,
            Activity::Publishing => &self.publishing,
        }
    }
}
