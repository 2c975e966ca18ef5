//! The membership of a worker in its group, and how it rejoins.

use crate::engine::commits::CommitClient;
use crate::engine::poller::Poller;
use crate::engine::shared::Engine;
use crate::error::ConsumerError;
use crate::partition::Partition;
use crate::transport::{Consumer, Member};
use parking_lot::Mutex;
use rws_kafka_observe::causes::with_causes;
use rws_kafka_observe::{LogRate, non_zero};
use std::sync::Arc;
use std::thread::{Builder, sleep};
use std::time::{Duration, Instant};

/// A killed static member holds its id until its session ends: with KIP-848 after the time that the broker is
/// set to, at most a minute by default.
const LONGEST_SESSION: Duration = Duration::from_secs(60);
/// The time that the broker may need to notice it, and this worker to ask.
const SLACK: Duration = Duration::from_secs(15);

/// The pauses between two attempts to join. Each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// How often a waiting thread reports that it is alive.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// How long a replaced client may be in use by other threads before it is closed.
const HELD_FOR: Duration = Duration::from_secs(30);
const HELD_LOOK: Duration = Duration::from_millis(50);

type Make = dyn Fn() -> Result<Consumer, ConsumerError> + Send + Sync;

/// The worker's client. It is replaced if the group has permanently refused it.
pub(crate) struct Client {
    present: Mutex<Arc<Consumer>>,
    make: Box<Make>,
}

impl Client {
    /// Creates the client with `make`, which must return a subscribed one.
    ///
    /// # Errors
    ///
    /// Those of `make`.
    pub(crate) fn new(
        make: impl Fn() -> Result<Consumer, ConsumerError> + Send + Sync + 'static,
    ) -> Result<Self, ConsumerError> {
        Ok(Self {
            present: Mutex::new(Arc::new(make()?)),
            make: Box::new(make),
        })
    }

    pub(in crate::engine) fn present(&self) -> Arc<Consumer> {
        Arc::clone(&self.present.lock())
    }

    /// Replaces the client, and closes the old one.
    fn replace(&self) -> Result<(), ConsumerError> {
        self.present().replaced();
        let new = Arc::new((self.make)()?);
        let old = std::mem::replace(&mut *self.present.lock(), new);
        // librdkafka sets no bound to a close.
        let closing = Builder::new().name("rws-kafka-close".to_owned());
        // On a thread without other work. The other users of the old client release it soon.
        let started = closing.spawn(move || {
            let until = Instant::now() + HELD_FOR;
            while Arc::strong_count(&old) > 1 && Instant::now() < until {
                sleep(HELD_LOOK);
            }
        });
        started.map(drop).map_err(|error| ConsumerError::Thread {
            detail: error.to_string(),
        })
    }
}

impl CommitClient for Client {
    type Group = Member;

    fn commit(&self, offsets: &[(Arc<Partition>, i64)]) -> Result<(), ConsumerError> {
        self.present().commit(offsets)
    }

    fn group(&self) -> Option<Member> {
        self.present().group()
    }
}

/// Polls until a stop is asked for, or the client has failed permanently.
///
/// If a worker with a `group.instance.id` is killed and restarted within its session, a KIP-848 group refuses
/// it, which librdkafka treats as fatal. The worker then joins again with a new client, until that session
/// must have ended.
pub(in crate::engine) fn poll(engine: &Arc<Engine>, client: &Client) -> Result<(), ConsumerError> {
    let mut refusals = Refusals::default();
    let lines = LogRate::new(Duration::from_secs(10));
    loop {
        let consumer = client.present();
        let Err(error) = Poller::new(engine, &consumer).run() else {
            return Ok(());
        };
        drop(consumer);
        if !matches!(error, ConsumerError::InstanceIdInUse { .. }) {
            return Err(error);
        }
        // The broker that refused it is available.
        engine.connection.recovered();
        engine.health.reachable();
        if engine.is_settled() {
            refusals = Refusals::default();
        }
        engine.expelled();
        let Some(pause) = refusals.pause(Instant::now()) else {
            return Err(error);
        };
        if let Some(held_back) = lines.admit() {
            let held_back = non_zero(held_back);
            let words = with_causes(&error);
            tracing::warn!(
                target: "rws_kafka",
                group = engine.group(),
                held_back,
                "the group refused the worker, which tries to join for at most {:?}: {words}",
                LONGEST_SESSION + SLACK
            );
        }
        engine.note_error(error);
        wait(engine, pause);
        if engine.stop.is_asked() {
            return Ok(());
        }
        client.replace()?;
    }
}

fn wait(engine: &Engine, time: Duration) {
    let until = Instant::now() + time;
    loop {
        engine.health.heartbeat();
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || engine.stop.is_asked() {
            return;
        }
        engine.stop.sleep(left.min(HEARTBEAT));
    }
}

/// The refusals in a row.
#[derive(Debug, Default)]
struct Refusals {
    since: Option<Instant>,
    pause: Duration,
}

impl Refusals {
    /// Returns the pause before the next attempt; `None` if the holder of the id must be alive.
    fn pause(&mut self, now: Instant) -> Option<Duration> {
        let since = *self.since.get_or_insert(now);
        let waited = now.saturating_duration_since(since);
        self.pause = (self.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        (waited < LONGEST_SESSION + SLACK).then_some(self.pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_member_tries_again_with_growing_pauses_for_as_long_as_a_session_may_last() {
        let began = Instant::now();
        let mut refusals = Refusals::default();
        let mut now = began;
        let mut pauses = Vec::new();
        while let Some(pause) = refusals.pause(now) {
            pauses.push(pause.as_millis());
            // It takes a second until an attempt is refused.
            now += pause + Duration::from_secs(1);
        }
        assert_eq!(pauses[..5], [500, 1000, 2000, 4000, 4000]);
        let tried_for = now - began;
        assert!(tried_for >= LONGEST_SESSION + SLACK, "{tried_for:?}");
        assert!(tried_for <= LONGEST_SESSION + 2 * SLACK, "{tried_for:?}");
    }
}
