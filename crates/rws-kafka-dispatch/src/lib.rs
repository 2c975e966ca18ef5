//! Internal to [`rws-kafka-consumer`](https://docs.rs/rws-kafka-consumer), whose exact version it is for:
//! it may change in any release.
//!
//! It hands messages to threads in the order that they must keep, and tracks which of them are finished.
//! It knows neither Kafka's client nor metrics nor what a handler is, so that all of it is tested without
//! a broker.
//!
//! ```text
//! BatchBuilder ─▶ cut ─▶ Scheduler::add ─▶ Scheduler::next ─▶ (a handler) ─▶ Partition::finish
//!      │                                        ▲                                  │
//!      └─▶ Tracker::push                        └── Outcome: later, posted, …      ▼
//!                                                                     Tracker::to_commit
//! ```
//!
//! - [`Batch`]: messages of one partition, their bytes in one allocation.
//! - [`Partition`]: one assignment of a partition. It is the epoch: what is finished under one that is
//!   [`Phase::Released`] is committed by nobody.
//! - [`Tracker`]: what is finished, and up to where all before it are.
//! - A *strand* ([`StrandId`]): messages that are handled one after the other. [`cut`] makes a batch's
//!   [`Task`]s, one a strand.
//! - [`Scheduler`]: gives the next task whose strand is free to whoever asks.
//! - [`History`](history): what tells that a topic was deleted and created again.

mod batch;
mod clock;
mod gather;
pub mod history;
mod in_hand;
mod ordering;
mod partition;
mod scheduler;
mod strand;
mod timestamp;
mod topic_partition;
mod tracker;

pub use batch::{Batch, BatchBuilder};
pub use clock::{Clock, Time};
pub use gather::Gathering;
pub use in_hand::{Hand, Hands, InHand, Run};
pub use ordering::Ordering;
pub use partition::{Partition, Phase, Recorders};
pub use scheduler::{Outcome, Progress, Scheduler, Work};
pub use strand::{StrandId, Task, cut};
pub use timestamp::Timestamp;
pub use topic_partition::TopicPartition;
pub use tracker::{Start, Tracker};
