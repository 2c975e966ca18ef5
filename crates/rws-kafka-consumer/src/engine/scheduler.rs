#[cfg(test)]
mod batch_tests;
mod state;
#[cfg(test)]
mod tests;

use super::clock::Clock;
use super::gather::{Gathered, Gatherer, Gathering, Taken};
use super::letter::Letter;
use super::partition::Partition;
use super::strand::{StrandId, Task};
use rustc_hash::FxHashMap;
use state::{State, Strand, StrandPhase};
#[cfg(feature = "testing")]
use std::cmp::Reverse;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a lane took to work on.
pub(crate) struct Work {
    pub(crate) strand: StrandId,
    pub(crate) task: Task,
    pub(crate) progress: Progress,
}

/// How far the first message of a task has come.
#[derive(Default)]
pub(crate) struct Progress {
    /// How often its handler has failed.
    pub(crate) failures: u32,
    /// It is given up or put off: its letter, on its way or to be sent.
    pub(crate) letter: Option<Box<Letter>>,
    /// Where the handler takes batches, these are the messages that it is about, each with its own
    /// progress; the task holds none.
    pub(crate) batch: Option<Box<Taken>>,
}

impl Progress {
    /// How many messages a lane has in hand with it.
    fn messages(&self) -> usize {
        // A lane that looks what is due may go on with it: a drain waits for that.
        self.batch.as_ref().map_or(1, |batch| batch.len().max(1))
    }

    /// How many letters are on their way.
    fn posted(&self) -> usize {
        self.batch.as_ref().map_or(1, |batch| batch.posted())
    }
}

/// How a lane's work ended.
pub(crate) enum Outcome {
    /// Every message of the task is handled.
    Done,
    /// The first message is looked at again at `at`, before its successors.
    Later {
        task: Task,
        progress: Progress,
        at: Instant,
    },
    /// The first message's dead letter is on its way: [`Scheduler::wake`] tells of its outcome.
    Posted { task: Task, progress: Progress },
    /// The task goes on where it stood, after what is ready before it.
    Yield { task: Task, progress: Progress },
    /// The partition is no longer active, or the worker is to stop: the task is left where it stood.
    Dropped,
}

/// Hands runs of messages to lanes, one run of a strand at a time.
///
/// A strand is a queue whose messages keep their order. Any idle lane takes the next ready strand,
/// so that lanes never wait for each other; a strand that waits out a retry, or for the broker to
/// acknowledge a dead letter, occupies no lane.
pub(crate) struct Scheduler {
    clock: Clock,
    state: Mutex<State>,
    /// Written under the lock, so that no lane sleeps over its end; lanes read it for each message.
    paused: AtomicBool,
    /// There is a ready strand, an earlier retry, or an end.
    work: Condvar,
    /// A strand has stopped running.
    settled: Condvar,
}

impl Scheduler {
    pub(crate) fn new(clock: Clock, gathering: Option<Gathering>) -> Self {
        let state = State {
            gatherer: gathering.map(Gatherer::new),
            ..State::default()
        };
        Self {
            clock,
            state: Mutex::new(state),
            paused: AtomicBool::new(false),
            work: Condvar::new(),
            settled: Condvar::new(),
        }
    }

    /// Queues each task behind what its strand has.
    pub(crate) fn add(&self, tasks: impl IntoIterator<Item = (StrandId, Task)>) {
        let mut guard = self.lock();
        let state = &mut *guard;
        let now = state.gatherer.as_ref().map(|_| self.clock.now());
        for (strand, mut task) in tasks {
            let queue = state.strands.entry(strand).or_default();
            if now.is_some() {
                task.since = now;
                queue.gathered.add(&task);
            }
            queue.tasks.push_back(task);
            if let StrandPhase::Idle | StrandPhase::Gathering = queue.phase {
                state.line_up(strand, &self.clock);
            }
        }
        self.wake_a_lane(&guard);
    }

    /// What was gathered of a partition goes out as it is: no more of it is fetched before.
    pub(crate) fn hand_out(&self, partition: &Partition) {
        let mut guard = self.lock();
        let state = &mut *guard;
        let strand = StrandId::whole(partition);
        let is_gathering = |queue: &&mut Strand| queue.phase == StrandPhase::Gathering;
        if let Some(gatherer) = &mut state.gatherer
            && let Some(queue) = state.strands.get_mut(&strand).filter(is_gathering)
        {
            gatherer.forget(strand, queue.tasks.front());
            queue.phase = StrandPhase::Ready;
            state.ready.push_back(strand);
            self.wake_a_lane(&guard);
        }
    }

    /// Of the messages that a lane has in hand of `strand`, so many are unsettled.
    pub(crate) fn holds(&self, strand: StrandId, messages: usize) {
        // The handler is in hand as long as it runs.
        self.lock().holds(strand, messages.max(1));
    }

    /// The next work, for what the last one came to; blocks until there is some, and calls `idle`
    /// before it does. `None` when the scheduler has ended.
    pub(crate) fn next(
        &self,
        finished: Option<(StrandId, Outcome)>,
        idle: impl FnOnce(),
    ) -> Option<Work> {
        let mut state = self.lock();
        let mut has_worked = finished.is_some();
        if let Some((strand, outcome)) = finished {
            self.give_back(&mut state, strand, outcome);
        }
        let mut idle = Some(idle);
        loop {
            if state.ended {
                return None;
            }
            state.ready_timers(&self.clock);
            if let Some(work) = state.take_next(self.is_paused()) {
                self.wake_a_lane(&state);
                return Some(work);
            }
            if let Some(idle) = idle.take() {
                idle();
            }
            let mut next_timer = state.next_timer();
            if next_timer.is_none() && std::mem::take(&mut has_worked) {
                // While there is work, the first messages of a batch need not wake it for its watch.
                next_timer = state.horizon(&self.clock);
            }
            state.idle_lanes += 1;
            state.watches.extend(next_timer);
            state = match next_timer {
                None => self
                    .work
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(at) => {
                    let time = at.saturating_duration_since(self.clock.now());
                    let waited = self.work.wait_timeout(state, time);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
            state.idle_lanes -= 1;
            let watch = state
                .watches
                .iter()
                .position(|watch| Some(*watch) == next_timer);
            if let Some(watch) = watch {
                state.watches.swap_remove(watch);
            }
        }
    }

    /// As [`next`](Self::next), and does not wait: `None` when there is no work at this time.
    #[cfg(feature = "testing")]
    pub(crate) fn try_next(&self) -> Option<Work> {
        let mut state = self.lock();
        if state.ended {
            return None;
        }
        state.ready_timers(&self.clock);
        state.take_next(self.is_paused())
    }

    /// What the work at `strand` came to.
    #[cfg(feature = "testing")]
    pub(crate) fn finish(&self, strand: StrandId, outcome: Outcome) {
        self.give_back(&mut self.lock(), strand, outcome);
    }

    /// When the next message is looked at again that waits for its time.
    #[cfg(feature = "testing")]
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let state = self.lock();
        let is_waiting = |strand: &StrandId| {
            let queue = state.strands.get(strand);
            queue.is_some_and(|queue| queue.phase == StrandPhase::Waiting)
        };
        let retries = state.retries.iter();
        let retries = retries.filter(|Reverse((_, strand))| is_waiting(strand));
        let batch = state.gatherer.as_ref().and_then(Gatherer::next);
        let retries = retries.map(|Reverse((at, _))| *at);
        retries.chain(batch).min()
    }

    fn give_back(&self, state: &mut State, strand: StrandId, outcome: Outcome) {
        state.give_back(strand, outcome, &self.clock);
        // A lane that sleeps must learn of a retry earlier than it knows.
        if state.idle_lanes > 0 && state.is_unwatched() {
            self.work.notify_one();
        }
        if state.drains > 0 {
            self.settled.notify_all();
        }
    }

    /// The dead letter that `strand` waits for has an outcome.
    pub(crate) fn wake(&self, strand: StrandId) {
        let mut state = self.lock();
        if let Some(queue) = state.strands.get_mut(&strand) {
            match queue.phase {
                StrandPhase::Posted => {
                    queue.phase = StrandPhase::Answered;
                    state.answered.push_back(strand);
                }
                StrandPhase::Running => queue.woken = true,
                _ => {}
            }
        }
        self.wake_a_lane(&state);
    }

    /// Whether lanes are to leave messages alone. What a handler has in hand goes on.
    pub(crate) fn pause(&self, paused: bool) {
        let state = self.lock();
        self.paused.store(paused, Ordering::Relaxed);
        drop(state);
        self.work.notify_all();
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }

    /// Forgets all that is queued of a partition, but for the messages in hand.
    pub(crate) fn drop_queued(&self, partition: &Partition) {
        let mut guard = self.lock();
        let state = &mut *guard;
        state.strands.retain(|strand, queue| {
            if !strand.is_of(partition) {
                return true;
            }
            let first = match queue.phase {
                StrandPhase::Posted | StrandPhase::Answered => queue.tasks.pop_front(),
                _ => None,
            };
            queue.tasks.clear();
            queue.gathered = Gathered::default();
            if let Some(mut task) = first {
                task.keep_first();
                queue.tasks.push_back(task);
            }
            // A running strand stays, so that no second lane takes it meanwhile.
            queue.phase == StrandPhase::Running || !queue.tasks.is_empty()
        });
        state.ready.retain(|strand| !strand.is_of(partition));
        state.due.retain(|strand| !strand.is_of(partition));
        if let Some(gatherer) = &mut state.gatherer {
            gatherer.forget_all(partition);
        }
    }

    /// Waits until no message of `partitions` is in hand; returns how many still are at `until`.
    pub(crate) fn wait_until_settled(
        &self,
        partitions: &[Arc<Partition>],
        until: Instant,
    ) -> usize {
        self.wait_for_hands(until, |in_hand| {
            let of = |partition: &Arc<Partition>| in_hand.get(&partition.id);
            partitions.iter().filter_map(of).sum()
        })
    }

    fn wait_for_hands(
        &self,
        until: Instant,
        count: impl Fn(&FxHashMap<u64, usize>) -> usize,
    ) -> usize {
        let mut state = self.lock();
        state.drains += 1;
        let left = loop {
            let in_hand = count(&state.in_hand);
            let left = until.saturating_duration_since(Instant::now());
            if in_hand == 0 || left.is_zero() {
                break in_hand;
            }
            let waited = self.settled.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        };
        state.drains -= 1;
        left
    }

    /// Waits until no message at all is in hand; returns how many still are at `until`.
    pub(crate) fn wait_until_idle(&self, until: Instant) -> usize {
        self.wait_for_hands(until, |in_hand| in_hand.values().sum())
    }

    /// Messages that are in hand at this moment: a handler's, or as a dead letter on its way.
    pub(crate) fn in_hand(&self) -> usize {
        self.lock().in_hand.values().sum()
    }

    /// Lanes get no more work.
    pub(crate) fn end(&self) {
        self.lock().ended = true;
        self.work.notify_all();
    }

    fn wake_a_lane(&self, state: &State) {
        if state.idle_lanes > 0 && (self.has_ready(state) || state.is_unwatched()) {
            self.work.notify_one();
        }
    }

    fn has_ready(&self, state: &State) -> bool {
        let has_messages = !state.ready.is_empty() || !state.due.is_empty();
        !state.answered.is_empty() || (has_messages && !self.is_paused())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bounds a wait that is given as a time from now.
pub(crate) fn deadline_in(time: Duration) -> Instant {
    let now = Instant::now();
    // A time past the clock's range means "as long as it takes": a year is that.
    now.checked_add(time)
        .unwrap_or_else(|| now + Duration::from_secs(365 * 24 * 3600))
}
