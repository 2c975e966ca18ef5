use crate::delivery::Delivery;
use crate::error::ProducerError;
use crate::publish::Publish;
use crate::publisher::{Offered, Publisher};
use crate::record::{OwnedRecord, Record};
use crate::waiters::Slot;
use rws_kafka_client::Deadline;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

/// The outcome of a message that was sent with [`send_async`](crate::KafkaProducer::send_async).
///
/// It completes with the message's position when the broker has acknowledged it, or with the error. It runs
/// on any async runtime.
///
/// Dropping the future does not cancel the message, unless the queue was full when `send_async` was called.
#[must_use = "the outcome is known only when the future is awaited"]
pub struct DeliveryFuture {
    /// Weak, so that a future that is never polled keeps no client alive.
    publisher: Weak<Publisher>,
    state: State,
}

enum State {
    Failed(ProducerError),
    Waiting(Arc<Slot>),
    NoRoom {
        record: OwnedRecord,
        /// Belongs to the call of `send_async`, wherever the future is polled.
        publish: Publish,
        until: Deadline,
    },
    Done,
}

impl DeliveryFuture {
    pub(crate) fn new(publisher: &Arc<Publisher>, record: &Record<'_>) -> Self {
        let publish = Publish::begin(record);
        let state = match publisher.offer(record, &publish) {
            Ok(Offered::Taken(slot)) => State::Waiting(slot),
            Ok(Offered::NoRoom) => State::NoRoom {
                record: record.into(),
                publish,
                until: Deadline::after(publisher.max_block()),
            },
            Err(error) => {
                publish.failed(&error);
                State::Failed(error)
            }
        };
        Self {
            publisher: Arc::downgrade(publisher),
            state,
        }
    }
}

impl Future for DeliveryFuture {
    type Output = Result<Delivery, ProducerError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match std::mem::replace(&mut self.state, State::Done) {
                State::Failed(error) => return Poll::Ready(Err(error)),
                State::Waiting(slot) => {
                    let outcome = slot.poll(context);
                    if outcome.is_pending() {
                        self.state = State::Waiting(slot);
                    }
                    return outcome;
                }
                State::NoRoom {
                    record,
                    publish,
                    until,
                } => {
                    let failed = |error| {
                        publish.failed(&error);
                        Poll::Ready(Err(error))
                    };
                    let Some(publisher) = self.publisher.upgrade() else {
                        return failed(ProducerError::Closed);
                    };
                    // Register before trying, so that room made in between wakes this task.
                    publisher.room().wake(context.waker().clone());
                    match publisher.offer(&record.borrow(), &publish) {
                        Ok(Offered::Taken(slot)) => self.state = State::Waiting(slot),
                        Ok(Offered::NoRoom) if !until.has_passed() => {
                            self.state = State::NoRoom {
                                record,
                                publish,
                                until,
                            };
                            return Poll::Pending;
                        }
                        Ok(Offered::NoRoom) => {
                            let waited = publisher.max_block();
                            return failed(publisher.queue_full(&record.borrow(), waited));
                        }
                        Err(error) => return failed(error),
                    }
                }
                State::Done => panic!("a DeliveryFuture was polled after it was ready"),
            }
        }
    }
}

impl fmt::Debug for DeliveryFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Failed(_) => "failed",
            State::Waiting(_) => "waiting for the broker",
            State::NoRoom { .. } => "waiting for room in the queue",
            State::Done => "done",
        };
        f.debug_tuple("DeliveryFuture").field(&state).finish()
    }
}
