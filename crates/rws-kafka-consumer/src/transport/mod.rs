//! The layer above rdkafka.

mod complaints;
mod consumer;
mod context;
mod events;
mod fetched;
mod histories;
mod lists;
mod queues;
mod refusals;
mod replay;
mod retries;
mod topics;
mod transactions;
mod unreachable;

pub(crate) use consumer::{Consumer, Polled};
pub(crate) use events::GroupEvents;
pub(crate) use fetched::Fetched;
pub(crate) use queues::FetchQueue;
pub(crate) use refusals::{Refusal, TransactionalIdRefused};
pub(crate) use replay::{Committed, QueuePolled, QueueReader};
pub(crate) use topics::{NewTopic, TopicState, Topics};
pub(crate) use transactions::{Group, Member};
pub(crate) use unreachable::Unreachable;
