use std::sync::{Mutex, MutexGuard, PoisonError};

/// No holder of this crate's locks leaves a half-written state behind, so a poisoned one is as good.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
