//! The strands and their states, without any blocking.

use super::work::{Outcome, Progress, Work};
use crate::clock::Clock;
use crate::gather::{Gathered, Gatherer};
use crate::strand::{StrandId, Task};
use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Instant;

pub(crate) struct State<P: Progress> {
    pub(crate) strands: FxHashMap<StrandId, Strand<P>>,
    pub(crate) ready: VecDeque<StrandId>,
    /// The strands whose retry is due.
    pub(crate) due: VecDeque<StrandId>,
    /// The strands whose dead letter has an outcome.
    pub(crate) answered: VecDeque<StrandId>,
    /// Which of the three queues is next, so that none waits for all of another.
    pub(crate) turn: usize,
    pub(crate) retries: BinaryHeap<Reverse<(Instant, StrandId)>>,
    /// Set if the handler takes batches.
    pub(crate) gatherer: Option<Gatherer>,
    /// How many messages of each partition, by its id, are in flight: with a lane, or as a dead letter that
    /// is not acknowledged yet.
    pub(crate) in_flight: FxHashMap<u64, usize>,
    /// The number of threads that wait on `work` and on `settled`, because a notification costs a system
    /// call.
    pub(crate) idle_lanes: usize,
    pub(crate) drains: usize,
    /// When idle lanes will wake up by themselves, for those that set a timer.
    pub(crate) watches: Vec<Instant>,
    pub(crate) ended: bool,
}

pub(crate) struct Strand<P: Progress> {
    pub(crate) tasks: VecDeque<Task<P::Recorders>>,
    /// The work that has begun. It comes before the first task.
    pub(crate) progress: P,
    pub(crate) phase: StrandPhase,
    /// The size of the tasks, if the handler takes batches.
    pub(crate) gathered: Gathered,
    /// Its share of [`State::in_flight`].
    pub(crate) in_flight: usize,
    /// Set if the outcome of a dead letter arrived before the lane said that it waits for one.
    pub(crate) woken: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum StrandPhase {
    #[default]
    Idle,
    /// Its messages wait for more.
    Gathering,
    Ready,
    Running,
    Waiting,
    Posted,
    Answered,
}

impl<P: Progress> Default for Strand<P> {
    fn default() -> Self {
        Self {
            tasks: VecDeque::new(),
            progress: P::default(),
            phase: StrandPhase::default(),
            gathered: Gathered::default(),
            in_flight: 0,
            woken: false,
        }
    }
}

impl<P: Progress> State<P> {
    pub(crate) fn new() -> Self {
        Self {
            strands: FxHashMap::default(),
            ready: VecDeque::new(),
            due: VecDeque::new(),
            answered: VecDeque::new(),
            turn: 0,
            retries: BinaryHeap::new(),
            gatherer: None,
            in_flight: FxHashMap::default(),
            idle_lanes: 0,
            drains: 0,
            watches: Vec::new(),
            ended: false,
        }
    }

    /// Returns when the next retry or batch is due.
    pub(crate) fn next_timer(&self) -> Option<Instant> {
        let retry = self.retries.peek().map(|Reverse((at, _))| *at);
        let batch = self.gatherer.as_ref().and_then(Gatherer::next);
        retry.into_iter().chain(batch).min()
    }

    pub(crate) fn horizon(&self, clock: &Clock) -> Option<Instant> {
        let gatherer = self.gatherer.as_ref().filter(|_| self.watches.is_empty());
        gatherer.and_then(|gatherer| gatherer.horizon(clock.now()))
    }

    /// Returns `true` if no idle lane will wake when the next retry or batch is due. A lane that takes other
    /// work leaves its timer to another lane.
    pub(crate) fn is_unwatched(&self) -> bool {
        let next = self.next_timer();
        next.is_some_and(|next| self.watches.iter().all(|watch| *watch > next))
    }

    pub(crate) fn ready_timers(&mut self, clock: &Clock) {
        if self.next_timer().is_none() {
            return;
        }
        let now = clock.now();
        if let Some(gatherer) = &mut self.gatherer {
            while let Some(strand) = gatherer.due(now) {
                if let Some(queue) = self.strands.get_mut(&strand) {
                    queue.phase = StrandPhase::Ready;
                    self.ready.push_back(strand);
                }
            }
        }
        while let Some(Reverse((at, strand))) = self.retries.peek().copied()
            && at <= now
        {
            self.retries.pop();
            if let Some(queue) = self.strands.get_mut(&strand)
                && queue.phase == StrandPhase::Waiting
            {
                queue.phase = StrandPhase::Ready;
                self.due.push_back(strand);
            }
        }
    }

    pub(crate) fn take_next(&mut self, paused: bool) -> Option<Work<P>> {
        while let Some(strand) = self.pop_ready(paused) {
            if let Some(queue) = self.strands.get_mut(&strand)
                && let Some(task) = queue.tasks.pop_front()
            {
                // A dead letter was in flight all the time.
                let is_new = queue.phase != StrandPhase::Answered;
                queue.phase = StrandPhase::Running;
                queue.woken = false;
                let mut progress = std::mem::take(&mut queue.progress);
                let task = match &self.gatherer {
                    Some(gatherer) if !progress.is_begun() => {
                        let nothing = task.nothing();
                        queue.tasks.push_front(task);
                        let runs = gatherer.take(&mut queue.tasks, &mut queue.gathered);
                        progress = P::gathered(runs);
                        nothing
                    }
                    _ => task,
                };
                if is_new {
                    queue.in_flight = progress.messages();
                    *self.in_flight.entry(strand.partition()).or_default() += queue.in_flight;
                }
                return Some(Work {
                    strand,
                    task,
                    progress,
                });
            }
        }
        None
    }

    fn pop_ready(&mut self, paused: bool) -> Option<StrandId> {
        if paused {
            // A dead letter needs no handler.
            return self.answered.pop_front();
        }
        let queues = [&mut self.answered, &mut self.due, &mut self.ready];
        let count = queues.len();
        let first = (0..count)
            .map(|step| (self.turn + step) % count)
            .find(|number| !queues[*number].is_empty())?;
        self.turn = (first + 1) % count;
        queues[first].pop_front()
    }

    /// Makes a strand with messages that no lane has ready, or lets it wait for more.
    pub(crate) fn line_up(&mut self, strand: StrandId, clock: &Clock) {
        let Some(queue) = self.strands.get_mut(&strand) else {
            return;
        };
        if let Some(gatherer) = &mut self.gatherer
            && !queue.progress.is_begun()
            && let Some(first) = queue.tasks.front()
        {
            if gatherer.waits(strand, first, &queue.gathered, clock) {
                queue.phase = StrandPhase::Gathering;
                return;
            }
            gatherer.forget(strand, Some(first));
        }
        queue.phase = StrandPhase::Ready;
        self.ready.push_back(strand);
    }

    /// Takes back the work of a lane. Returns what has ended of it, which is to be dropped without the lock.
    pub(crate) fn give_back(
        &mut self,
        work: Work<P>,
        outcome: Outcome,
        clock: &Clock,
    ) -> Option<Work<P>> {
        let strand = work.strand;
        let Some(queue) = self.strands.get_mut(&strand) else {
            // A running strand is never removed.
            debug_assert!(false, "an unknown strand was given back");
            return Some(work);
        };
        let is_active = || work.task.batch.partition().is_active();
        let is_over = match outcome {
            Outcome::Done | Outcome::Dropped => true,
            Outcome::Later(_) | Outcome::Yield => !is_active(),
            Outcome::Posted => false,
        };
        if is_over {
            self.settle(strand, clock);
            return Some(work);
        }
        let task = match outcome {
            // The tasks after it were dropped when the partition stopped being active.
            Outcome::Posted if !is_active() => work.task.nothing(),
            _ => work.task,
        };
        queue.tasks.push_front(task);
        queue.progress = work.progress;
        match outcome {
            Outcome::Posted => {
                let posted = queue.progress.posted();
                if std::mem::take(&mut queue.woken) {
                    queue.phase = StrandPhase::Answered;
                    self.answered.push_back(strand);
                } else {
                    queue.phase = StrandPhase::Posted;
                }
                // Still in flight.
                self.holds(strand, posted);
            }
            Outcome::Later(at) => {
                queue.phase = StrandPhase::Waiting;
                self.retries.push(Reverse((at, strand)));
                let had = std::mem::take(&mut queue.in_flight);
                self.let_go(strand, had);
            }
            Outcome::Yield | Outcome::Done | Outcome::Dropped => self.settle(strand, clock),
        }
        None
    }

    /// Notes that no lane has messages of the strand any more.
    fn settle(&mut self, strand: StrandId, clock: &Clock) {
        let Some(queue) = self.strands.get_mut(&strand) else {
            return;
        };
        let had = std::mem::take(&mut queue.in_flight);
        if queue.tasks.is_empty() {
            self.strands.remove(&strand);
        } else {
            self.line_up(strand, clock);
        }
        self.let_go(strand, had);
    }

    /// Sets how many messages of the strand are in flight.
    pub(crate) fn holds(&mut self, strand: StrandId, messages: usize) {
        let Some(queue) = self.strands.get_mut(&strand) else {
            return;
        };
        let had = std::mem::replace(&mut queue.in_flight, messages);
        *self.in_flight.entry(strand.partition()).or_default() += messages;
        self.let_go(strand, had);
    }

    /// Subtracts `messages` of the strand from those in flight.
    fn let_go(&mut self, strand: StrandId, messages: usize) {
        if let Some(in_flight) = self.in_flight.get_mut(&strand.partition()) {
            *in_flight -= messages;
            if *in_flight == 0 {
                self.in_flight.remove(&strand.partition());
            }
        }
    }
}
