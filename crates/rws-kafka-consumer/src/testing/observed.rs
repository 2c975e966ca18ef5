//! Handlers that log their results.

use super::journal::{Event, Journal};
use crate::engine::{Handler, TestClock};
use crate::handler::context::ConsumerContext;
use crate::handler::error::{HandlerError, HandlerResult};
use crate::handler::message_batch::MessageBatch;
use crate::handler::outputs::Outputs;
use rws_kafka_observe::panics::Panicked;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

/// Wraps `handler` so that `journal` records its results.
pub(super) fn observed(handler: Handler, clock: &TestClock, journal: &Arc<Journal>) -> Handler {
    let (clock, journal) = (clock.clone(), Arc::clone(journal));
    let note = move |event: Event| journal.note(clock.elapsed(), event);
    match handler {
        Handler::Each(handler) => Handler::Each(Box::new(
            move |msg: ConsumerContext, outputs: &mut Outputs| {
                let handled = place_of(&msg);
                call(
                    || handler(msg, outputs),
                    |error| note(handled(error.map(ToOwned::to_owned))),
                )
            },
        )),
        Handler::Batches(handler) => Handler::Batches(Box::new(
            move |batch: &MessageBatch, outputs: &mut Outputs| {
                let told = |error: Option<&str>| {
                    note(Event::Batch {
                        partition: batch.topic_partition(),
                        messages: batch.len(),
                    });
                    for (msg, settled) in batch.iter().zip(batch.settled()) {
                        let error = match settled {
                            Some(result) => result.err(),
                            None => error.map(ToOwned::to_owned),
                        };
                        note(place_of(msg)(error));
                    }
                };
                call(|| handler(batch, outputs), told)
            },
        )),
    }
}

/// Calls a handler and passes its error to `told`.
fn call(handler: impl FnOnce() -> HandlerResult, told: impl FnOnce(Option<&str>)) -> HandlerResult {
    match catch_unwind(AssertUnwindSafe(handler)) {
        Ok(result) => {
            let words = result.as_ref().err().map(ToString::to_string);
            told(words.as_deref());
            result
        }
        Err(panic) => {
            let error = HandlerError::panicked(&Panicked::of(panic.as_ref()));
            told(Some(&error.to_string()));
            resume_unwind(panic);
        }
    }
}

fn place_of(msg: &ConsumerContext) -> impl FnOnce(Option<String>) -> Event + use<> {
    let (partition, offset, attempt) = (msg.topic_partition(), msg.offset(), msg.attempt());
    move |error| Event::Handled {
        partition,
        offset,
        attempt,
        error,
    }
}
