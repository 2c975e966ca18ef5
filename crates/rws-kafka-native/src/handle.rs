//! A reference to a queue of librdkafka.

use rdkafka::bindings::{
    rd_kafka_consume_batch_queue, rd_kafka_message_destroy, rd_kafka_message_t,
    rd_kafka_queue_destroy, rd_kafka_queue_forward, rd_kafka_queue_get_consumer,
    rd_kafka_queue_get_partition, rd_kafka_queue_length, rd_kafka_queue_t,
};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use std::ffi::CString;
use std::marker::PhantomData;
use std::ptr::{NonNull, null_mut};

/// A counted reference to a queue. The consumer outlives it.
pub(crate) struct Handle<'a> {
    queue: NonNull<rd_kafka_queue_t>,
    consumer: PhantomData<&'a ()>,
}

impl<'a> Handle<'a> {
    /// The queue that [`BaseConsumer::poll`] reads.
    pub(crate) fn of_consumer<C: ConsumerContext>(consumer: &'a BaseConsumer<C>) -> Option<Self> {
        let client = consumer.client().native_ptr();
        // SAFETY: the client is alive for 'a. The result is null or a reference of our own.
        let queue = unsafe { rd_kafka_queue_get_consumer(client) };
        Self::of(queue)
    }

    /// The queue of a partition. `None` if the topic's name contains a NUL byte.
    pub(crate) fn of_partition<C: ConsumerContext>(
        consumer: &'a BaseConsumer<C>,
        topic: &str,
        partition: i32,
    ) -> Option<Self> {
        let topic = CString::new(topic).ok()?;
        let client = consumer.client().native_ptr();
        // SAFETY: the client is alive for 'a, and the name during the call, which copies it. The result is
        // null or a reference of our own.
        let queue = unsafe { rd_kafka_queue_get_partition(client, topic.as_ptr(), partition) };
        Self::of(queue)
    }

    fn of(queue: *mut rd_kafka_queue_t) -> Option<Self> {
        let consumer = PhantomData;
        NonNull::new(queue).map(|queue| Self { queue, consumer })
    }

    pub(crate) fn as_ptr(&self) -> *mut rd_kafka_queue_t {
        self.queue.as_ptr()
    }

    /// The number of operations in the queue, of which messages are one kind.
    pub(crate) fn len(&self) -> usize {
        // SAFETY: the reference keeps the queue alive.
        unsafe { rd_kafka_queue_length(self.as_ptr()) }
    }

    /// Stops the forwarding of this queue. librdkafka does not forward it again.
    pub(crate) fn unforward(&self) {
        // SAFETY: the reference keeps the queue alive; a null destination is allowed.
        unsafe { rd_kafka_queue_forward(self.as_ptr(), null_mut()) };
    }

    /// Moves up to `most` messages from the queue to `messages`, which must be empty. They are the caller's
    /// to destroy. Does not wait.
    pub(crate) fn take(&self, messages: &mut Vec<*mut rd_kafka_message_t>, most: usize) {
        debug_assert!(messages.is_empty(), "messages that are not read yet");
        messages.clear();
        messages.reserve(most);
        let to = messages.as_mut_ptr();
        // SAFETY: the reference keeps the queue alive, and there is capacity for `most` pointers at `to`.
        let taken = unsafe { rd_kafka_consume_batch_queue(self.as_ptr(), 0, to, most) };
        // It is -1 for a queue that cannot be read; nothing was written then.
        let taken = usize::try_from(taken).unwrap_or(0);
        // SAFETY: librdkafka has written that many pointers, at most `most`.
        unsafe { messages.set_len(taken) };
    }

    /// Destroys all messages in the queue.
    pub(crate) fn drain(&self) {
        const AT_ONCE: usize = 1024;
        let mut messages = Vec::new();
        while self.len() > 0 {
            self.take(&mut messages, AT_ONCE);
            if messages.is_empty() {
                // What was there was outdated, and has been discarded.
                return;
            }
            messages.drain(..).for_each(destroy);
        }
    }
}

impl Drop for Handle<'_> {
    fn drop(&mut self) {
        // SAFETY: the reference is ours and not used again. The client is still alive.
        unsafe { rd_kafka_queue_destroy(self.as_ptr()) };
    }
}

/// Destroys a message that [`Handle::take`] returned. It must not be used again.
pub(crate) fn destroy(message: *mut rd_kafka_message_t) {
    // SAFETY: the crate's only caller passes each pointer of `take` once, while the client is alive.
    unsafe { rd_kafka_message_destroy(message) };
}
