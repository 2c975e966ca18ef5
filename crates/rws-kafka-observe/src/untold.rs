use parking_lot::Mutex;
use std::sync::Arc;

/// The health of parts that failed. It outlives their handles until `told` is called.
#[derive(Debug)]
pub(crate) struct Untold<T> {
    parts: Arc<Mutex<Vec<Arc<Mutex<T>>>>>,
}

impl<T> Untold<T> {
    pub(crate) fn keep(&self, part: &Arc<Mutex<T>>) {
        self.parts.lock().push(Arc::clone(part));
    }

    pub(crate) fn told(&self, part: &Arc<Mutex<T>>) {
        self.parts.lock().retain(|other| !Arc::ptr_eq(other, part));
    }
}

impl<T> Default for Untold<T> {
    fn default() -> Self {
        Self {
            parts: Arc::default(),
        }
    }
}

impl<T> Clone for Untold<T> {
    fn clone(&self) -> Self {
        Self {
            parts: Arc::clone(&self.parts),
        }
    }
}
