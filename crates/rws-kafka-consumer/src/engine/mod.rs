//! The worker: a poll thread that always polls, lanes that handle, a thread that commits.
//!
//! ```text
//! broker → poll thread → scheduler → lanes → handler
//!              │                       │
//!              │                       ├── tracker → committer → broker
//!              └── pause, revoke       └── dead letters → broker
//! ```

mod acknowledge;
#[cfg(feature = "testing")]
mod by_hand;
mod commits;
mod committer;
mod create_topics;
mod dead_letters;
mod group_events;
mod lag;
mod lane;
mod left;
mod letter;
mod membership;
#[cfg(test)]
mod out_of_order;
mod overview;
mod poller;
mod progress;
mod rebalance;
mod recorders;
mod rounds;
mod share;
mod shared;
mod stop;
mod subscription;
mod subscription_watch;
#[cfg(feature = "testing")]
mod test_clock;
mod transaction_events;
mod transactions;
mod unasked;
mod worker;

#[cfg(feature = "testing")]
pub(crate) use by_hand::{Broker, ByHand, Fetched};
pub(crate) use commits::Commits;
pub(crate) use create_topics::{Wanted, create_topics};
pub(crate) use dead_letters::DeadLetters;
pub(crate) use lane::Handler;
pub(crate) use membership::Client;
pub(crate) use recorders::{Batch, Partition};
pub(crate) use shared::{Engine, Equipment, Settings};
#[cfg(feature = "testing")]
pub(crate) use test_clock::TestClock;
pub(crate) use transactions::{Group, Transactions};
pub(crate) use worker::{Plan, start};
