//! Callers that wait for room in the queue.

use parking_lot::{Condvar, Mutex};
use rws_kafka_client::Deadline;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;
use std::time::Duration;

/// Wakes callers that found the queue full, when a message has left it.
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

    /// Notes a report. There is room only after all reports of a batch are served, so waking callers for each
    /// report would cost system calls for nothing.
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

    /// Wakes the waiting callers, as messages may have left the queue. Costs one atomic load if nobody waits.
    pub(crate) fn announce(&self) {
        if self.is_awaited() {
            let mut waiting = self.wakers.lock();
            let wakers = std::mem::take(&mut *waiting);
            self.waiting.fetch_sub(wakers.len(), Ordering::Relaxed);
            drop(waiting);
            self.made.notify_all();
            wakers.into_iter().for_each(Waker::wake);
        }
    }

    /// Blocks until there may be room, but for at most 1 ms: if an announcement comes between the caller's
    /// try and this wait, the next try makes up for it.
    pub(crate) fn wait(&self, until: Deadline) {
        let time = until.remaining().min(Duration::from_millis(1));
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.made.wait_for(&mut self.wakers.lock(), time);
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// Wakes `waker` when there may be room, and every 100 ms in any case.
    pub(crate) fn wake(&self, waker: Waker) {
        let mut wakers = self.wakers.lock();
        self.waiting.fetch_add(1, Ordering::Relaxed);
        wakers.push(waker);
    }
}
