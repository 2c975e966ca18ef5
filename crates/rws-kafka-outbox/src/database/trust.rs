//! Decides which connections of a pool still lead to a server that accepts writes.
//!
//! A primary that becomes a standby may keep its connections open. Each write on them then fails, while a new
//! connection would go to another host. So after an error that a failover causes, each older connection is
//! checked before it is used again. With `target_session_attrs=read-write` each is also checked once a
//! second, because callers of deadpool's pool report no errors here.

use crate::error::OutboxError;
use deadpool_postgres::{Hook, HookError};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio_postgres::{Client, SimpleQueryMessage};

/// The time between two checks of a connection, and between two doubts.
const EVERY: Duration = Duration::from_secs(1);
/// How long the answer to a check may take. Without one, the connection is replaced.
const ANSWER: Duration = Duration::from_secs(5);
/// How long the time of a check is remembered.
const REMEMBERED: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Trust {
    /// `true` if connections must lead to a server that accepts writes.
    read_write: bool,
    state: Mutex<State>,
    doubts: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    /// Connections created or checked before this are checked before their next use.
    doubted: Option<Instant>,
    /// Connections created before this are replaced.
    condemned: Option<Instant>,
    /// When each connection was last checked, by the instant of its creation.
    asked: HashMap<Instant, Instant>,
}

/// What to do with a connection before it is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reuse {
    Keep,
    Ask,
    Replace,
}

impl Trust {
    pub(crate) fn new(read_write: bool) -> Self {
        Self {
            read_write,
            state: Mutex::default(),
            doubts: watch::Sender::new(0),
        }
    }

    /// Returns a hook that checks a connection, if that is due, before the pool hands it out again.
    pub(crate) fn hook(self: &Arc<Self>) -> Hook {
        let trust = Arc::clone(self);
        Hook::async_fn(move |client, metrics| {
            let (trust, made) = (Arc::clone(&trust), metrics.created);
            Box::pin(async move {
                match trust.vouches_for(client, made).await {
                    true => Ok(()),
                    false => Err(HookError::message("the server accepts no writes")),
                }
            })
        })
    }

    /// Notes an error of a connection. Returns `true` if it puts older connections in doubt.
    pub(crate) fn heed(&self, error: &OutboxError) -> bool {
        error.is_of_server() && self.doubt(Instant::now())
    }

    /// Returns a channel that changes when older connections are in doubt.
    pub(crate) fn doubts(&self) -> watch::Receiver<u64> {
        self.doubts.subscribe()
    }

    fn doubt(&self, now: Instant) -> bool {
        {
            let mut state = self.state.lock();
            if state.doubted.is_some_and(|at| now < at + EVERY) {
                return false;
            }
            state.doubted = Some(now);
        }
        self.announce();
        true
    }

    async fn vouches_for(&self, client: &Client, made: Instant) -> bool {
        match self.reuse(made, Instant::now()) {
            Reuse::Keep => true,
            Reuse::Replace => false,
            Reuse::Ask => {
                let question = client.simple_query("SHOW transaction_read_only");
                let answer = tokio::time::timeout(ANSWER, question).await;
                let takes_writes = matches!(&answer, Ok(Ok(rows)) if rows.iter().any(is_off));
                self.answered(made, Instant::now(), takes_writes);
                takes_writes
            }
        }
    }

    fn reuse(&self, made: Instant, now: Instant) -> Reuse {
        let state = self.state.lock();
        // Where it matters, a connection was already checked when it was created.
        let asked = state.asked.get(&made).copied().unwrap_or(made);
        if state.condemned.is_some_and(|at| made <= at) {
            Reuse::Replace
        } else if state.doubted.is_some_and(|at| asked <= at)
            || (self.read_write && now >= asked + EVERY)
        {
            Reuse::Ask
        } else {
            Reuse::Keep
        }
    }

    fn answered(&self, made: Instant, now: Instant, takes_writes: bool) {
        let mut state = self.state.lock();
        if takes_writes {
            state.asked.retain(|_, asked| now < *asked + REMEMBERED);
            state.asked.insert(made, now);
            return;
        }
        // The others lead to the same server, and checking each would take a timeout each.
        state.condemned = Some(now);
        state.asked.clear();
        drop(state);
        self.announce();
    }

    fn announce(&self) {
        self.doubts
            .send_modify(|doubts| *doubts = doubts.wrapping_add(1));
    }
}

fn is_off(message: &SimpleQueryMessage) -> bool {
    matches!(message, SimpleQueryMessage::Row(row) if row.get(0) == Some("off"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(1);

    #[test]
    fn after_a_doubt_each_older_connection_is_asked_once() {
        let trust = Trust::new(false);
        let made = Instant::now();
        let hour = made + Duration::from_secs(3600);
        assert_eq!(trust.reuse(made, hour), Reuse::Keep);
        assert!(trust.doubt(hour));
        assert!(
            !trust.doubt(hour + MOMENT),
            "no more often than each second"
        );
        assert_eq!(trust.reuse(made, hour + MOMENT), Reuse::Ask);
        assert_eq!(trust.reuse(hour + MOMENT, hour + EVERY), Reuse::Keep);
        trust.answered(made, hour + MOMENT, true);
        assert_eq!(trust.reuse(made, hour + EVERY), Reuse::Keep);
        assert!(trust.doubt(hour + EVERY), "of another failover");
        assert_eq!(trust.reuse(made, hour + EVERY), Reuse::Ask);
    }

    #[test]
    fn a_connection_that_must_write_is_asked_once_a_second() {
        let trust = Trust::new(true);
        let made = Instant::now();
        assert_eq!(trust.reuse(made, made + EVERY - MOMENT), Reuse::Keep);
        assert_eq!(trust.reuse(made, made + EVERY), Reuse::Ask);
        trust.answered(made, made + EVERY, true);
        assert_eq!(trust.reuse(made, made + EVERY + MOMENT), Reuse::Keep);
        assert_eq!(trust.reuse(made, made + EVERY * 2), Reuse::Ask);
    }

    #[test]
    fn a_server_without_writes_loses_all_connections_that_were_made_to_it() {
        let trust = Trust::new(true);
        let doubts = trust.doubts();
        let (first, second) = (Instant::now(), Instant::now() + MOMENT);
        trust.answered(first, second + MOMENT, false);
        for made in [first, second] {
            assert_eq!(trust.reuse(made, second + MOMENT), Reuse::Replace);
        }
        let replaced = second + MOMENT * 2;
        assert_eq!(trust.reuse(replaced, replaced), Reuse::Keep);
        assert!(doubts.has_changed().unwrap());
    }

    #[test]
    fn only_errors_that_a_failover_causes_are_a_doubt() {
        let trust = Trust::new(false);
        let full = OutboxError::NoDatabaseUrl;
        assert!(!trust.heed(&full));
        let silent = OutboxError::TimedOut {
            doing: "run a statement",
            after: ANSWER,
        };
        assert!(trust.heed(&silent));
    }
}
