use crate::handler::context::ConsumerContext;
use crate::handler::error::HandlerResult;
use crate::handler::message_batch::MessageBatch;
use crate::handler::outputs::Outputs;

/// What a user's closure is to the engine.
pub(crate) enum Handler {
    /// It is given the messages one by one.
    Each(Box<EachHandler>),
    /// It is given a run of a partition's messages at a time.
    Batches(Box<BatchHandler>),
}

impl Handler {
    pub(crate) fn takes_batches(&self) -> bool {
        matches!(self, Self::Batches(_))
    }
}

pub(super) type EachHandler = dyn Fn(ConsumerContext, &mut Outputs) -> HandlerResult + Send + Sync;
pub(super) type BatchHandler = dyn Fn(&MessageBatch, &mut Outputs) -> HandlerResult + Send + Sync;
