use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

/// Longer than any test keeps a gate closed.
const DEADLINE: Duration = Duration::from_secs(240);

/// A gate at which handlers wait until the test opens it.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    /// Lets all callers of [`pass`](Self::pass) through, now and later.
    pub fn open(&self) {
        *self.0.0.lock() = true;
        self.0.1.notify_all();
    }

    /// Waits until it is open.
    ///
    /// # Panics
    ///
    /// Panics if it stays closed for four minutes.
    pub fn pass(&self) {
        let mut open = self.0.0.lock();
        let end = Instant::now() + DEADLINE;
        self.0.1.wait_while_until(&mut open, |open| !*open, end);
        assert!(*open, "the gate was not opened in time");
    }
}
