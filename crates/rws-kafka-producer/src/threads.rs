//! The threads of a producer: one serves its deliveries, one checks that a broker answers.

use crate::config::ProducerConfig;
use crate::error::ProducerError;
use crate::publisher::Publisher;
use parking_lot::Mutex;
use rws_kafka_client::Deadline;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Weak};
use std::thread::Builder;
use std::time::Duration;

/// How often the broker is probed, for readiness.
const PROBE_INTERVAL: Duration = Duration::from_secs(5);
/// How often a producer with `fail_fast` checks whether the next probe should be sent early.
const PROBE_LOOK: Duration = Duration::from_millis(500);
/// How long the answer to a probe may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(4);
/// How long dropping a producer waits for its thread, after the flush.
const THREAD_END: Duration = Duration::from_secs(2);

/// The running threads of a producer.
pub(crate) struct Threads {
    /// Disconnected when the thread that serves deliveries has ended; in a `Mutex` only to be `Sync`.
    ended: Mutex<Receiver<()>>,
    /// Dropped to end the probe.
    probing: Sender<()>,
}

impl Threads {
    pub(crate) fn start(
        publisher: &Arc<Publisher>,
        config: &ProducerConfig,
    ) -> Result<Self, ProducerError> {
        let (alive, ended) = channel::<()>();
        let (polled, close_timeout) = (Arc::clone(publisher), config.close_timeout);
        spawn("rws-kafka-producer", move || {
            let _alive = alive;
            polled.run(close_timeout);
        })?;

        let (probing, end_of_probe) = channel::<()>();
        let probed = Arc::downgrade(publisher);
        let look = match config.fail_fast {
            true => PROBE_LOOK,
            false => PROBE_INTERVAL,
        };
        let probe = spawn("rws-kafka-probe", move || {
            while let Some(publisher) = probed.upgrade() {
                // Health and the log report the failure.
                let _ = publisher.ping(PROBE_TIMEOUT);
                drop(publisher);
                if !wait_for_turn(&end_of_probe, &probed, look) {
                    break;
                }
            }
        });
        if let Err(error) = probe {
            publisher.stop();
            return Err(error);
        }
        Ok(Self {
            ended: Mutex::new(ended),
            probing,
        })
    }

    /// Waits until the thread that serves deliveries has ended, unless this is that thread.
    pub(crate) fn end(self, on_own_thread: bool) {
        // The probe may be waiting for a broker, so it ends on its own.
        drop(self.probing);
        if !on_own_thread {
            // Disconnects when the thread ends.
            let _ = self.ended.into_inner().recv_timeout(THREAD_END);
        }
    }
}

/// Waits until the next probe is due. Returns `false` when the producer has ended.
fn wait_for_turn(end: &Receiver<()>, publisher: &Weak<Publisher>, look: Duration) -> bool {
    let turn = Deadline::after(PROBE_INTERVAL);
    loop {
        if turn.has_passed() {
            return true;
        }
        match end.recv_timeout(turn.remaining().min(look)) {
            Err(RecvTimeoutError::Timeout) => {}
            _ => return false,
        }
        match publisher.upgrade() {
            Some(publisher) if publisher.wants_probe() => return true,
            Some(_) => {}
            None => return false,
        }
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), ProducerError> {
    Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map(drop)
        .map_err(|error| ProducerError::Thread {
            detail: error.to_string(),
        })
}
