use super::partition::{Partition, Phase};
use crate::error::ConsumerError;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The offsets of one commit request.
pub(crate) type Offsets = Vec<(Arc<Partition>, i64)>;

/// Runs one commit at a time, on a thread of its own.
///
/// librdkafka's synchronous commit has no deadline, so only this thread waits for it. As there is
/// never a second request on the way, offsets cannot overtake each other and a commit never takes
/// one back. Everyone else asks for a *round* and waits for its end with a deadline.
pub(crate) struct Committer {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The last round that was asked for, begun, ended.
    wanted: u64,
    begun: u64,
    ended: u64,
    /// What came of the last round.
    error: Option<ConsumerError>,
    stopping: bool,
}

impl Committer {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Asks for a round that begins after this call; returns its number.
    pub(crate) fn request(&self) -> u64 {
        let mut state = self.lock();
        let round = state.begun + 1;
        state.wanted = state.wanted.max(round);
        drop(state);
        self.changed.notify_all();
        round
    }

    /// Waits for the end of `round`, or of a later one.
    ///
    /// # Errors
    ///
    /// What the commit came to, or [`ConsumerError::CommitTimedOut`] at `until`.
    pub(crate) fn wait(&self, round: u64, until: Instant) -> Result<(), ConsumerError> {
        let state = self.wait_while(until, |state| state.ended < round && !state.stopping);
        if state.ended < round {
            return Err(ConsumerError::CommitTimedOut);
        }
        state.error.clone().map_or(Ok(()), Err)
    }

    /// Waits until no round is on its way, for one that took in a partition since released.
    pub(crate) fn wait_until_quiet(&self, until: Instant) -> bool {
        let state = self.wait_while(until, |state| state.ended < state.begun);
        state.ended == state.begun
    }

    /// Ends [`run`](Self::run) after the round on its way.
    pub(crate) fn stop(&self) {
        self.lock().stopping = true;
        self.changed.notify_all();
    }

    /// Serves rounds until [`stop`](Self::stop): `due` tells what there is to commit, `commit`
    /// brings it to the broker.
    pub(crate) fn run(
        &self,
        mut due: impl FnMut() -> Offsets,
        mut commit: impl FnMut(&Offsets) -> Result<(), ConsumerError>,
    ) {
        loop {
            let mut state = self.lock();
            while state.wanted <= state.begun && !state.stopping {
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            if state.stopping {
                return;
            }
            state.begun += 1;
            drop(state);

            let offsets = due();
            let result = if offsets.is_empty() {
                Ok(())
            } else {
                commit(&offsets)
            };
            if result.is_ok() {
                for (partition, offset) in &offsets {
                    partition.tracker().acked(*offset);
                }
            }

            let mut state = self.lock();
            state.ended = state.begun;
            state.error = result.err();
            drop(state);
            self.changed.notify_all();
        }
    }

    fn wait_while(
        &self,
        until: Instant,
        mut condition: impl FnMut(&State) -> bool,
    ) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if !condition(&state) || left.is_zero() {
                return state;
            }
            state = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What `partitions` have to commit, released ones aside.
pub(crate) fn due<'a>(partitions: impl IntoIterator<Item = &'a Arc<Partition>>) -> Offsets {
    partitions
        .into_iter()
        .filter(|partition| partition.phase() != Phase::Released)
        .filter_map(|partition| {
            let offset = partition.tracker().to_commit()?;
            Some((Arc::clone(partition), offset))
        })
        .collect()
}
