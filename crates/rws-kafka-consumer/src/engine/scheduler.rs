use super::clock::Clock;
use super::dead_letters::Letter;
use super::gather::{Gathered, Gatherer, Gathering, Taken};
use super::partition::Partition;
use super::strand::{StrandId, Task};
use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
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
    /// How long it is waited for at the most, where it is not due yet.
    pub(crate) waits_until: Option<Instant>,
    /// Where the handler takes batches, these are the messages that it is about, each with its own
    /// progress; the task holds none.
    pub(crate) batch: Option<Box<Taken>>,
}

impl Progress {
    /// How many messages a lane has in hand with it.
    fn messages(&self) -> usize {
        self.batch.as_ref().map_or(1, |batch| batch.len())
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

#[derive(Default)]
struct State {
    strands: FxHashMap<StrandId, Strand>,
    ready: VecDeque<StrandId>,
    /// Those whose retry is due.
    due: VecDeque<StrandId>,
    /// Those whose dead letter has its outcome.
    answered: VecDeque<StrandId>,
    /// Whose turn it is of the three, so that none waits for all of another.
    turn: usize,
    retries: BinaryHeap<Reverse<(Instant, StrandId)>>,
    /// Where the handler takes batches.
    gatherer: Option<Gatherer>,
    /// How many messages of each partition, by its id, are in hand: a lane's, or as a dead letter on
    /// its way.
    in_hand: FxHashMap<u64, usize>,
    /// Who waits on `work` and on `settled`: a notification costs a system call.
    idle_lanes: usize,
    drains: usize,
    /// Until when idle lanes sleep, of those that have a reason to wake by themselves.
    watches: Vec<Instant>,
    ended: bool,
}

#[derive(Default)]
struct Strand {
    tasks: VecDeque<Task>,
    /// Of the first message of the first task.
    progress: Progress,
    phase: StrandPhase,
    /// How much the tasks are, where the handler takes batches.
    gathered: Gathered,
    /// Its share of [`State::in_hand`].
    in_hand: usize,
    /// The outcome of a dead letter came before the lane had said that it waits for one.
    woken: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum StrandPhase {
    #[default]
    Idle,
    /// Its messages wait for more to come.
    Gathering,
    Ready,
    Running,
    Waiting,
    Posted,
    Answered,
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

impl State {
    /// When there is something to do by itself.
    fn next_timer(&self) -> Option<Instant> {
        let retry = self.retries.peek().map(|Reverse((at, _))| *at);
        let batch = self.gatherer.as_ref().and_then(Gatherer::next);
        retry.into_iter().chain(batch).min()
    }

    fn horizon(&self, clock: &Clock) -> Option<Instant> {
        let gatherer = self.gatherer.as_ref().filter(|_| self.watches.is_empty());
        gatherer.and_then(|gatherer| gatherer.horizon(clock.now()))
    }

    /// Whether no idle lane wakes when there is something to do by itself: who takes the work that
    /// one was woken for leaves its watch to another.
    fn is_unwatched(&self) -> bool {
        let next = self.next_timer();
        next.is_some_and(|next| self.watches.iter().all(|watch| *watch > next))
    }

    fn ready_timers(&mut self, clock: &Clock) {
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

    fn take_next(&mut self, paused: bool) -> Option<Work> {
        while let Some(strand) = self.pop_ready(paused) {
            if let Some(queue) = self.strands.get_mut(&strand)
                && let Some(task) = queue.tasks.pop_front()
            {
                // A dead letter that was on its way has been in hand all the time.
                let is_new = queue.phase != StrandPhase::Answered;
                queue.phase = StrandPhase::Running;
                queue.woken = false;
                let mut progress = std::mem::take(&mut queue.progress);
                let task = match &self.gatherer {
                    Some(gatherer) if progress.batch.is_none() => {
                        let nothing = task.nothing();
                        queue.tasks.push_front(task);
                        let taken = gatherer.take(&mut queue.tasks, &mut queue.gathered);
                        progress.batch = Some(Box::new(taken));
                        nothing
                    }
                    _ => task,
                };
                if is_new {
                    queue.in_hand = progress.messages();
                    *self.in_hand.entry(strand.partition()).or_default() += queue.in_hand;
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
            // A letter needs no handler.
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

    /// A strand with messages that no lane has is ready, or gathers more.
    fn line_up(&mut self, strand: StrandId, clock: &Clock) {
        let Some(queue) = self.strands.get_mut(&strand) else {
            return;
        };
        if let Some(gatherer) = &mut self.gatherer
            && queue.progress.batch.is_none()
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

    fn give_back(&mut self, strand: StrandId, outcome: Outcome, clock: &Clock) {
        let Some(queue) = self.strands.get_mut(&strand) else {
            // A running strand is never taken away.
            debug_assert!(false, "a strand that nobody knows was given back");
            return;
        };
        match outcome {
            Outcome::Posted { mut task, progress } => {
                if !task.batch.partition().is_active() {
                    task.keep_first();
                }
                queue.tasks.push_front(task);
                let posted = progress.posted();
                queue.progress = progress;
                if std::mem::take(&mut queue.woken) {
                    queue.phase = StrandPhase::Answered;
                    self.answered.push_back(strand);
                } else {
                    queue.phase = StrandPhase::Posted;
                }
                // Still in hand.
                return self.holds(strand, posted);
            }
            Outcome::Later { task, progress, at } if task.batch.partition().is_active() => {
                queue.tasks.push_front(task);
                queue.progress = progress;
                queue.phase = StrandPhase::Waiting;
                self.retries.push(Reverse((at, strand)));
                let had = std::mem::take(&mut queue.in_hand);
                return self.let_go(strand, had);
            }
            Outcome::Yield { task, progress } if task.batch.partition().is_active() => {
                queue.tasks.push_front(task);
                queue.progress = progress;
            }
            // What is not active any more was dropped behind it already.
            Outcome::Later { .. } | Outcome::Yield { .. } | Outcome::Dropped | Outcome::Done => {}
        }
        let had = std::mem::take(&mut queue.in_hand);
        if queue.tasks.is_empty() {
            self.strands.remove(&strand);
        } else {
            self.line_up(strand, clock);
        }
        self.let_go(strand, had);
    }

    /// The strand has so many messages in hand.
    fn holds(&mut self, strand: StrandId, messages: usize) {
        let Some(queue) = self.strands.get_mut(&strand) else {
            return;
        };
        let had = std::mem::replace(&mut queue.in_hand, messages);
        *self.in_hand.entry(strand.partition()).or_default() += messages;
        self.let_go(strand, had);
    }

    /// The strand has `messages` in hand no more.
    fn let_go(&mut self, strand: StrandId, messages: usize) {
        if let Some(in_hand) = self.in_hand.get_mut(&strand.partition()) {
            *in_hand -= messages;
            if *in_hand == 0 {
                self.in_hand.remove(&strand.partition());
            }
        }
    }
}

/// Bounds a wait that is given as a time from now.
pub(crate) fn deadline_in(time: Duration) -> Instant {
    let now = Instant::now();
    // A time past the clock's range means "as long as it takes": a year is that.
    now.checked_add(time)
        .unwrap_or_else(|| now + Duration::from_secs(365 * 24 * 3600))
}

#[cfg(test)]
mod batch_tests;

#[cfg(test)]
mod tests {
    use super::super::batch::BatchBuilder;
    use super::super::dead_letters::LetterKind;
    use super::super::partition::Phase;
    use super::super::strand::cut;
    use super::*;
    use crate::ordering::Ordering as MessageOrder;
    use crate::topic_partition::TopicPartition;
    use rws_kafka_observe::Observer;
    use std::sync::atomic::AtomicUsize;
    use std::thread;

    const SOON: Duration = Duration::from_secs(20);

    fn partition(id: u64) -> Arc<Partition> {
        let name = TopicPartition::new("topic", id as i32);
        Arc::new(Partition::new(id, name, "group", &Observer::new()))
    }

    /// The messages at `offsets`, as one task of their partition's strand.
    fn task(partition: &Arc<Partition>, offsets: std::ops::Range<i64>) -> (StrandId, Task) {
        let mut builder = BatchBuilder::new(Arc::clone(partition), 4, 0);
        offsets.for_each(|offset| builder.push(offset, None, None, None));
        cut(builder, MessageOrder::Partition).next().unwrap()
    }

    fn add(scheduler: &Scheduler, partition: &Arc<Partition>, offsets: std::ops::Range<i64>) {
        scheduler.add([task(partition, offsets)]);
    }

    fn first_offset(work: &Work) -> i64 {
        work.task.batch.offset(work.task.first().unwrap())
    }

    fn number(work: &Work) -> i32 {
        work.task.batch.partition().name.partition()
    }

    fn take(scheduler: &Scheduler) -> Work {
        scheduler.next(None, || ()).expect("it has not ended")
    }

    fn give_back(scheduler: &Scheduler, (strand, outcome): (StrandId, Outcome)) {
        scheduler.give_back(&mut scheduler.lock(), strand, outcome);
    }

    fn later(work: Work, wait: Duration) -> (StrandId, Outcome) {
        let outcome = Outcome::Later {
            task: work.task,
            progress: Progress {
                failures: work.progress.failures + 1,
                ..Progress::default()
            },
            at: Instant::now() + wait,
        };
        (work.strand, outcome)
    }

    fn posted(work: Work) -> (StrandId, Outcome) {
        let outcome = Outcome::Posted {
            task: work.task,
            progress: Progress {
                failures: 1,
                letter: Some(Box::new(Letter::to("dlq", LetterKind::Dead, Vec::new()))),
                ..Progress::default()
            },
        };
        (work.strand, outcome)
    }

    #[test]
    fn a_strand_that_waits_out_a_retry_leaves_the_lane_to_others() {
        let scheduler = Scheduler::new(Clock::default(), None);
        let (first, second) = (partition(1), partition(2));
        add(&scheduler, &first, 0..3);
        add(&scheduler, &first, 3..5);
        add(&scheduler, &second, 0..1);
        let mut work = take(&scheduler);
        assert_eq!((number(&work), work.progress.failures), (1, 0));
        work.task.advance();
        let wait = Duration::from_millis(50);
        let due = Instant::now() + wait;
        let (strand, outcome) = later(work, wait);
        give_back(&scheduler, (strand, outcome));
        let work = take(&scheduler);
        assert_eq!(number(&work), 2);
        give_back(&scheduler, (work.strand, Outcome::Done));

        let work = take(&scheduler);
        assert!(Instant::now() >= due);
        assert_eq!((number(&work), first_offset(&work)), (1, 1));
        assert_eq!(work.progress.failures, 1);
        give_back(&scheduler, (work.strand, Outcome::Done));
        let work = take(&scheduler);
        assert_eq!((first_offset(&work), work.progress.failures), (3, 0));
        assert_eq!(scheduler.in_hand(), 1);
    }

    #[test]
    fn an_earlier_retry_wakes_a_lane_that_waits_for_a_later_one() {
        let scheduler = Scheduler::new(Clock::default(), None);
        for id in [1, 2] {
            add(&scheduler, &partition(id), 0..1);
        }
        let late = take(&scheduler);
        let early = take(&scheduler);
        let (strand, outcome) = later(late, 100 * SOON);
        give_back(&scheduler, (strand, outcome));
        thread::scope(|scope| {
            let lane = scope.spawn(|| number(&take(&scheduler)));
            while scheduler.lock().idle_lanes == 0 {
                thread::yield_now();
            }
            let (strand, outcome) = later(early, Duration::from_millis(5));
            give_back(&scheduler, (strand, outcome));
            assert_eq!(lane.join().unwrap(), 2);
        });
    }

    #[test]
    fn a_due_retry_and_a_fresh_message_take_turns() {
        let scheduler = Scheduler::new(Clock::default(), None);
        (1..=2).for_each(|id| add(&scheduler, &partition(id), 0..1));
        let failed = [take(&scheduler), take(&scheduler)];
        for (strand, outcome) in failed.map(|work| later(work, Duration::ZERO)) {
            give_back(&scheduler, (strand, outcome));
        }
        for id in 3..=6 {
            add(&scheduler, &partition(id), 0..1);
        }
        let taken: Vec<i32> = (0..6).map(|_| number(&take(&scheduler))).collect();
        assert_eq!(taken, [1, 3, 2, 4, 5, 6]);
    }

    #[test]
    fn a_drain_waits_for_what_runs_and_for_nothing_else() {
        let scheduler = Scheduler::new(Clock::default(), None);
        let (taken, other) = (partition(1), partition(2));
        add(&scheduler, &taken, 0..4);
        add(&scheduler, &taken, 4..6);
        add(&scheduler, &other, 0..1);
        let work = take(&scheduler);
        taken.advance(Phase::Draining);
        scheduler.drop_queued(&taken);
        let all = [Arc::clone(&taken), Arc::clone(&other)];
        assert_eq!(scheduler.wait_until_settled(&all, Instant::now()), 1);
        let until = Instant::now() + SOON;
        thread::scope(|scope| {
            let drain = scope.spawn(|| scheduler.wait_until_settled(&all, until));
            while scheduler.lock().drains == 0 {
                thread::yield_now();
            }
            give_back(&scheduler, (work.strand, Outcome::Dropped));
            assert_eq!(drain.join().unwrap(), 0);
        });
        assert_eq!(number(&take(&scheduler)), 2);
        assert_eq!(scheduler.lock().strands.len(), 1);
    }

    #[test]
    fn a_dropped_retry_does_not_come_back() {
        let scheduler = Scheduler::new(Clock::default(), None);
        let (taken, other) = (partition(1), partition(2));
        add(&scheduler, &taken, 0..2);
        let (strand, outcome) = later(take(&scheduler), Duration::ZERO);
        give_back(&scheduler, (strand, outcome));
        scheduler.drop_queued(&taken);
        add(&scheduler, &other, 0..1);
        assert_eq!(number(&take(&scheduler)), 2);
    }

    #[test]
    fn a_failure_that_meets_a_revoke_is_dropped() {
        let scheduler = Scheduler::new(Clock::default(), None);
        let taken = partition(1);
        add(&scheduler, &taken, 0..3);
        let work = take(&scheduler);
        taken.advance(Phase::Draining);
        scheduler.drop_queued(&taken);
        let (strand, outcome) = later(work, Duration::ZERO);
        give_back(&scheduler, (strand, outcome));
        assert_eq!(scheduler.in_hand(), 0);
        assert!(scheduler.lock().strands.is_empty());
    }

    #[test]
    fn a_strand_waits_for_its_dead_letter_and_no_lane_does() {
        let scheduler = Scheduler::new(Clock::default(), None);
        let (first, second) = (partition(1), partition(2));
        add(&scheduler, &first, 0..2);
        add(&scheduler, &second, 0..1);
        let (strand, outcome) = posted(take(&scheduler));
        give_back(&scheduler, (strand, outcome));
        let work = take(&scheduler);
        assert_eq!(number(&work), 2);
        give_back(&scheduler, (work.strand, Outcome::Done));
        assert_eq!(scheduler.in_hand(), 1);
        thread::scope(|scope| {
            let lane = scope.spawn(|| take(&scheduler));
            while scheduler.lock().idle_lanes == 0 {
                thread::yield_now();
            }
            scheduler.wake(strand);
            let work = lane.join().unwrap();
            assert_eq!((work.strand, first_offset(&work)), (strand, 0));
            assert!(work.progress.letter.is_some());
        });
    }

    #[test]
    fn an_outcome_that_comes_before_the_lane_waits_for_it_is_not_missed() {
        let scheduler = Scheduler::new(Clock::default(), None);
        add(&scheduler, &partition(1), 0..1);
        let (strand, outcome) = posted(take(&scheduler));
        scheduler.wake(strand);
        give_back(&scheduler, (strand, outcome));
        let work = take(&scheduler);
        assert_eq!(work.strand, strand);
        // That word is used up.
        let (strand, outcome) = posted(work);
        give_back(&scheduler, (strand, outcome));
        assert!(scheduler.lock().answered.is_empty());
    }

    #[test]
    fn a_drain_waits_for_a_dead_letter_and_drops_what_is_behind_it() {
        for woken in [false, true] {
            let scheduler = Scheduler::new(Clock::default(), None);
            let taken = partition(1);
            add(&scheduler, &taken, 0..3);
            add(&scheduler, &taken, 3..5);
            let (strand, outcome) = posted(take(&scheduler));
            give_back(&scheduler, (strand, outcome));
            if woken {
                scheduler.wake(strand);
            }
            taken.advance(Phase::Draining);
            scheduler.drop_queued(&taken);
            let all = [Arc::clone(&taken)];
            assert_eq!(scheduler.wait_until_settled(&all, Instant::now()), 1);
            scheduler.wake(strand);
            let mut work = take(&scheduler);
            assert_eq!(first_offset(&work), 0);
            work.task.advance();
            assert!(work.task.first().is_none());
            give_back(&scheduler, (strand, Outcome::Done));
            assert_eq!(scheduler.wait_until_settled(&all, Instant::now()), 0);
            assert!(scheduler.lock().strands.is_empty());
        }
    }

    #[test]
    fn a_pause_holds_back_messages_and_lets_dead_letters_through() {
        let scheduler = Scheduler::new(Clock::default(), None);
        let (first, second) = (partition(1), partition(2));
        add(&scheduler, &first, 0..2);
        let (strand, outcome) = posted(take(&scheduler));
        give_back(&scheduler, (strand, outcome));
        scheduler.pause(true);
        add(&scheduler, &second, 0..2);
        thread::scope(|scope| {
            let lane = scope.spawn(|| take(&scheduler));
            while scheduler.lock().idle_lanes == 0 {
                thread::yield_now();
            }
            scheduler.wake(strand);
            let mut work = lane.join().unwrap();
            assert_eq!(work.strand, strand);
            work.task.advance();
            let outcome = Outcome::Yield {
                task: work.task,
                progress: Progress::default(),
            };
            give_back(&scheduler, (strand, outcome));

            let lane = scope.spawn(|| take(&scheduler));
            while scheduler.lock().idle_lanes == 0 {
                thread::yield_now();
            }
            assert!(!lane.is_finished());
            scheduler.pause(false);
            assert_eq!(number(&lane.join().unwrap()), 2);
            let work = take(&scheduler);
            assert_eq!((number(&work), first_offset(&work)), (1, 1));
        });
    }

    #[test]
    fn an_end_wakes_all_lanes() {
        let scheduler = Scheduler::new(Clock::default(), None);
        thread::scope(|scope| {
            let lanes: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| scheduler.next(None, || ())))
                .collect();
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
        let scheduler = Scheduler::new(Clock::default(), None);
        let partitions: Vec<_> = (0..STRANDS).map(partition).collect();
        let next: Vec<Mutex<i64>> = (0..STRANDS).map(|_| Mutex::new(0)).collect();
        let attempts = AtomicUsize::new(0);
        let left = AtomicUsize::new(STRANDS as usize * TASKS as usize);
        let lane = || {
            while let Some(work) = scheduler.next(None, || ()) {
                let mut next = next[number(&work) as usize]
                    .try_lock()
                    .expect("nobody else has this strand");
                assert_eq!(first_offset(&work), *next);
                let (strand, outcome) = if attempts.fetch_add(1, Ordering::Relaxed) % 5 == 4 {
                    later(work, Duration::from_micros(300))
                } else {
                    *next += 1;
                    if left.fetch_sub(1, Ordering::Relaxed) == 1 {
                        scheduler.end();
                    }
                    (work.strand, Outcome::Done)
                };
                drop(next);
                give_back(&scheduler, (strand, outcome));
            }
        };
        thread::scope(|scope| {
            (0..4).for_each(|_| drop(scope.spawn(lane)));
            for offset in 0..TASKS {
                for partition in &partitions {
                    add(&scheduler, partition, offset..offset + 1);
                }
            }
        });
        assert_eq!(left.into_inner(), 0);
    }
}
