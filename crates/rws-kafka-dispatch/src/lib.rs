//! Internal to [`rws-kafka-consumer`](https://docs.rs/rws-kafka-consumer), which depends on exactly one
//! version of it. It may change in any release.
//!
//! It hands messages to threads in the order that they must keep, and tracks which of them are finished. It
//! uses no Kafka client and no metrics, and does not know what a handler is, so all of it is tested without a
//! broker.
//!
//! ```text
//! BatchBuilder ─▶ cut ─▶ Scheduler::add ─▶ Scheduler::next ─▶ (a handler) ─▶ Partition::finish
//!      │                                        ▲                                  │
//!      └─▶ Tracker::push                        └── Outcome: later, posted, …      ▼
//!                                                                     Tracker::to_commit
//! ```
//!
//! - [`Batch`]: messages of one partition, with their bytes in one allocation.
//! - [`Partition`]: one assignment of a partition. It is the epoch: messages that finish under one that is
//!   [`Phase::Released`] are not committed.
//! - [`Tracker`]: which messages are finished, and up to which offset all of them are.
//! - A *strand* ([`StrandId`]): messages that are handled one after another. [`cut`] divides a batch into
//!   [`Task`]s, one per strand.
//! - [`Scheduler`]: hands out the next task whose strand is free.
//! - [`History`](history): detects that a topic was deleted and created again.

mod batch;
mod bell;
mod clock;
mod gather;
pub mod history;
mod in_flight;
mod marks;
mod ordering;
mod partition;
mod scheduler;
mod strand;
mod timestamp;
mod topic_partition;
mod tracker;

pub use batch::{Batch, BatchBuilder};
pub use bell::Bell;
pub use clock::{Clock, Time};
pub use gather::Gathering;
pub use in_flight::{InFlight, Run, Slot, Slots};
pub use ordering::Ordering;
pub use partition::{Partition, Phase, Recorders};
pub use scheduler::{Outcome, Progress, Scheduler, Work};
pub use strand::{StrandId, Task, cut};
pub use timestamp::Timestamp;
pub use topic_partition::TopicPartition;
pub use tracker::{Start, Tracker};
