use parking_lot::{Condvar, Mutex};
use std::time::{Duration, Instant};

/// Wakes a thread that waits for any of several things.
///
/// A ring is never lost: if the thread is not waiting, its next wait ends at once.
#[derive(Debug, Default)]
pub struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Bell {
    /// Ends the present wait, or the next one. Never blocks for long.
    pub fn ring(&self) {
        let was_rung = std::mem::replace(&mut *self.rung.lock(), true);
        if !was_rung {
            self.changed.notify_one();
        }
    }

    /// Waits for a ring since the last wait, for at most `time`.
    pub fn wait(&self, time: Duration) {
        let until = Instant::now() + time;
        let mut rung = self.rung.lock();
        while !*rung && !self.changed.wait_until(&mut rung, until).timed_out() {}
        *rung = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn a_ring_ends_one_wait_whether_it_comes_before_or_during_it() {
        let bell = Bell::default();
        bell.ring();
        bell.ring();
        bell.wait(LONG);
        thread::scope(|scope| {
            let wait = scope.spawn(|| bell.wait(LONG));
            bell.ring();
            wait.join().unwrap();
        });
    }

    #[test]
    fn a_wait_without_a_ring_ends_in_time() {
        let bell = Bell::default();
        bell.ring();
        bell.wait(LONG);
        let begun = Instant::now();
        bell.wait(Duration::from_millis(20));
        assert!(begun.elapsed() >= Duration::from_millis(20));
    }
}
