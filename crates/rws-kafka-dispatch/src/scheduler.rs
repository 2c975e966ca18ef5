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
/// A strand is a queue whose messages keep their order. Any idle lane takes the next ready strand, so lanes
/// never wait for each other. A strand that waits for a retry, or for the acknowledgement of a dead letter,
/// occupies no lane.
pub struct Scheduler<P: Progress> {
    clock: Clock,
    state: Mutex<State<P>>,
    /// Written under the lock, so that no sleeping lane misses the end of a pause. Lanes read it for each
    /// message.
    paused: AtomicBool,
    /// Notified when a strand is ready, a retry is due earlier, or the scheduler has ended.
    work: Condvar,
    /// Notified when a strand has stopped running.
    settled: Condvar,
}

impl<P: Progress> Scheduler<P> {
    /// Creates a scheduler that measures pauses with `clock`. With `gathering`, lanes get batches.
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

    /// Adds each task to the end of its strand's queue.
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

    /// Hands out the messages collected for a partition, because no more of it is fetched before.
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

    /// Sets how many messages of `strand` that its lane has in flight have no outcome yet.
    pub fn holds(&self, strand: StrandId, messages: usize) {
        // While the handler runs, at least one is in flight.
        self.lock().holds(strand, messages.max(1));
    }

    /// Returns the next work, and takes back the last one with its outcome. Blocks until there is work, and
    /// calls `idle` before it does. Returns `None` when the scheduler has ended.
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
                // Dropped without the lock, because it may be the last of a batch.
                drop(state);
                drop(over);
                return Some(work);
            }
            if over.is_some() {
                // Not while the lane sleeps, either.
                MutexGuard::unlocked(&mut state, || drop(over.take()));
                continue;
            }
            if let Some(idle) = idle.take() {
                idle();
            }
            let mut next_timer = state.next_timer();
            if next_timer.is_none() && std::mem::take(&mut has_worked) {
                // While there is work, the first messages of a batch need not wake a lane to set its timer.
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

    /// Returns the next work as [`next`](Self::next) does, but without blocking: `None` if there is none now.
    pub fn try_next(&self) -> Option<Work<P>> {
        let mut state = self.lock();
        if state.ended {
            return None;
        }
        state.ready_timers(&self.clock);
        state.take_next(self.is_paused())
    }

    /// Takes back `work` with its outcome.
    pub fn finish(&self, work: Work<P>, outcome: Outcome) {
        let over = self.give_back(&mut self.lock(), work, outcome);
        // Dropped without the lock, because it may be the last of a batch.
        drop(over);
    }

    /// Returns when the next waiting message is due.
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
        // A sleeping lane must learn of a retry that is due before it would wake.
        if state.idle_lanes > 0 && state.is_unwatched() {
            self.work.notify_one();
        }
        if state.drains > 0 {
            self.settled.notify_all();
        }
        over
    }

    /// Wakes `strand`, whose dead letter has an outcome.
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

    /// Pauses or resumes handing out messages. Messages in flight continue.
    pub fn pause(&self, paused: bool) {
        let state = self.lock();
        self.paused.store(paused, Ordering::Relaxed);
        drop(state);
        self.work.notify_all();
    }

    /// Returns `true` while no messages are handed out.
    pub fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }

    /// Drops all queued messages of a partition, except those in flight.
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
            // What has begun continues: a dead letter that is being sent.
            queue.tasks.extend(first.map(|task| task.nothing()));
            // A running strand stays, so that no second lane takes it.
            queue.phase == StrandPhase::Running || !queue.tasks.is_empty()
        });
        state.ready.retain(|strand| !strand.is_of(partition));
        state.due.retain(|strand| !strand.is_of(partition));
        if let Some(gatherer) = &mut state.gatherer {
            gatherer.forget_all(partition);
        }
    }

    /// Waits until no message of `partitions` is in flight. Returns how many still are at `until`.
    pub fn wait_until_settled(
        &self,
        partitions: &[Arc<Partition<P::Recorders>>],
        until: Instant,
    ) -> usize {
        self.wait_for_in_flight(until, |in_flight| {
            let of = |partition: &Arc<Partition<P::Recorders>>| in_flight.get(&partition.id);
            partitions.iter().filter_map(of).sum()
        })
    }

    fn wait_for_in_flight(
        &self,
        until: Instant,
        count: impl Fn(&FxHashMap<u64, usize>) -> usize,
    ) -> usize {
        let mut state = self.lock();
        state.drains += 1;
        let left = loop {
            let in_flight = count(&state.in_flight);
            let left = until.saturating_duration_since(Instant::now());
            if in_flight == 0 || left.is_zero() {
                break in_flight;
            }
            self.settled.wait_for(&mut state, left);
        };
        state.drains -= 1;
        left
    }

    /// Waits until no message at all is in flight. Returns how many still are at `until`.
    pub fn wait_until_idle(&self, until: Instant) -> usize {
        self.wait_for_in_flight(until, |in_flight| in_flight.values().sum())
    }

    /// Returns how many messages are in flight now: with a handler, or as a dead letter that is not
    /// acknowledged yet.
    pub fn in_flight(&self) -> usize {
        self.lock().in_flight.values().sum()
    }

    /// Ends the scheduler: lanes get no more work.
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
