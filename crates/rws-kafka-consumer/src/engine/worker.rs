use super::group::membership::Client;
use super::group::{lag, membership};
use super::lane;
use super::lane::Handler;
use super::shared::Engine;
use crate::error::ConsumerError;
use crate::report::{StopDetails, StopReport};
use rws_kafka_client::Deadline;
use rws_kafka_observe::panics;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

/// The minimum time for leaving the group, if draining used up the deadline.
const LAST_GRACE: Duration = Duration::from_secs(1);

/// Everything that the threads of a worker need.
pub(crate) struct Plan {
    pub(crate) engine: Arc<Engine>,
    pub(crate) client: Client,
    pub(crate) handler: Arc<Handler>,
}

/// Starts the threads of a worker.
pub(crate) fn start(plan: Plan) -> Result<(), ConsumerError> {
    let Plan {
        engine,
        client,
        handler,
    } = plan;
    let client = Arc::new(client);
    // Disconnects when no thread holds the client any more.
    let (alive, gone) = channel::<()>();
    let started = (|| {
        for number in 0..engine.settings.lanes {
            let (engine, handler) = (Arc::clone(&engine), Arc::clone(&handler));
            spawn(&format!("rws-kafka-lane-{number}"), move || {
                lane::run(&engine, &handler, number);
            })?;
        }
        let owner = Owner::new(&engine, &client, &alive);
        spawn("rws-kafka-commit", move || {
            let engine = Arc::clone(&owner.engine);
            engine.guard("the commit thread", || owner.commit());
        })?;
        let owner = Owner::new(&engine, &client, &alive);
        spawn("rws-kafka-lag", move || {
            let engine = Arc::clone(&owner.engine);
            engine.guard("the thread that measures lag", || owner.watch_lag());
        })?;
        let owner = Owner::new(&engine, &client, &alive);
        spawn("rws-kafka-poll", move || {
            let engine = Arc::clone(&owner.engine);
            engine.guard("the poll thread", || owner.poll(gone));
            // Has no effect if the poll thread has ended regularly.
            engine.stop.over(StopReport::from(StopDetails {
                error: engine.last_error(),
                ..StopDetails::default()
            }));
        })
    })();
    if started.is_err() {
        engine.scheduler.end();
        engine.committer.stop();
        engine.stop.ask(Duration::ZERO);
        engine.end_letters();
        engine.commits.stop();
    }
    started
}

/// One thread's share of the client.
struct Owner {
    engine: Arc<Engine>,
    // Fields are dropped in this order: the client before the sender that signals it.
    client: Arc<Client>,
    _alive: Sender<()>,
}

impl Owner {
    fn new(engine: &Arc<Engine>, client: &Arc<Client>, alive: &Sender<()>) -> Self {
        Self {
            engine: Arc::clone(engine),
            client: Arc::clone(client),
            _alive: alive.clone(),
        }
    }

    fn commit(self) {
        let engine = Arc::clone(&self.engine);
        // The error is recorded, and the first round tries again.
        let _ = engine.begin_commits();
        let round = || engine.round_of_commits(&*self.client);
        engine.committer.serve(engine.commit_tick(), round);
        // Leaving the group must not wait until the producer is closed.
        drop(self);
        engine.commits.close();
    }

    fn watch_lag(self) {
        lag::run(&self.engine, &self.client);
    }

    fn poll(self, gone: Receiver<()>) {
        let engine = Arc::clone(&self.engine);
        let polled = panics::catch(|| membership::poll(&self.engine, &self.client));
        // A client that has failed is not a member that could leave.
        let is_member = !matches!(polled, Ok(Err(_)));
        let error = match polled {
            Ok(result) => result.err(),
            Err(panic) => Some(ConsumerError::Fatal {
                detail: format!("the poll thread panicked: {panic}"),
            }),
        };
        let mut report = engine.wind_down(error);
        report.left_group = self.leave(gone, &engine) && is_member;
        report.log(engine.group());
        engine.health.retired();
        engine.stop.over(report);
    }

    /// Closes the consumer, which leaves the group. librdkafka sets no bound to that.
    fn leave(self, gone: Receiver<()>, engine: &Engine) -> bool {
        let until = engine.stop.until().unwrap_or_else(Instant::now);
        let time = until
            .saturating_duration_since(Instant::now())
            .max(LAST_GRACE);
        let close = move || {
            self.client.present().leave_empty_handed();
            drop(self);
        };
        spawn("rws-kafka-close", close).is_ok()
            && gone.recv_timeout(time) == Err(RecvTimeoutError::Disconnected)
    }
}

impl Engine {
    /// Runs a thread's work. A panic stops the worker, which would otherwise look alive and do nothing.
    pub(super) fn guard(&self, who: &str, run: impl FnOnce()) {
        if let Err(panic) = panics::catch(run) {
            self.fail(ConsumerError::Fatal {
                detail: format!("{who} panicked: {panic}"),
            });
        }
    }

    fn end_letters(&self) {
        if let Some(letters) = self.letters() {
            letters.end();
        }
    }

    /// Drains all partitions and ends the lanes, by the deadline of the stop.
    pub(super) fn wind_down(&self, error: Option<ConsumerError>) -> StopReport {
        let error = self.failure.lock().clone().or(error);
        if let Some(error) = &error {
            self.health.failed();
            self.note_error(error.clone());
            // Nobody asked for this stop, so it has the default timeout.
            self.stop.ask(self.settings.drain_timeout);
        }
        let until = self
            .stop
            .until()
            .unwrap_or_else(|| Deadline::after(self.settings.drain_timeout).instant());
        let partitions = self.partitions();
        let mut left = self.drain(&partitions, until);
        // Includes partitions that were released before, so that the report is complete.
        left.unfinished = self.scheduler.wait_until_idle(until);
        left.add(&self.left_behind.lock());
        self.warn_of_no_commits(true);
        self.scheduler.end();
        self.committer.stop();
        self.end_letters();
        self.commits.stop();
        StopReport::from(StopDetails {
            unstarted: left.unstarted,
            unfinished: left.unfinished,
            uncommitted: left.uncommitted,
            left_group: false,
            // The last messages in flight may have failed the worker, too.
            error: self.failure.lock().clone().or(error),
        })
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), ConsumerError> {
    Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map(drop)
        .map_err(|error| ConsumerError::Thread {
            detail: error.to_string(),
        })
}
