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
