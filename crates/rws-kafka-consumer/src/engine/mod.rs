//! The worker: a thread that always polls, lanes that handle messages, and a thread that commits.
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
mod group;
mod lane;
mod letters;
#[cfg(test)]
mod out_of_order;
mod overview;
mod poller;
mod progress;
mod shared;
mod stop;
#[cfg(feature = "testing")]
mod test_clock;
mod unasked;
mod worker;

#[cfg(feature = "testing")]
pub(crate) use by_hand::{Broker, ByHand, Fetched};
pub(crate) use commits::Commits;
pub(crate) use commits::transactions::Transactions;
pub(crate) use group::create_topics::{Wanted, create_topics};
pub(crate) use group::membership::Client;
pub(crate) use lane::Handler;
pub(crate) use letters::dead_letters::DeadLetters;
pub(crate) use shared::{Engine, Equipment, Settings};
#[cfg(feature = "testing")]
pub(crate) use test_clock::TestClock;
pub(crate) use worker::{Plan, start};
