use super::dead_letters::{DeadLetters, Posting};
use super::handling::Handling;
use super::letter::{Letter, LetterKind};
use super::progress::{Outcome, Progress, Work};
use super::recorders::{Partition, Recorders, Task};
use super::shared::Engine;
use super::stopwatch::Stopwatch;
use super::transactions::{Put, Transactions};
use crate::breaker::Fuse;
use crate::context::ConsumerContext;
use crate::error::ConsumerError;
use crate::failure::Verdict;
use crate::handler::{HandlerError, HandlerResult};
use crate::message_batch::MessageBatch;
use crate::outputs::Outputs;
use crate::retry::{Rung, Step};
use rws_kafka_dispatch::{Hand, Phase, Run, StrandId};
use rws_kafka_observe::panics;
use rws_kafka_observe::trace::TraceContext;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::Duration;

/// What a user's closure is to the engine.
pub(crate) enum Handler {
    /// It is given the messages one by one.
    Each(Box<EachHandler>),
    /// It is given a run of a partition's messages at a time.
    Batches(Box<BatchHandler>),
}

impl Handler {
    pub(crate) fn takes_batches(&self) -> bool {
        matches!(self, Self::Batches(_))
    }
}

pub(crate) type EachHandler = dyn Fn(ConsumerContext, &mut Outputs) -> HandlerResult + Send + Sync;
pub(crate) type BatchHandler = dyn Fn(&MessageBatch, &mut Outputs) -> HandlerResult + Send + Sync;

/// Handles messages until the scheduler ends.
pub(crate) fn run(engine: &Arc<Engine>, handler: &Handler, lane: usize) {
    let mut lane = Lane::new(engine, handler, lane);
    let mut finished = None;
    while let Some(work) = engine.scheduler.next(finished.take(), || lane.stop()) {
        finished = Some(lane.work(work));
    }
    lane.stop();
}

/// What a lane keeps from one run to the next.
pub(super) struct Lane<'a> {
    engine: &'a Arc<Engine>,
    handler: &'a Handler,
    hand: &'a Hand<Recorders>,
    outputs: Outputs,
    stopwatch: Stopwatch,
}

impl<'a> Lane<'a> {
    pub(super) fn new(engine: &'a Arc<Engine>, handler: &'a Handler, lane: usize) -> Self {
        let transactions = engine.transactions();
        let producer = transactions.map(|transactions| transactions.producer().clone());
        let most_bytes = transactions.map_or(usize::MAX, Transactions::most_output_bytes);
        Self {
            engine,
            handler,
            hand: engine.hands.of_lane(lane),
            outputs: Outputs::new(producer, most_bytes),
            stopwatch: Stopwatch::new(),
        }
    }

    /// Nothing is in hand for now.
    pub(super) fn stop(&mut self) {
        self.stopwatch.stop();
    }

    pub(super) fn work(&mut self, mut work: Work) -> (StrandId, Outcome) {
        let strand = work.strand;
        let batch = Arc::clone(&work.task.batch);
        self.stopwatch
            .turn_to(&batch.partition().recorders.consumed);
        let mut shift = Shift {
            engine: self.engine,
            outputs: &mut self.outputs,
            strand,
            partition: batch.partition(),
            rung: self.engine.rung(batch.partition().name.topic()),
            run: self.hand.begin(&batch),
            stopwatch: &mut self.stopwatch,
            handled: 0,
            unasked: 0,
        };
        // What a user's code does is caught where it is called. Should anything else panic, the worker
        // ends with an error rather than wait for the strand.
        let work = || match self.handler {
            Handler::Each(handler) => shift.work(handler.as_ref(), work),
            Handler::Batches(handler) => {
                if let Some(taken) = &mut work.progress.batch {
                    shift.pass_over_foreign(taken);
                }
                shift.work_in_batches(handler.as_ref(), work)
            }
        };
        let outcome = panics::catch(work).unwrap_or_else(|panic| {
            self.engine.fail(ConsumerError::Fatal {
                detail: format!("a lane panicked: {panic}"),
            });
            Outcome::Dropped
        });
        (strand, outcome)
    }
}

/// A lane at work on one run of a strand.
pub(super) struct Shift<'a> {
    pub(super) engine: &'a Arc<Engine>,
    pub(super) outputs: &'a mut Outputs,
    pub(super) strand: StrandId,
    pub(super) partition: &'a Arc<Partition>,
    /// Where there are retry topics.
    pub(super) rung: Option<&'a Rung>,
    pub(super) run: Run<'a, Recorders>,
    pub(super) stopwatch: &'a mut Stopwatch,
    pub(super) handled: u64,
    /// How many of them asked for no commit.
    pub(super) unasked: u64,
}

/// What there is to do after a message.
pub(super) enum Then {
    /// It has come to its end.
    Next,
    /// It is given up or put off: this is its letter.
    Post(Box<Letter>),
    /// It is handled again.
    Again(Duration),
    /// The worker stops.
    Stop,
}

/// What is decided about a message that has failed, and not yet done.
pub(super) enum Decision {
    Again(Duration),
    /// It is given up or put off.
    Post(Box<Letter>),
    PassOver,
    Stop,
}

impl Shift<'_> {
    fn work(mut self, handler: &EachHandler, work: Work) -> Outcome {
        let outcome = self.go(handler, work.task, work.progress);
        self.tell_handled();
        outcome
    }

    /// Once for a run rather than once for a message.
    pub(super) fn tell_handled(&mut self) {
        let handled = std::mem::take(&mut self.handled);
        self.partition.recorders.consumed.processed(handled);
        let unasked = std::mem::take(&mut self.unasked);
        let now = || self.engine.clock.now();
        let name = &self.partition.name;
        self.engine.unasked.handled(handled, unasked, name, now);
        if let Some(fuse) = &self.engine.fuse {
            fuse.handled(handled);
        }
    }

    fn go(&mut self, handler: &EachHandler, mut task: Task, mut progress: Progress) -> Outcome {
        loop {
            let Some(index) = task.first() else {
                return Outcome::Done;
            };
            // A letter on its way is seen to, whatever happens to the partition meanwhile; one of a
            // message that is someone else's by now is not begun.
            if let (Some(letter), Some(letters)) = (&mut progress.letter, self.engine.letters()) {
                if !letter.is_on_its_way() && self.partition.phase() == Phase::Released {
                    return Outcome::Dropped;
                }
                match self.post(letters, letter, &task, index) {
                    Posting::Delivered => {
                        self.tell_posted(letter.kind());
                        self.end(&task, index);
                        task.advance();
                        if task.first().is_none() {
                            return Outcome::Done;
                        }
                        // Strands of nothing but poison must not keep others from the lanes.
                        let progress = Progress::default();
                        return Outcome::Yield { task, progress };
                    }
                    Posting::OnItsWay => return Outcome::Posted { task, progress },
                    Posting::Refused { again, .. } => {
                        let Some(again) = again else {
                            return Outcome::Dropped;
                        };
                        let at = self.engine.clock.after(again);
                        return Outcome::Later { task, progress, at };
                    }
                }
            }
            if !self.partition.is_active() || self.engine.stop.is_asked() {
                return Outcome::Dropped;
            }
            if self.engine.scheduler.is_paused() {
                return Outcome::Yield { task, progress };
            }
            if self.is_foreign(&task.batch, index) {
                match self.pass_over(&task, index) {
                    Put::Done => task.advance(),
                    Put::Lost | Put::Refused(_) => return Outcome::Dropped,
                }
                continue;
            }
            if let Some(at) = self.due(&task, index, &progress) {
                return Outcome::Later { task, progress, at };
            }
            match self.attempt(handler, &task, index, &mut progress) {
                Then::Next => {
                    progress = Progress::default();
                    task.advance();
                }
                Then::Post(letter) => progress.letter = Some(letter),
                Then::Again(pause) => {
                    let at = self.engine.clock.after(pause);
                    return Outcome::Later { task, progress, at };
                }
                Then::Stop => return Outcome::Dropped,
            }
        }
    }

    fn attempt(
        &mut self,
        handler: &EachHandler,
        task: &Task,
        index: u32,
        progress: &mut Progress,
    ) -> Then {
        self.run.takes(index);
        let failures = self.attempts_before(&task.batch, index) + progress.failures;
        let group = self.engine.group();
        let handling = Handling::begin(group, &task.batch, index, failures + 1);
        let trace = handling.context().cloned();
        let context =
            ConsumerContext::new(self.engine.clone(), &task.batch, index, failures, trace);
        self.stopwatch.start();
        // A panic is a failed message, not a dead worker.
        self.outputs.clear();
        let outputs = &mut *self.outputs;
        let result = handling
            .run(|| panics::catch(|| handler(context, outputs)))
            .unwrap_or_else(|panic| Err(HandlerError::panicked(&panic)));
        let error = match result {
            Ok(()) => {
                let put = if self.engine.transactions().is_some() {
                    // It may wait for a transaction from here on, and sends what the handler did, in
                    // its trace.
                    self.stopwatch.lap_and_stop();
                    handling.run(|| self.end(task, index))
                } else {
                    self.stopwatch.lap();
                    let marked = task.batch.finish(index) || self.engine.settings.commit_on_ok;
                    self.unasked += u64::from(!marked);
                    self.partition.finish(task.batch.sequence(index), marked);
                    Put::Done
                };
                match put {
                    Put::Done => {
                        self.handled += 1;
                        return Then::Next;
                    }
                    Put::Lost => return Then::Stop,
                    Put::Refused(error) => error.into(),
                }
            }
            Err(error) => {
                self.stopwatch.lap_and_stop();
                error
            }
        };
        if self.is_of_no_concern() {
            return Then::Stop;
        }
        task.batch.unmark(index);
        progress.failures += 1;
        self.partition.recorders.consumed.failed();
        handling.failed(&error);
        let (failures, trace) = (progress.failures, handling.recorded());
        handling.run(|| {
            let decision = self.decide(task, index, failures, &error, trace);
            self.carry_out(decision, task, index)
        })
    }

    /// In a transaction, a letter is its message's only output.
    pub(super) fn carry_out(&mut self, decision: Decision, task: &Task, index: u32) -> Then {
        match decision {
            Decision::Again(pause) => Then::Again(pause),
            Decision::Post(mut letter) if self.engine.transactions().is_some() => {
                self.fit(&mut letter, task, index);
                self.outputs.replace(&letter.record(&task.batch, index));
                self.posted(task, index, &letter)
            }
            Decision::Post(letter) => Then::Post(letter),
            Decision::PassOver => {
                self.outputs.clear();
                match self.end(task, index) {
                    Put::Done => Then::Next,
                    Put::Lost | Put::Refused(_) => Then::Stop,
                }
            }
            Decision::Stop => Then::Stop,
        }
    }

    /// What becomes of a message that has failed for the `failures`-th time.
    pub(super) fn decide(
        &mut self,
        task: &Task,
        index: u32,
        failures: u32,
        error: &HandlerError,
        trace: Option<&TraceContext>,
    ) -> Decision {
        let offset = task.batch.offset(index);
        let verdict = self.verdict(error, failures);
        // Those of all topics.
        let attempts = self.attempts_before(&task.batch, index) + failures;
        if matches!(verdict, Verdict::DeadLetter | Verdict::Skip) && self.breaks() {
            let breaker = self.engine.settings.breaker;
            self.engine.fail(ConsumerError::CircuitOpen {
                breaker: breaker.map_or_else(String::new, |breaker| breaker.to_string()),
                partition: self.partition.name.clone(),
                offset,
                reason: error.to_string(),
            });
            return Decision::Stop;
        }
        let log = |outcome: &str| {
            let engine = self.engine;
            engine.log_failure(&self.partition.name, offset, attempts, outcome, error);
        };
        match verdict {
            Verdict::RetryAfter(pause) => {
                self.partition.recorders.consumed.retried();
                log(&format!("is tried again in {pause:?}"));
                Decision::Again(pause)
            }
            Verdict::PutOff | Verdict::DeadLetter => {
                let letter = match (verdict, self.next()) {
                    (Verdict::PutOff, Some(next)) => self.retry(task, index, attempts, error, next),
                    _ => self.dead_letter(task, index, attempts, error),
                };
                let Some(mut letter) = letter else {
                    // A worker does not start with this policy and no queue.
                    return Decision::Again(Duration::from_secs(1));
                };
                log(&match letter.kind() {
                    LetterKind::Dead => format!("is given up: it goes to {}", letter.topic()),
                    LetterKind::PutOff => format!("is put off: it goes to {}", letter.topic()),
                });
                letter.continues(trace.cloned());
                Decision::Post(Box::new(letter))
            }
            Verdict::Skip | Verdict::Ignore => {
                log("is passed over");
                self.tell_skipped();
                Decision::PassOver
            }
            Verdict::Stop => {
                self.engine.fail(ConsumerError::Failed {
                    partition: self.partition.name.clone(),
                    offset,
                    attempts,
                    reason: error.to_string(),
                });
                Decision::Stop
            }
        }
    }

    /// Whether what fails now is someone else's, or comes again: it may have failed by just that, and
    /// is no reason to give it up, or to stop.
    pub(super) fn is_of_no_concern(&self) -> bool {
        self.partition.phase() == Phase::Released
    }

    /// What is to be done about a message that has failed so often where it was read.
    pub(super) fn verdict(&self, error: &HandlerError, failures: u32) -> Verdict {
        let handling = &self.engine.settings.failure;
        handling.verdict(error, failures, self.next().is_some())
    }

    /// The retry topic that messages go to from where they were read.
    fn next(&self) -> Option<&Step> {
        self.rung.and_then(|rung| rung.next.as_ref())
    }

    /// Whether the message that is to be given up is one too many.
    fn breaks(&mut self) -> bool {
        // The breaker is told in the order in which it was.
        self.tell_handled();
        self.engine.fuse.as_ref().is_some_and(Fuse::blows)
    }

    /// The message has come to an end, in a transaction together with what goes out for it: its
    /// offset may move.
    pub(super) fn end(&self, task: &Task, index: u32) -> Put {
        let finish = || {
            task.batch.finish(index);
            self.partition.finish(task.batch.sequence(index), true);
        };
        let Some(transactions) = self.engine.transactions() else {
            finish();
            return Put::Done;
        };
        let records = self.outputs.records();
        transactions.put(&**self.engine, self.partition, records, 1, finish)
    }

    /// Makes a letter fit into the worker's transaction.
    pub(super) fn fit(&self, letter: &mut Letter, task: &Task, index: u32) {
        if let (Some(letters), Some(transactions)) =
            (self.engine.letters(), self.engine.transactions())
        {
            letters.fit(letter, &task.batch, index, transactions.producer());
        }
    }

    /// The letter is this message's only output.
    fn posted(&self, task: &Task, index: u32, letter: &Letter) -> Then {
        match self.end(task, index) {
            Put::Done => {
                self.tell_posted(letter.kind());
                Then::Next
            }
            Put::Lost => Then::Stop,
            Put::Refused(error) => {
                let error = letter.refused(&self.partition.name, task.batch.offset(index), error);
                self.engine.fail(error);
                Then::Stop
            }
        }
    }

    pub(super) fn post(
        &self,
        letters: &DeadLetters,
        letter: &mut Letter,
        task: &Task,
        index: u32,
    ) -> Posting {
        let waker = Waker::from(Arc::new(Answer {
            engine: Arc::clone(self.engine),
            strand: self.strand,
        }));
        let posting = letters.poll(letter, &task.batch, index, &waker);
        if let Posting::Refused { error, again } = &posting {
            let offset = task.batch.offset(index);
            let error = letter.refused(&self.partition.name, offset, error.clone());
            self.engine.letter_refused(error, *again);
        }
        posting
    }
}

/// Wakes a strand when its letter has an outcome.
struct Answer {
    engine: Arc<Engine>,
    strand: StrandId,
}

impl Wake for Answer {
    fn wake(self: Arc<Self>) {
        self.engine.scheduler.wake(self.strand);
    }
}
