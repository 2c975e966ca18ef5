use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// Longer than anything that is done before a gate is opened.
const DEADLINE: Duration = Duration::from_secs(240);

/// Something that handlers wait at until the test opens it.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    /// Lets through who waits, and all that come.
    ///
    /// # Panics
    ///
    /// When somebody has panicked at it.
    pub fn open(&self) {
        *self.0.0.lock().expect("nobody panicked in it") = true;
        self.0.1.notify_all();
    }

    /// Waits until it is open.
    ///
    /// # Panics
    ///
    /// When nobody opens it.
    pub fn pass(&self) {
        let open = self.0.0.lock().expect("nobody panicked in it");
        let waited = self.0.1.wait_timeout_while(open, DEADLINE, |open| !*open);
        let (open, _) = waited.expect("nobody panicked in it");
        assert!(*open, "nobody opened the gate");
    }
}
