use crate::error::ConsumerError;
use crate::partition::Partition;
use parking_lot::{Condvar, Mutex, MutexGuard};
use rws_kafka_dispatch::Phase;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// The offsets of one commit request.
pub(crate) type Offsets = Vec<(Arc<Partition>, i64)>;

/// Runs one commit at a time on a thread of its own, which also keeps the time. Work on other threads, such
/// as the drain of a revoke, therefore never delays the commits of other partitions.
///
/// librdkafka's synchronous commit has no deadline, so only this thread waits for it. There is never a second
/// request in flight: offsets cannot overtake each other, and a commit never takes one back. Code that cannot
/// wait for the next *round* asks for one, and waits for its end with a deadline.
pub(crate) struct Committer {
    state: Mutex<State>,
    changed: Condvar,
    /// Runs a round on the thread that waits for it, if there is no commit thread.
    by_hand: OnceLock<Box<Round>>,
}

type Round = dyn Fn() -> Result<(), ConsumerError> + Send + Sync;

/// The maximum number of futile waits for a round without a thread.
const MOST_TRIES: usize = 100;

#[derive(Default)]
struct State {
    /// The last rounds that were requested, begun and ended.
    wanted: u64,
    begun: u64,
    ended: u64,
    /// The error of the last round.
    error: Option<ConsumerError>,
    stopping: bool,
}

impl Committer {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            by_hand: OnceLock::new(),
        }
    }

    /// Asks for a round that begins after this call. Returns its number.
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
    /// The error of the commit, or [`ConsumerError::CommitTimedOut`] at `until`.
    pub(crate) fn wait(&self, round: u64, until: Instant) -> Result<(), ConsumerError> {
        self.serve_by_hand();
        let state = self.wait_while(until, |state| state.ended < round && !state.stopping);
        if state.ended < round {
            return Err(ConsumerError::CommitTimedOut);
        }
        state.error.clone().map_or(Ok(()), Err)
    }

    /// Waits until no round is in flight, because it may contain a partition that was released since.
    pub(crate) fn wait_until_quiet(&self, until: Instant) -> bool {
        let state = self.wait_while(until, |state| state.ended < state.begun);
        state.ended == state.begun
    }

    /// Ends [`serve`](Self::serve) after the current round.
    pub(crate) fn stop(&self) {
        self.lock().stopping = true;
        self.changed.notify_all();
    }

    /// Runs rounds until [`stop`](Self::stop): whenever one is requested, and at the latest one `tick` after
    /// the last.
    pub(crate) fn serve(
        &self,
        tick: Duration,
        mut round: impl FnMut() -> Result<(), ConsumerError>,
    ) {
        loop {
            let next = Instant::now() + tick;
            let mut state =
                self.wait_while(next, |state| state.wanted <= state.begun && !state.stopping);
            if state.stopping {
                return;
            }
            state.begun += 1;
            drop(state);
            self.ended(round());
        }
    }

    fn ended(&self, result: Result<(), ConsumerError>) {
        let mut state = self.lock();
        state.ended = state.begun;
        state.error = result.err();
        drop(state);
        self.changed.notify_all();
    }

    /// Makes `round` run on the thread that waits for it; there is no commit thread from now on.
    #[cfg(feature = "testing")]
    pub(in crate::engine) fn without_thread(
        &self,
        round: impl Fn() -> Result<(), ConsumerError> + Send + Sync + 'static,
    ) {
        // A worker is started only once.
        let _ = self.by_hand.set(Box::new(round));
    }

    /// Runs the requested round if there is no commit thread.
    pub(in crate::engine) fn serve_by_hand(&self) {
        let Some(round) = self.by_hand.get() else {
            return;
        };
        let mut state = self.lock();
        let is_under_way = state.ended < state.begun;
        if state.wanted <= state.begun || is_under_way || state.stopping {
            return;
        }
        state.begun += 1;
        drop(state);
        self.ended(round());
    }

    /// Runs the round that a lane waits for, for the `tries`-th time, if there is no commit thread.
    pub(in crate::engine) fn wait_by_hand(&self, tries: usize) {
        if self.by_hand.get().is_some() {
            assert!(
                tries < MOST_TRIES,
                "no transaction ever has room for this output"
            );
            self.serve_by_hand();
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
            self.changed.wait_for(&mut state, left);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

/// Commits `offsets` with `commit`, unless they are empty.
pub(in crate::engine) fn commit(
    offsets: &Offsets,
    commit: impl FnOnce(&Offsets) -> Result<(), ConsumerError>,
) -> Result<(), ConsumerError> {
    if offsets.is_empty() {
        return Ok(());
    }
    commit(offsets)?;
    for (partition, offset) in offsets {
        partition.acked(*offset);
    }
    Ok(())
}

/// The offsets that `partitions` have to commit, except released ones.
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

#[cfg(test)]
impl Committer {
    /// Runs rounds that commit what is `due`.
    pub(in crate::engine) fn run(
        &self,
        tick: Duration,
        due: impl Fn() -> Offsets,
        mut brings: impl FnMut(&Offsets) -> Result<(), ConsumerError>,
    ) {
        self.serve(tick, || commit(&due(), &mut brings));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partition;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc::channel;
    use std::thread;

    const NEVER: Duration = Duration::from_secs(3600);
    const AT_ONCE: Duration = Duration::from_millis(1);

    fn partition(messages: i64) -> Arc<Partition> {
        let partition = partition::partition(1, 0);
        (0..messages).for_each(|offset| partition.tracker().push(offset, 1));
        Arc::new(partition)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    fn refused() -> ConsumerError {
        ConsumerError::CommitRefused {
            detail: "not now".to_owned(),
        }
    }

    /// Runs `test` while a committer serves `partition`.
    fn beside(
        committer: &Committer,
        partition: &Arc<Partition>,
        tick: Duration,
        commit: impl FnMut(&Offsets) -> Result<(), ConsumerError> + Send,
        test: impl FnOnce(),
    ) {
        struct End<'a>(&'a Committer);
        impl Drop for End<'_> {
            fn drop(&mut self) {
                self.0.stop();
            }
        }
        thread::scope(|scope| {
            scope.spawn(|| committer.run(tick, || due([partition]), commit));
            let _end = End(committer);
            test();
        });
    }

    #[test]
    fn a_round_takes_in_what_was_finished_before_it_was_asked_for() {
        let (committer, partition) = (Committer::new(), partition(2000));
        let mut last = 0;
        let commit = |offsets: &Offsets| {
            assert!(offsets[0].1 > last, "{} after {last}", offsets[0].1);
            last = offsets[0].1;
            Ok(())
        };
        beside(&committer, &partition, NEVER, commit, || {
            thread::scope(|scope| {
                for first in 0..4 {
                    let (committer, partition) = (&committer, &partition);
                    scope.spawn(move || {
                        for sequence in (first..2000).step_by(4) {
                            partition.finish(sequence, true);
                            let target = partition.tracker().to_commit();
                            committer.wait(committer.request(), soon()).unwrap();
                            assert!(partition.tracker().committed() >= target);
                        }
                    });
                }
            });
        });
        assert_eq!(partition.tracker().committed(), Some(2000));
        assert_eq!(partition.tracker().to_commit(), None);
    }

    #[test]
    fn a_round_on_its_way_does_not_count_for_what_is_asked_for_meanwhile() {
        let (committer, partition) = (Committer::new(), partition(2));
        let ((began, begun), (answer, answered)) = (channel(), channel());
        let commit = move |offsets: &Offsets| {
            began.send(offsets[0].1).unwrap();
            answered.recv().unwrap()
        };
        beside(&committer, &partition, NEVER, commit, || {
            partition.finish(0, true);
            let first = committer.request();
            assert_eq!(begun.recv(), Ok(1));
            partition.finish(1, true);
            let second = committer.request();
            assert!(second > first);
            let at_once = Instant::now();
            assert!(!committer.wait_until_quiet(at_once));
            answer.send(Ok(())).unwrap();
            committer.wait(first, soon()).unwrap();
            assert_eq!(begun.recv(), Ok(2));
            let pending = committer.wait(second, Instant::now());
            assert!(matches!(pending, Err(ConsumerError::CommitTimedOut)));
            answer.send(Ok(())).unwrap();
            committer.wait(second, soon()).unwrap();
            assert!(committer.wait_until_quiet(soon()));
        });
    }

    #[test]
    fn a_round_that_nobody_asked_for_comes_in_time() {
        let (committer, partition) = (Committer::new(), partition(2));
        beside(
            &committer,
            &partition,
            AT_ONCE,
            |_| Ok(()),
            || {
                for sequence in 0..2 {
                    partition.finish(sequence, true);
                    let end = soon();
                    while partition.tracker().to_commit().is_some() {
                        assert!(Instant::now() < end, "it is never committed");
                        thread::yield_now();
                    }
                }
            },
        );
    }

    #[test]
    fn what_was_refused_stays_due() {
        let (committer, partition) = (Committer::new(), partition(1));
        let fails = AtomicBool::new(true);
        let commit = |_: &Offsets| match fails.swap(false, Ordering::Relaxed) {
            true => Err(refused()),
            false => Ok(()),
        };
        beside(&committer, &partition, NEVER, commit, || {
            partition.finish(0, true);
            let result = committer.wait(committer.request(), soon());
            assert!(matches!(result, Err(ConsumerError::CommitRefused { .. })));
            assert_eq!(due([&partition]).len(), 1);
            committer.wait(committer.request(), soon()).unwrap();
            assert_eq!(due([&partition]).len(), 0);
        });
    }

    #[test]
    fn a_released_partition_has_nothing_due() {
        let partition = partition(1);
        partition.finish(0, true);
        partition.advance(Phase::Draining);
        assert_eq!(due([&partition]).len(), 1);
        partition.advance(Phase::Released);
        partition.advance(Phase::Active);
        assert_eq!(due([&partition]).len(), 0);
    }

    #[test]
    fn a_stop_ends_the_waits() {
        let committer = Committer::new();
        let round = committer.request();
        thread::scope(|scope| {
            let wait = scope.spawn(|| committer.wait(round, soon()));
            committer.stop();
            let result = wait.join().unwrap();
            assert!(matches!(result, Err(ConsumerError::CommitTimedOut)));
        });
    }
}
