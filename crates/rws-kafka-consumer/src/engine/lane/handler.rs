use crate::handler::context::ConsumerContext;
use crate::handler::error::HandlerResult;
use crate::handler::message_batch::MessageBatch;
use crate::handler::outputs::Outputs;

/// The user's handler.
pub(crate) enum Handler {
    /// Takes one message at a time.
    Each(Box<EachHandler>),
    /// Takes several consecutive messages of a partition at a time.
    Batches(Box<BatchHandler>),
}

impl Handler {
    pub(crate) fn takes_batches(&self) -> bool {
        matches!(self, Self::Batches(_))
    }
}

pub(super) type EachHandler = dyn Fn(ConsumerContext, &mut Outputs) -> HandlerResult + Send + Sync;
pub(super) type BatchHandler = dyn Fn(&MessageBatch, &mut Outputs) -> HandlerResult + Send + Sync;
