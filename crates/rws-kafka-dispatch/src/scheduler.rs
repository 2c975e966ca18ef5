#[cfg(test)]
mod batch_tests;
mod state;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod work;

pub use work::{Outcome, Progress, Work};

use crate::clock::Clock;
use crate::gather::{Gathered, Gatherer, Gathering};
use crate::partition::Partition;
use crate::strand::{StrandId, Task};
use parking_lot::{Condvar, Mutex, MutexGuard};
use rustc_hash::FxHashMap;
use state::{State, Strand, StrandPhase};
use std::cmp::Reverse;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Hands runs of messages to lanes, one run of a strand at a time.
///
/// A strand is a queue whose messages keep their order. Any idle lane takes the next ready strand,
/// so that lanes never wait for each other; a strand that waits out a retry, or for the broker to
/// acknowledge a dead letter, occupies no lane.
pub struct Scheduler<P: Progress> {
    clock: Clock,
    state: Mutex<State<P>>,
    /// Written under the lock, so that no lane sleeps over its end; lanes read it for each message.
    paused: AtomicBool,
    /// There is a ready strand, an earlier retry, or an end.
    work: Condvar,
    /// A strand has stopped running.
    settled: Condvar,
}

impl<P: Progress> Scheduler<P> {
    /// Pauses are told by `clock`. With `gathering`, a lane is given batches.
    pub fn new(clock: Clock, gathering: Option<Gathering>) -> Self {
        let state = State {
            gatherer: gathering.map(Gatherer::new),
            ..State::new()
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
    pub fn add(&self, tasks: impl IntoIterator<Item = (StrandId, Task<P::Recorders>)>) {
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
    pub fn hand_out(&self, partition: &Partition<P::Recorders>) {
        let mut guard = self.lock();
        let state = &mut *guard;
        let strand = StrandId::whole(partition);
        let is_gathering = |queue: &&mut Strand<P>| queue.phase == StrandPhase::Gathering;
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
    pub fn holds(&self, strand: StrandId, messages: usize) {
        // The handler is in hand as long as it runs.
        self.lock().holds(strand, messages.max(1));
    }

    /// The next work, for what the last one came to; blocks until there is some, and calls `idle`
    /// before it does. `None` when the scheduler has ended.
    pub fn next(
        &self,
        finished: Option<(Work<P>, Outcome)>,
        idle: impl FnOnce(),
    ) -> Option<Work<P>> {
        let mut has_worked = finished.is_some();
        let mut state = self.lock();
        let mut over = None;
        if let Some((work, outcome)) = finished {
            over = self.give_back(&mut state, work, outcome);
        }
        let mut idle = Some(idle);
        loop {
            if state.ended {
                return None;
            }
            state.ready_timers(&self.clock);
            if let Some(work) = state.take_next(self.is_paused()) {
                self.wake_a_lane(&state);
                // Without the lock: what is over may be the last of a batch.
                drop(state);
                drop(over);
                return Some(work);
            }
            if over.is_some() {
                // Nor while the lane sleeps.
                MutexGuard::unlocked(&mut state, || drop(over.take()));
                continue;
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
            match next_timer {
                None => self.work.wait(&mut state),
                Some(at) => {
                    let time = at.saturating_duration_since(self.clock.now());
                    self.work.wait_for(&mut state, time);
                }
            }
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
    pub fn try_next(&self) -> Option<Work<P>> {
        let mut state = self.lock();
        if state.ended {
            return None;
        }
        state.ready_timers(&self.clock);
        state.take_next(self.is_paused())
    }

    /// What `work` came to.
    pub fn finish(&self, work: Work<P>, outcome: Outcome) {
        let over = self.give_back(&mut self.lock(), work, outcome);
        // Without the lock: it may be the last of a batch.
        drop(over);
    }

    /// When the next message is looked at again that waits for its time.
    pub fn next_due(&self) -> Option<Instant> {
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

    fn give_back(&self, state: &mut State<P>, work: Work<P>, outcome: Outcome) -> Option<Work<P>> {
        let over = state.give_back(work, outcome, &self.clock);
        // A lane that sleeps must learn of a retry earlier than it knows.
        if state.idle_lanes > 0 && state.is_unwatched() {
            self.work.notify_one();
        }
        if state.drains > 0 {
            self.settled.notify_all();
        }
        over
    }

    /// The dead letter that `strand` waits for has an outcome.
    pub fn wake(&self, strand: StrandId) {
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
    pub fn pause(&self, paused: bool) {
        let state = self.lock();
        self.paused.store(paused, Ordering::Relaxed);
        drop(state);
        self.work.notify_all();
    }

    /// Whether lanes leave messages alone.
    pub fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }

    /// Forgets all that is queued of a partition, but for the messages in hand.
    pub fn drop_queued(&self, partition: &Partition<P::Recorders>) {
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
            // What was begun goes on; that is its letter.
            queue.tasks.extend(first.map(|task| task.nothing()));
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
    pub fn wait_until_settled(
        &self,
        partitions: &[Arc<Partition<P::Recorders>>],
        until: Instant,
    ) -> usize {
        self.wait_for_hands(until, |in_hand| {
            let of = |partition: &Arc<Partition<P::Recorders>>| in_hand.get(&partition.id);
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
            self.settled.wait_for(&mut state, left);
        };
        state.drains -= 1;
        left
    }

    /// Waits until no message at all is in hand; returns how many still are at `until`.
    pub fn wait_until_idle(&self, until: Instant) -> usize {
        self.wait_for_hands(until, |in_hand| in_hand.values().sum())
    }

    /// Messages that are in hand at this moment: a handler's, or as a dead letter on its way.
    pub fn in_hand(&self) -> usize {
        self.lock().in_hand.values().sum()
    }

    /// Lanes get no more work.
    pub fn end(&self) {
        self.lock().ended = true;
        self.work.notify_all();
    }

    fn wake_a_lane(&self, state: &State<P>) {
        if state.idle_lanes > 0 && (self.has_ready(state) || state.is_unwatched()) {
            self.work.notify_one();
        }
    }

    fn has_ready(&self, state: &State<P>) -> bool {
        let has_messages = !state.ready.is_empty() || !state.due.is_empty();
        !state.answered.is_empty() || (has_messages && !self.is_paused())
    }

    fn lock(&self) -> MutexGuard<'_, State<P>> {
        self.state.lock()
    }
}

impl<P: Progress> fmt::Debug for Scheduler<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler")
            .field("is_paused", &self.is_paused())
            .finish_non_exhaustive()
    }
}
