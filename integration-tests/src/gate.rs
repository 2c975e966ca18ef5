use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

/// Longer than anything that is done before a gate is opened.
const DEADLINE: Duration = Duration::from_secs(240);

/// Something that handlers wait at until the test opens it.
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
    /// When it stays closed for four minutes.
    pub fn pass(&self) {
        let mut open = self.0.0.lock();
        let end = Instant::now() + DEADLINE;
        self.0.1.wait_while_until(&mut open, |open| !*open, end);
        assert!(*open, "nobody opened the gate");
    }
}
