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

/// Where the outcome of one message is put and taken from, once.
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

    /// Blocks until the outcome is there. It comes at the latest with the delivery timeout, or
    /// with the close of the producer.
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

/// Someone who waits for the outcome of a message.
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
        // Its span is closed when someone learns of the outcome.
        drop(self.publish);
        self.slot.fill(outcome);
    }
}

/// All whose messages are on their way.
///
/// Those that are left when it is dropped with its client are told so.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    next: AtomicUsize,
    waiting: Mutex<HashMap<usize, Waiter>>,
}

impl Waiters {
    /// A number for a message to `topic`, and the slot of its outcome.
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

    /// All who wait: nobody any more, from now on.
    pub(crate) fn take_all(&self) -> Vec<Waiter> {
        let mut waiting = self.waiting.lock();
        waiting.drain().map(|(_, waiter)| waiter).collect()
    }

    /// Who waits for the message of this number: nobody any more, from now on.
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
