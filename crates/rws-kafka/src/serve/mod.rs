//! Starts the server and stops all parts of the service in order.

mod bounded;
mod error;
mod health;
mod http;
mod late;
mod report;
mod run;
mod served;
mod signals;
mod stage;
mod stop;

pub use error::ServeError;
pub use report::{FailedStage, ServeReport, UncleanStop};
pub use run::run;
pub use stop::Stopper;

use crate::KafkaLayer;
use health::HealthPort;
use http::{Bound, Http};
#[cfg(feature = "outbox")]
use parking_lot::Mutex;
use rust_web_server::application::Application;
#[cfg(feature = "outbox")]
use rws_kafka_consumer::HandlerError;
use rws_kafka_consumer::{ConsumerHandle, HandlerResult};
use rws_kafka_producer::KafkaProducer;
use signals::Signals;
use stage::Stage;
use std::fmt;
use std::net::SocketAddr;
#[cfg(feature = "outbox")]
use std::sync::Arc;
use std::time::Duration;

/// Five seconds less than the grace period that Kubernetes gives a pod.
const DEFAULT_DEADLINE: Duration = Duration::from_secs(25);

/// Short enough to be added to any `Instant`.
const LONGEST_DEADLINE: Duration = Duration::from_secs(24 * 60 * 60);

/// Runs `app` on the server until SIGTERM or SIGINT, then stops everything in order.
///
/// The server listens on its own `RWS_CONFIG_IP` and `RWS_CONFIG_PORT`. This function blocks the
/// calling thread until the stop is complete. The stop has [one deadline](Serve::deadline), and these
/// steps:
///
/// 1. `/readyz` answers 503, and the server refuses new connections.
/// 2. The server answers the open requests and asks their clients to close the connection. It waits at
///    most a second for connections without a request in a handler.
/// 3. The workers stop: each finishes the messages in flight and commits.
/// 4. The [stages](Serve::stage) run, in the order in which they were added. Relays of an outbox are
///    stages.
/// 5. The producers are flushed and closed.
///
/// A slow step may take at most half of the time left until the deadline, so that the steps after it
/// get their turn. Requests that are still open then have until the deadline, and their messages are
/// flushed too. At the deadline, unfinished work is abandoned, reported and logged. Threads of the
/// server may still be in a handler then: return from `main` to end them.
///
/// A handler that panics is answered with 500.
///
/// Kubernetes keeps sending connections for a moment after the signal, and these are refused. To avoid
/// that, add a `preStop` hook that sleeps for a few seconds.
///
/// # Signals
///
/// When the server starts, it installs its own signal handler (of the crate `ctrlc`), once per process.
/// Until then, SIGTERM and SIGINT end the process without a drain. Call [`Serve::bind`] first to handle
/// them from then on: a signal that arrives before `serve` makes it stop as soon as it is called. A
/// second signal before `serve` ends the process at once.
///
/// A service that decides itself when to stop installs its own handler after [`Serve::bind`], whose
/// handler it replaces, and stops through a [`Stopper`]. A second `serve` in one process also needs a
/// [`Stopper`]. Only one can run at a time, because the server's readiness is a static.
///
/// ```no_run
/// use rust_web_server::app::App;
/// use rws_kafka::{ConsumerContext, KafkaConsumer, KafkaLayer, KafkaProducer, Serve};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let service = Serve::new().bind()?;
/// let producer = KafkaProducer::from_env()?;
/// let worker = KafkaConsumer::from_env()?
///     .subscribe(["orders.created"])?
///     .start(|msg: ConsumerContext| msg.commit());
/// let app = App::with_state(producer.clone()).wrap(KafkaLayer::new());
///
/// rws_kafka::serve(app, service.producer(producer).worker(worker))?.into_result()?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`ServeError::Bind`] if the address cannot be bound, [`ServeError::ThreadCount`] if the server has
/// no threads, and [`ServeError::Start`] if the system refuses a thread or a socket. In each case the
/// workers are stopped and the producers flushed first.
pub fn serve(
    app: impl Application + Send + Sync + 'static,
    options: Serve,
) -> Result<ServeReport, ServeError> {
    let Serve {
        bound,
        health,
        layer,
        signals,
        stopper,
        parts,
    } = options;
    let started = bound.map_or_else(Bound::bind, Ok).and_then(|bound| {
        let health = health.map(|port| port.start(layer)).transpose()?;
        Ok((Http::start(app, bound)?, health))
    });
    match started {
        Ok((http, _health)) => {
            if let Some(signals) = &signals {
                signals.keep();
            }
            http.wait_for_stop(|| stopper.is_stopped());
            Ok(parts.stop(Some(&http)))
        }
        Err(error) => {
            tracing::error!(%error, "the server did not start");
            // `stop` logs its report; the caller gets the cause.
            let _ = parts.stop(None);
            Err(error)
        }
    }
}

/// Options of [`serve`] and [`run`]: the parts that run beside the server, and the deadline of the stop.
///
/// ```no_run
/// use rws_kafka::{KafkaProducer, Serve};
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let service = Serve::new().bind()?.deadline(Duration::from_secs(20));
/// let producer = KafkaProducer::from_env()?;
/// let service = service.producer(producer);
/// # drop(service);
/// # Ok(())
/// # }
/// ```
#[must_use = "options do nothing until they are given to `serve` or `run`"]
pub struct Serve {
    bound: Option<Bound>,
    health: Option<HealthPort>,
    layer: Option<KafkaLayer>,
    signals: Option<Signals>,
    stopper: Stopper,
    parts: stop::Parts,
}

impl Serve {
    /// Returns options for a server alone, with a deadline of 25 seconds for the stop.
    pub fn new() -> Self {
        Self {
            bound: None,
            health: None,
            layer: None,
            signals: None,
            stopper: Stopper::default(),
            parts: stop::Parts::new(DEFAULT_DEADLINE),
        }
    }

    /// Adds a producer, which the last step of the stop flushes and closes. Call it for each producer.
    pub fn producer(mut self, producer: KafkaProducer) -> Self {
        self.parts.producers.push(producer);
        self
    }

    /// Adds a worker, which stops after the open requests have been answered.
    ///
    /// Call it for each worker; all workers stop at the same time. [`run`] also stops the service when
    /// a worker has ended by itself; [`serve`] does not.
    pub fn worker(mut self, worker: ConsumerHandle) -> Self {
        let watched = worker.clone();
        self.parts
            .watch("a worker", move || watched.status().stopped);
        self.parts.workers.push(worker);
        self
    }

    /// Adds a step that runs after the workers have stopped and before the producers are flushed.
    ///
    /// `stop` gets the time that it may take. It runs on its own thread. If it takes longer, it is
    /// abandoned and reported in [`ServeReport::failed_stages`].
    ///
    /// ```
    /// use rws_kafka::Serve;
    ///
    /// let service = Serve::new().stage("cache", |within| {
    ///     println!("writing the cache to disk within {within:?}");
    ///     Ok(())
    /// });
    /// ```
    pub fn stage(
        mut self,
        name: impl Into<String>,
        stop: impl FnOnce(Duration) -> HandlerResult + Send + 'static,
    ) -> Self {
        self.parts.stages.push(Stage::new(name, stop));
        self
    }

    /// Adds a relay of an outbox, which stops as a [stage](Self::stage).
    ///
    /// The relay reads no more events and waits for the acknowledgements of those that it has sent. The
    /// next relay sends the remaining events. [`run`] also stops the service when the relay has ended by
    /// itself; [`serve`] does not.
    #[cfg(feature = "outbox")]
    pub fn relay(mut self, relay: rws_kafka_outbox::RelayHandle) -> Self {
        // The watcher needs it until the stage takes it.
        let relay = Arc::new(Mutex::new(Some(relay)));
        let watched = Arc::clone(&relay);
        self.parts.watch("an outbox relay", move || {
            let relay = watched.lock();
            relay.as_ref().is_some_and(|relay| !relay.status().running)
        });
        self.stage("outbox relay", move |within| {
            // A separate statement, so that the lock is not held while the relay stops.
            let relay = relay.lock().take();
            let Some(relay) = relay else {
                return Ok(());
            };
            let report = relay.stop_within(within);
            if report.is_clean() {
                return Ok(());
            }
            Err(HandlerError::new(report.to_string()))
        })
    }

    /// Sets how long the whole stop may take: 25 seconds by default, 24 hours at most.
    ///
    /// Keep it below the time after which the platform kills the process. In Kubernetes that is
    /// `terminationGracePeriodSeconds` (default 30 seconds) less the time that a `preStop` hook takes.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.parts.deadline = deadline.min(LONGEST_DEADLINE);
        self
    }

    /// Reads the server's configuration, binds its address now rather than in [`serve`], and
    /// [handles signals](Self::handle_signals) from now on.
    ///
    /// From here on, connections wait to be accepted. Call this before anything else starts, because:
    ///
    /// - If the address is in use, the service ends before it joins a consumer group.
    /// - A worker that starts later is drained even if SIGTERM arrives before [`serve`].
    /// - The server sets environment variables, which is safest while there is only one thread.
    ///
    /// # Errors
    ///
    /// [`ServeError::Bind`] if the address cannot be bound, [`ServeError::ThreadCount`] if the server
    /// is configured without threads, and [`ServeError::Signals`] if the system refuses the signal
    /// handler.
    pub fn bind(mut self) -> Result<Self, ServeError> {
        if self.bound.is_none() {
            self.bound = Some(Bound::bind()?);
        }
        self.handle_signals()
    }

    /// Handles SIGTERM and SIGINT from now on, rather than from [`serve`] or [`run`] on.
    ///
    /// [`serve`] and [`run`] then stop as soon as they are called. Call this before the first worker
    /// starts; [`bind`](Self::bind) includes it.
    ///
    /// A second signal before [`serve`] or [`run`] ends the process at once, so that a start that hangs
    /// can be interrupted. After that, a second signal changes nothing. Handlers that were installed
    /// before still run; one that is installed later may replace this one. After these options are
    /// dropped, the signals end the process as before.
    ///
    /// It does nothing on systems without these signals (Windows), and after a [`serve`] in the same
    /// process, because that server keeps its own handler. Stop such a service through a [`Stopper`].
    ///
    /// # Errors
    ///
    /// [`ServeError::Signals`] if the system refuses the signal handler.
    pub fn handle_signals(mut self) -> Result<Self, ServeError> {
        if self.signals.is_none() {
            self.signals = Some(Signals::install(self.stopper.clone())?);
        }
        Ok(self)
    }

    /// Binds `address` (such as `0.0.0.0:8080`) for probes and metrics only.
    ///
    /// While [`run`] or [`serve`] runs, the port answers `GET /healthz`, `/readyz`, `/livez` and
    /// `/metrics`, and anything else with 404. The answers are those of [`KafkaLayer`] with a `/livez`
    /// that fails after 60 s without a heartbeat. If a worker's `drain_timeout` is near 60 s or above,
    /// set a longer time with [`health_layer`](Self::health_layer).
    ///
    /// The port answers at most 16 connections at the same time and refuses others. Each connection
    /// ends at most 10 s after it began. There is no authentication.
    ///
    /// # Errors
    ///
    /// [`ServeError::Bind`] if the address cannot be bound.
    pub fn health_on(mut self, address: &str) -> Result<Self, ServeError> {
        self.health = Some(HealthPort::bind(address)?);
        Ok(self)
    }

    /// Answers requests on the port of [`health_on`](Self::health_on) with `layer`.
    ///
    /// Use it to add a status page or to show another observer, for example. A layer without
    /// [`livez`](KafkaLayer::livez) gets one of 60 s.
    pub fn health_layer(mut self, layer: KafkaLayer) -> Self {
        self.layer = Some(layer);
        self
    }

    /// Returns the address of [`health_on`](Self::health_on). If its port was 0, this has the port that
    /// the system chose.
    pub fn health_addr(&self) -> Option<SocketAddr> {
        self.health.as_ref().map(HealthPort::address)
    }

    /// Returns the server's address once it is [bound](Self::bind). With `RWS_CONFIG_PORT=0` this has
    /// the port that the system chose.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.bound.as_ref().map(Bound::address)
    }

    /// Returns a handle that stops [`serve`] or [`run`] as a signal would.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }
}

impl Default for Serve {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Serve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve")
            .field("local_addr", &self.local_addr())
            .field("health_addr", &self.health_addr())
            .field("parts", &self.parts)
            .finish_non_exhaustive()
    }
}
