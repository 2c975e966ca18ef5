//! A callback for a queue that is no longer empty.

use crate::handle::Handle;
use rdkafka::bindings::{rd_kafka_queue_cb_event_enable, rd_kafka_t};
use std::ffi::c_void;
use std::ptr::null_mut;

type Callback = Box<dyn Fn() + Send + Sync>;

/// Calls a function when an empty queue gets an operation, until it is dropped.
pub(crate) struct Wake<'a> {
    queue: Handle<'a>,
    /// From [`Box::into_raw`]. librdkafka has a copy of this pointer.
    callback: *mut Callback,
}

impl<'a> Wake<'a> {
    pub(crate) fn new(queue: Handle<'a>, wake: impl Fn() + Send + Sync + 'static) -> Self {
        let callback: Callback = Box::new(wake);
        let callback = Box::into_raw(Box::new(callback));
        // SAFETY: the reference keeps the queue alive. `called` expects what is passed with it, which lives
        // until the callback is removed.
        unsafe {
            rd_kafka_queue_cb_event_enable(queue.as_ptr(), Some(called), callback.cast());
        }
        Self { queue, callback }
    }
}

impl Drop for Wake<'_> {
    fn drop(&mut self) {
        // SAFETY: the reference keeps the queue alive; no callback is allowed.
        unsafe { rd_kafka_queue_cb_event_enable(self.queue.as_ptr(), None, null_mut()) };
        // SAFETY: it came from `Box::into_raw`. librdkafka calls it under the lock of the queue, which it
        // took to remove the callback, so no call is running, and none follows.
        drop(unsafe { Box::from_raw(self.callback) });
    }
}

unsafe extern "C" fn called(_: *mut rd_kafka_t, callback: *mut c_void) {
    // SAFETY: `Wake::new` passed the pointer, and the callback lives until it was removed. It is only shared.
    let callback = unsafe { &*callback.cast_const().cast::<Callback>() };
    callback();
}
