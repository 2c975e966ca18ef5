use super::batch::Batch;
use super::partition::Partition;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Messages that must be handled one after the other.
pub(crate) type StrandId = u64;

/// A run of messages of one batch that still has to be handled.
pub(crate) struct Task {
    pub(crate) batch: Arc<Batch>,
    pub(crate) next: u32,
}

impl Task {
    pub(crate) fn new(batch: Batch) -> Self {
        Self {
            batch: Arc::new(batch),
            next: 0,
        }
    }

    fn remaining(&self) -> usize {
        (self.batch.len() - self.next) as usize
    }
}

/// What a lane took to work on.
pub(crate) struct Work {
    strand: StrandId,
    pub(crate) task: Task,
    /// How often the first message of the task has failed.
    pub(crate) failures: u32,
}

/// How a lane's work ended.
pub(crate) enum Outcome {
    /// Every message of the task is handled.
    Done,
    /// `task.next` failed: it comes first again at `at`.
    Retry {
        task: Task,
        at: Instant,
        failures: u32,
    },
    /// The partition is no longer active, or the worker is to stop: `task` is left where it stood.
    Dropped(Task),
}

/// Hands runs of messages to lanes, one run of a strand at a time.
///
/// A strand is a queue whose messages keep their order. Any idle lane takes the next ready strand,
/// so that lanes never wait for each other; a strand that waits out a retry occupies no lane.
pub(crate) struct Scheduler {
    state: Mutex<State>,
    /// There is a ready strand, an earlier retry, or an end.
    work: Condvar,
    /// A strand has stopped running.
    settled: Condvar,
}

#[derive(Default)]
struct State {
    strands: HashMap<StrandId, Strand>,
    ready: VecDeque<StrandId>,
    retries: BinaryHeap<Reverse<(Instant, StrandId)>>,
    running: HashSet<StrandId>,
    /// Who waits on `work` and on `settled`: a notification costs a system call.
    idle_lanes: usize,
    drains: usize,
    ended: bool,
}

#[derive(Default)]
struct Strand {
    tasks: VecDeque<Task>,
    failures: u32,
    phase: StrandPhase,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum StrandPhase {
    #[default]
    Idle,
    Ready,
    Running,
    WaitingForRetry,
}

impl Scheduler {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::default(),
            work: Condvar::new(),
            settled: Condvar::new(),
        }
    }

    /// Queues `task` behind what `strand` has.
    pub(crate) fn add(&self, strand: StrandId, task: Task) {
        let mut state = self.lock();
        let queue = state.strands.entry(strand).or_default();
        queue.tasks.push_back(task);
        if queue.phase == StrandPhase::Idle {
            queue.phase = StrandPhase::Ready;
            state.ready.push_back(strand);
            if state.idle_lanes > 0 {
                drop(state);
                self.work.notify_one();
            }
        }
    }

    /// The next work; blocks until there is some. `None` when the scheduler has ended.
    pub(crate) fn take(&self) -> Option<Work> {
        let mut state = self.lock();
        loop {
            if state.ended {
                return None;
            }
            state.ready_retries(Instant::now());
            if let Some(work) = state.take_ready() {
                if !state.ready.is_empty() && state.idle_lanes > 0 {
                    self.work.notify_one();
                }
                return Some(work);
            }
            let next_retry = state.retries.peek().map(|Reverse((at, _))| *at);
            state.idle_lanes += 1;
            state = match next_retry {
                None => self
                    .work
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(at) => {
                    let time = at.saturating_duration_since(Instant::now());
                    let waited = self.work.wait_timeout(state, time);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
            state.idle_lanes -= 1;
        }
    }

    /// Gives back what [`take`](Self::take) gave. `on_dropped` is told how many messages are
    /// dropped, before a drain that waits for the strand goes on.
    pub(crate) fn give_back(
        &self,
        strand: StrandId,
        outcome: Outcome,
        on_dropped: impl FnOnce(usize),
    ) {
        let mut guard = self.lock();
        let state = &mut *guard;
        state.running.remove(&strand);
        let mut dropped = 0;
        // A strand that was dropped while it ran is gone: its messages go too.
        if let Some(queue) = state.strands.get_mut(&strand) {
            match outcome {
                Outcome::Done => {
                    queue.failures = 0;
                    state.settle(strand);
                }
                Outcome::Retry { task, at, failures } => {
                    queue.failures = failures;
                    queue.tasks.push_front(task);
                    queue.phase = StrandPhase::WaitingForRetry;
                    state.retries.push(Reverse((at, strand)));
                }
                Outcome::Dropped(task) => {
                    dropped = task.remaining();
                    state.settle(strand);
                }
            }
        } else if let Outcome::Retry { task, .. } | Outcome::Dropped(task) = outcome {
            dropped = task.remaining();
        }
        on_dropped(dropped);
        // A lane that sleeps must learn of a ready strand, and of a retry earlier than it knows.
        if state.idle_lanes > 0 && !(state.ready.is_empty() && state.retries.is_empty()) {
            self.work.notify_one();
        }
        if state.drains > 0 {
            self.settled.notify_all();
        }
    }

    /// Forgets all that is queued of a partition, but for what runs; returns how many messages
    /// that was.
    pub(crate) fn drop_queued(&self, partition: &Partition) -> usize {
        let mut state = self.lock();
        let mut dropped = 0;
        state.strands.retain(|strand, queue| {
            let is_of_partition = strand_of(partition) == *strand;
            if is_of_partition {
                dropped += queue.tasks.iter().map(Task::remaining).sum::<usize>();
            }
            !is_of_partition
        });
        dropped
    }

    /// Waits until no message of `partitions` runs; returns how many still do at `until`.
    pub(crate) fn wait_until_settled(
        &self,
        partitions: &[Arc<Partition>],
        until: Instant,
    ) -> usize {
        let mut state = self.lock();
        state.drains += 1;
        let running = loop {
            let running = partitions
                .iter()
                .filter(|partition| state.running.contains(&strand_of(partition)))
                .count();
            let left = until.saturating_duration_since(Instant::now());
            if running == 0 || left.is_zero() {
                break running;
            }
            let waited = self.settled.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        };
        state.drains -= 1;
        running
    }

    /// Messages that a handler has in hand at this moment.
    pub(crate) fn running(&self) -> usize {
        self.lock().running.len()
    }

    /// Lanes get no more work.
    pub(crate) fn end(&self) {
        self.lock().ended = true;
        self.work.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Work {
    pub(crate) fn strand(&self) -> StrandId {
        self.strand
    }
}

impl State {
    fn ready_retries(&mut self, now: Instant) {
        while let Some(Reverse((at, strand))) = self.retries.peek().copied()
            && at <= now
        {
            self.retries.pop();
            if let Some(queue) = self.strands.get_mut(&strand)
                && queue.phase == StrandPhase::WaitingForRetry
            {
                queue.phase = StrandPhase::Ready;
                self.ready.push_back(strand);
            }
        }
    }

    fn take_ready(&mut self) -> Option<Work> {
        while let Some(strand) = self.ready.pop_front() {
            if let Some(queue) = self.strands.get_mut(&strand)
                && let Some(task) = queue.tasks.pop_front()
            {
                queue.phase = StrandPhase::Running;
                self.running.insert(strand);
                return Some(Work {
                    strand,
                    task,
                    failures: std::mem::take(&mut queue.failures),
                });
            }
        }
        None
    }

    /// A strand that ran is ready again, or is empty and forgotten.
    fn settle(&mut self, strand: StrandId) {
        let Some(queue) = self.strands.get_mut(&strand) else {
            return;
        };
        if queue.tasks.is_empty() {
            self.strands.remove(&strand);
        } else {
            queue.phase = StrandPhase::Ready;
            self.ready.push_back(strand);
        }
    }
}

/// Partition order: all messages of an assigned partition are one strand.
pub(crate) fn strand_of(partition: &Partition) -> StrandId {
    partition.id
}

/// Bounds a wait that is given as a time from now.
pub(crate) fn deadline_in(time: Duration) -> Instant {
    let now = Instant::now();
    // A time past the clock's range means "as long as it takes": a year is that.
    now.checked_add(time)
        .unwrap_or_else(|| now + Duration::from_secs(365 * 24 * 3600))
}

#[cfg(test)]
mod tests {
    use super::super::batch::BatchBuilder;
    use super::*;
    use crate::topic_partition::TopicPartition;
    use rws_kafka_observe::Observer;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::thread;

    const SOON: Duration = Duration::from_secs(20);

    fn partition(id: u64) -> Arc<Partition> {
        let name = TopicPartition::new("topic", id as i32);
        Arc::new(Partition::new(id, name, "group", &Observer::new()))
    }

    /// A task of the messages at `offsets`.
    fn task(partition: &Arc<Partition>, offsets: std::ops::Range<i64>) -> Task {
        let mut builder = BatchBuilder::new(Arc::clone(partition), 4, 0);
        offsets.for_each(|offset| builder.push(offset, None, None, None));
        Task::new(builder.build())
    }

    fn give_back(scheduler: &Scheduler, strand: StrandId, outcome: Outcome) -> usize {
        let mut dropped = 0;
        scheduler.give_back(strand, outcome, |messages| dropped = messages);
        dropped
    }

    #[test]
    fn a_strand_that_waits_out_a_retry_leaves_the_lane_to_others() {
        let scheduler = Scheduler::new();
        let (first, second) = (partition(1), partition(2));
        scheduler.add(1, task(&first, 0..3));
        scheduler.add(1, task(&first, 3..5));
        scheduler.add(2, task(&second, 0..1));
        let work = scheduler.take().unwrap();
        assert_eq!((work.strand(), work.failures), (1, 0));
        let at = Instant::now() + Duration::from_millis(50);
        let mut task = work.task;
        task.next = 1;
        let outcome = Outcome::Retry {
            task,
            at,
            failures: 1,
        };
        assert_eq!(give_back(&scheduler, 1, outcome), 0);
        let work = scheduler.take().unwrap();
        assert_eq!(work.strand(), 2);
        give_back(&scheduler, 2, Outcome::Done);

        let work = scheduler.take().unwrap();
        assert!(Instant::now() >= at);
        assert_eq!((work.strand(), work.task.next, work.failures), (1, 1, 1));
        give_back(&scheduler, 1, Outcome::Done);
        let work = scheduler.take().unwrap();
        assert_eq!((work.task.batch.offset(0), work.failures), (3, 0));
        assert_eq!(scheduler.running(), 1);
    }

    #[test]
    fn an_earlier_retry_wakes_a_lane_that_waits_for_a_later_one() {
        let scheduler = Scheduler::new();
        for id in [1, 2] {
            scheduler.add(id, task(&partition(id), 0..1));
        }
        let later = scheduler.take().unwrap();
        let earlier = scheduler.take().unwrap();
        let retry = |work: Work, time| Outcome::Retry {
            task: work.task,
            at: Instant::now() + time,
            failures: 1,
        };
        give_back(&scheduler, 1, retry(later, 100 * SOON));
        thread::scope(|scope| {
            let lane = scope.spawn(|| scheduler.take().unwrap().strand());
            while scheduler.lock().idle_lanes == 0 {
                thread::yield_now();
            }
            give_back(&scheduler, 2, retry(earlier, Duration::from_millis(5)));
            assert_eq!(lane.join().unwrap(), 2);
        });
    }

    #[test]
    fn what_is_dropped_is_counted_once_whether_it_runs_or_not() {
        let scheduler = Scheduler::new();
        let (taken, other) = (partition(1), partition(2));
        scheduler.add(1, task(&taken, 0..4));
        scheduler.add(1, task(&taken, 4..6));
        scheduler.add(2, task(&other, 0..1));
        let mut work = scheduler.take().unwrap();
        assert_eq!(scheduler.drop_queued(&taken), 2);
        assert_eq!(scheduler.drop_queued(&taken), 0);
        let all = [Arc::clone(&taken), Arc::clone(&other)];
        assert_eq!(scheduler.wait_until_settled(&all, Instant::now()), 1);
        work.task.next = 3;
        let settled = AtomicBool::new(false);
        thread::scope(|scope| {
            let drain = scope.spawn(|| {
                let left = scheduler.wait_until_settled(&all, Instant::now() + SOON);
                (left, settled.load(Ordering::Relaxed))
            });
            let outcome = Outcome::Dropped(work.task);
            scheduler.give_back(1, outcome, |dropped| {
                settled.store(dropped == 1, Ordering::Relaxed);
            });
            assert_eq!(drain.join().unwrap(), (0, true));
        });
        assert_eq!(scheduler.take().unwrap().strand(), 2);
    }

    #[test]
    fn a_dropped_retry_does_not_come_back() {
        let scheduler = Scheduler::new();
        let (taken, other) = (partition(1), partition(2));
        scheduler.add(1, task(&taken, 0..2));
        let work = scheduler.take().unwrap();
        let outcome = Outcome::Retry {
            task: work.task,
            at: Instant::now(),
            failures: 1,
        };
        give_back(&scheduler, 1, outcome);
        assert_eq!(scheduler.drop_queued(&taken), 2);
        scheduler.add(2, task(&other, 0..1));
        assert_eq!(scheduler.take().unwrap().strand(), 2);
    }

    #[test]
    fn an_end_wakes_all_lanes() {
        let scheduler = Scheduler::new();
        thread::scope(|scope| {
            let lanes: Vec<_> = (0..4).map(|_| scope.spawn(|| scheduler.take())).collect();
            while scheduler.lock().idle_lanes < 4 {
                thread::yield_now();
            }
            scheduler.end();
            for lane in lanes {
                assert!(lane.join().unwrap().is_none());
            }
        });
    }

    /// Four lanes, seven strands, every fifth attempt a retry.
    #[test]
    fn strands_keep_their_order_and_run_on_one_lane_at_a_time() {
        const STRANDS: u64 = 7;
        const TASKS: i64 = 200;
        let scheduler = Scheduler::new();
        let partitions: Vec<_> = (0..STRANDS).map(partition).collect();
        let next: Vec<Mutex<i64>> = (0..STRANDS).map(|_| Mutex::new(0)).collect();
        let attempts = AtomicUsize::new(0);
        let left = AtomicUsize::new(STRANDS as usize * TASKS as usize);
        let lane = || {
            while let Some(work) = scheduler.take() {
                let strand = work.strand();
                let mut next = next[strand as usize]
                    .try_lock()
                    .expect("nobody else has this strand");
                assert_eq!(work.task.batch.offset(0), *next);
                let outcome = if attempts.fetch_add(1, Ordering::Relaxed) % 5 == 4 {
                    Outcome::Retry {
                        at: Instant::now() + Duration::from_micros(300),
                        failures: work.failures + 1,
                        task: work.task,
                    }
                } else {
                    *next += 1;
                    if left.fetch_sub(1, Ordering::Relaxed) == 1 {
                        scheduler.end();
                    }
                    Outcome::Done
                };
                drop(next);
                give_back(&scheduler, strand, outcome);
            }
        };
        thread::scope(|scope| {
            (0..4).for_each(|_| drop(scope.spawn(lane)));
            for offset in 0..TASKS {
                for (strand, partition) in (0..).zip(&partitions) {
                    scheduler.add(strand, task(partition, offset..offset + 1));
                }
            }
        });
        assert_eq!(left.into_inner(), 0);
    }
}
