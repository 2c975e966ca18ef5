use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// The handler has requested the commit of this message.
const MARKED: u8 = 1;
/// The message is finished.
const FINISHED: u8 = 2;

/// The marks of the messages of a batch, which the batch and its partition's tracker share.
pub(crate) type Marks = Arc<[Mark]>;

/// What is known of one message: whether it is finished, and whether its commit was requested.
#[derive(Debug)]
pub(crate) struct Mark {
    offset: i64,
    flags: AtomicU8,
}

impl Mark {
    pub(crate) fn new(offset: i64) -> Self {
        let flags = AtomicU8::new(0);
        Self { offset, flags }
    }

    #[inline]
    pub(crate) fn offset(&self) -> i64 {
        self.offset
    }

    /// Requests the commit. Returns `true` if the message is finished already, so that the tracker, which may
    /// have removed it, must be notified.
    #[inline]
    pub(crate) fn request(&self) -> bool {
        self.flags.fetch_or(MARKED, Ordering::AcqRel) & FINISHED != 0
    }

    /// Withdraws a request for the commit.
    pub(crate) fn withdraw(&self) {
        self.flags.fetch_and(!MARKED, Ordering::AcqRel);
    }

    /// Notes that the message is finished, and that its commit is requested if `marked`. Returns `true` if it
    /// is requested.
    #[inline]
    pub(crate) fn finish(&self, marked: bool) -> bool {
        let flags = FINISHED | if marked { MARKED } else { 0 };
        let before = self.flags.fetch_or(flags, Ordering::AcqRel);
        (before | flags) & MARKED != 0
    }

    /// Returns whether the commit is requested, if the message is finished.
    #[inline]
    pub(crate) fn finished(&self) -> Option<bool> {
        let flags = self.flags.load(Ordering::Acquire);
        (flags & FINISHED != 0).then_some(flags & MARKED != 0)
    }
}
