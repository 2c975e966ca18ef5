//! Those who wait for a delivery, and those who wait for room in the queue.

use crate::delivery::Delivery;
use crate::error::ProducerError;
use crate::publish::Publish;
use crate::token::SentAt;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

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
        let mut state = lock(&self.state);
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
        let mut state = lock(&self.state);
        loop {
            match state.outcome.take() {
                Some(outcome) => return outcome,
                None => {
                    state = self
                        .filled
                        .wait(state)
                        .unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<Outcome> {
        let mut state = lock(&self.state);
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
        lock(&self.waiting).insert(number, waiter);
        (number, slot)
    }

    /// The number that this slot was given with, while someone waits.
    #[cfg(feature = "testing")]
    pub(crate) fn number_of(&self, slot: &Arc<Slot>) -> Option<usize> {
        let waiting = lock(&self.waiting);
        let mut all = waiting.iter();
        all.find_map(|(number, waiter)| Arc::ptr_eq(&waiter.slot, slot).then_some(*number))
    }

    /// All who wait: nobody any more, from now on.
    pub(crate) fn take_all(&self) -> Vec<Waiter> {
        let mut waiting = lock(&self.waiting);
        waiting.drain().map(|(_, waiter)| waiter).collect()
    }

    /// Who waits for the message of this number: nobody any more, from now on.
    pub(crate) fn take(&self, number: usize) -> Option<Waiter> {
        lock(&self.waiting).remove(&number)
    }
}

impl Drop for Waiters {
    fn drop(&mut self) {
        for (_, waiter) in lock(&self.waiting).drain() {
            let topic = waiter.topic.clone();
            waiter.fill(Err(ProducerError::Undelivered { topic }));
        }
    }
}

/// Wakes those who met a full queue when a message has left it.
#[derive(Debug, Default)]
pub(crate) struct Room {
    waiting: AtomicUsize,
    reports: AtomicUsize,
    wakers: Mutex<Vec<Waker>>,
    made: Condvar,
}

impl Room {
    pub(crate) fn is_awaited(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// A message has been reported. Its room is there only when all reports of its batch are
    /// served, so waking someone for each would be in vain and costs system calls.
    pub(crate) fn reported(&self) {
        if self.is_awaited()
            && self
                .reports
                .fetch_add(1, Ordering::Relaxed)
                .is_multiple_of(256)
        {
            self.announce();
        }
    }

    /// Messages may have left the queue. Costs one atomic load when nobody waits.
    pub(crate) fn announce(&self) {
        if self.is_awaited() {
            let mut waiting = lock(&self.wakers);
            let wakers = std::mem::take(&mut *waiting);
            self.waiting.fetch_sub(wakers.len(), Ordering::Relaxed);
            drop(waiting);
            self.made.notify_all();
            wakers.into_iter().for_each(Waker::wake);
        }
    }

    /// Blocks until there may be room, and for 1 ms at most: an announcement that comes between the
    /// caller's try and this wait is made up for by the next try.
    pub(crate) fn wait(&self, until: Instant) {
        let time = until
            .saturating_duration_since(Instant::now())
            .min(Duration::from_millis(1));
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let guard = lock(&self.wakers);
        drop(self.made.wait_timeout(guard, time));
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// Wakes `waker` when there may be room; the producer's thread announces every 100 ms whether
    /// or not there is.
    pub(crate) fn wake(&self, waker: Waker) {
        let mut wakers = lock(&self.wakers);
        self.waiting.fetch_add(1, Ordering::Relaxed);
        wakers.push(waker);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
