//! Callers that wait for the outcome of a message.

use crate::delivery::Delivery;
use crate::error::ProducerError;
use crate::publish::Publish;
use crate::token::SentAt;
use parking_lot::{Condvar, Mutex};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

type Outcome = Result<Delivery, ProducerError>;

/// Holds the outcome of one message until it is taken, once.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    state: Mutex<SlotState>,
    filled: Condvar,
}

#[derive(Debug, Default)]
struct SlotState {
    outcome: Option<Outcome>,
    waker: Option<Waker>,
}

impl Slot {
    fn fill(&self, outcome: Outcome) {
        let mut state = self.state.lock();
        state.outcome = Some(outcome);
        let waker = state.waker.take();
        drop(state);
        self.filled.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Blocks until the outcome is there: at the latest after the delivery timeout, or when the producer
    /// closes.
    pub(crate) fn wait(&self) -> Outcome {
        let mut state = self.state.lock();
        loop {
            match state.outcome.take() {
                Some(outcome) => return outcome,
                None => self.filled.wait(&mut state),
            }
        }
    }

    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<Outcome> {
        let mut state = self.state.lock();
        match state.outcome.take() {
            Some(outcome) => Poll::Ready(outcome),
            None => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// A caller that waits for the outcome of a message.
#[derive(Debug)]
pub(crate) struct Waiter {
    topic: String,
    sent_at: SentAt,
    slot: Arc<Slot>,
    publish: Publish,
}

impl Waiter {
    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }

    pub(crate) fn sent_at(&self) -> SentAt {
        self.sent_at
    }

    pub(crate) fn fill(self, outcome: Outcome) {
        self.publish.ended(&outcome);
        // Close the span before the caller sees the outcome.
        drop(self.publish);
        self.slot.fill(outcome);
    }
}

/// The waiters of all messages in flight.
///
/// Dropping it, together with its client, gives an outcome to those that are left.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    next: AtomicUsize,
    waiting: Mutex<HashMap<usize, Waiter>>,
}

impl Waiters {
    /// Registers a waiter for a message to `topic`; returns its number and the slot for the outcome.
    pub(crate) fn enrol(
        &self,
        topic: &str,
        sent_at: SentAt,
        publish: &Publish,
    ) -> (usize, Arc<Slot>) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let slot = Arc::new(Slot::default());
        let waiter = Waiter {
            topic: topic.to_owned(),
            sent_at,
            slot: Arc::clone(&slot),
            publish: publish.clone(),
        };
        self.waiting.lock().insert(number, waiter);
        (number, slot)
    }

    /// Removes and returns all waiters.
    pub(crate) fn take_all(&self) -> Vec<Waiter> {
        let mut waiting = self.waiting.lock();
        waiting.drain().map(|(_, waiter)| waiter).collect()
    }

    /// Removes and returns the waiter with this number.
    pub(crate) fn take(&self, number: usize) -> Option<Waiter> {
        self.waiting.lock().remove(&number)
    }
}

impl Drop for Waiters {
    fn drop(&mut self) {
        for (_, waiter) in self.waiting.lock().drain() {
            let topic = waiter.topic.clone();
            waiter.fill(Err(ProducerError::Undelivered { topic }));
        }
    }
}
