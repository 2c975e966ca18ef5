//! Retry topics: a failed message waits in a topic of its own, and no other message waits for it.

mod headers;
mod ladder;
mod settings;

pub(crate) use headers::{Origin, due_ms, group, is_ours, own_headers, write, write_short};
pub(crate) use ladder::{Ladder, Rung, Step};
pub(crate) use settings::RetryTopics;
