//! Callers that wait for room in the queue.

use parking_lot::{Condvar, Mutex};
use rws_kafka_client::Deadline;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;
use std::time::Duration;

/// Wakes callers that met a full queue when a message has left it.
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
            let mut waiting = self.wakers.lock();
            let wakers = std::mem::take(&mut *waiting);
            self.waiting.fetch_sub(wakers.len(), Ordering::Relaxed);
            drop(waiting);
            self.made.notify_all();
            wakers.into_iter().for_each(Waker::wake);
        }
    }

    /// Blocks until there may be room, and for 1 ms at most: an announcement that comes between the
    /// caller's try and this wait is made up for by the next try.
    pub(crate) fn wait(&self, until: Deadline) {
        let time = until.remaining().min(Duration::from_millis(1));
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.made.wait_for(&mut self.wakers.lock(), time);
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// Wakes `waker` when there may be room; the producer's thread announces every 100 ms whether
    /// or not there is.
    pub(crate) fn wake(&self, waker: Waker) {
        let mut wakers = self.wakers.lock();
        self.waiting.fetch_add(1, Ordering::Relaxed);
        wakers.push(waker);
    }
}
