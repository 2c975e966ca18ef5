use super::Engine;
use super::scheduler::{Outcome, Task, Work, deadline_in};
use crate::context::ConsumerContext;
use crate::handler::{HandlerError, HandlerResult};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What a user's closure is to the engine.
pub(crate) type Handler = dyn Fn(ConsumerContext) -> HandlerResult + Send + Sync;

/// Handles messages until the scheduler ends.
pub(crate) fn run(engine: &Arc<Engine>, handler: &Handler) {
    while let Some(work) = engine.scheduler.take() {
        let strand = work.strand();
        let outcome = handle(engine, handler, work);
        engine.scheduler.give_back(strand, outcome, |dropped| {
            engine.count_unstarted(dropped);
        });
    }
}

fn handle(engine: &Arc<Engine>, handler: &Handler, work: Work) -> Outcome {
    let mut failures = work.failures;
    let Task { batch, next } = work.task;
    let partition = Arc::clone(batch.partition());
    let mut processed = 0;
    let mut outcome = Outcome::Done;
    for index in next..batch.len() {
        if !partition.is_active() || engine.stop.is_asked() {
            outcome = Outcome::Dropped(Task { batch, next: index });
            break;
        }
        let context = ConsumerContext::new(engine, &batch, index, failures);
        match call(handler, context) {
            Ok(()) => {
                let marked = batch.finish(index);
                partition.finish(batch.sequence(index), marked);
                processed += 1;
                failures = 0;
            }
            Err(error) => {
                batch.unmark(index);
                failures += 1;
                partition.recorder.failed();
                let pause = engine.settings.backoff.after(failures);
                engine.log_failure(&partition, batch.offset(index), failures, pause, &error);
                outcome = Outcome::Retry {
                    task: Task { batch, next: index },
                    at: deadline_in(pause),
                    failures,
                };
                break;
            }
        }
    }
    partition.recorder.processed(processed);
    outcome
}

/// A panic is a failed message, not a dead worker.
fn call(handler: &Handler, context: ConsumerContext) -> HandlerResult {
    catch_unwind(AssertUnwindSafe(|| handler(context)))
        .unwrap_or_else(|panic| Err(HandlerError::panicked(panic.as_ref())))
}
