//! Starts the server and stops everything in order.

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

/// Short enough to be added to any clock.
const LONGEST_DEADLINE: Duration = Duration::from_secs(24 * 60 * 60);

/// Runs `app` on the server until SIGTERM or SIGINT, and then stops everything in order.
///
/// The address is the server's own `RWS_CONFIG_IP` and `RWS_CONFIG_PORT`. The calling thread is
/// blocked until the stop is over. On the signal, within [one deadline](Serve::deadline):
///
/// 1. `/readyz` turns to 503, and new connections are refused.
/// 2. The requests in hand are answered, their clients asked to close the connection. A connection
///    that has no request in a handler is not waited for longer than a second.
/// 3. The workers stop: each finishes the messages in hand and commits.
/// 4. The [stages](Serve::stage) run, in the order in which they were added; relays of an outbox are
///    some.
/// 5. The producers are flushed and closed.
///
/// A step that is slow may use up to half of what is left of the deadline, so that the steps after
/// it have their turn; requests still open then have until the deadline, and what they publish is
/// flushed. What is not done at the deadline is abandoned and reported, also in the log. The
/// server's threads may then still be in a handler: return from `main` to end them.
///
/// A handler that panics is answered with 500.
///
/// Kubernetes goes on sending connections for a moment after the signal, which are then refused: a
/// `preStop` hook that sleeps for some seconds avoids it.
///
/// # Signals
///
/// The server installs its own signal handler (of the crate `ctrlc`) when it starts, once per process.
/// Before that, SIGTERM and SIGINT end the process without a drain: call [`Serve::bind`] first of all,
/// which handles them from then on, and makes this function stop as soon as it is called. A second
/// signal in between ends the process at once.
///
/// A service that decides itself when to stop installs its own handler after [`Serve::bind`], which it
/// replaces, and stops through a [`Stopper`]; so does a second `serve` in one process. Only one can run
/// at a time, for the server's readiness is a static.
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
/// [`ServeError::Bind`] when the address cannot be bound, the other variants when the server cannot
/// start. The workers are then stopped and the producers flushed all the same.
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
            // Logged by `stop`; the caller is told what made it necessary.
            let _ = parts.stop(None);
            Err(error)
        }
    }
}

/// What runs beside the server, and how long its stop may take. See [`serve`] and [`run`].
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
    /// A server alone, with 25 seconds to stop.
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

    /// Flushes and closes `producer` as the last thing. Call it for each producer.
    pub fn producer(mut self, producer: KafkaProducer) -> Self {
        self.parts.producers.push(producer);
        self
    }

    /// Stops this worker after the last request was answered. Call it for each worker; they stop
    /// at the same time.
    pub fn worker(mut self, worker: ConsumerHandle) -> Self {
        let watched = worker.clone();
        self.parts
            .watch("a worker", move || watched.status().stopped);
        self.parts.workers.push(worker);
        self
    }

    /// Runs `stop` after the workers have stopped and before the producers are flushed.
    ///
    /// It is told how long it may take. It runs on a thread of its own and is abandoned when it
    /// takes longer.
    pub fn stage(
        mut self,
        name: impl Into<String>,
        stop: impl FnOnce(Duration) -> HandlerResult + Send + 'static,
    ) -> Self {
        self.parts.stages.push(Stage::new(name, stop));
        self
    }

    /// Stops this relay of an outbox as a [stage](Self::stage): it takes no more events, and waits for
    /// the acknowledgements of those that it has sent. What it leaves is sent by the next relay.
    #[cfg(feature = "outbox")]
    pub fn relay(mut self, relay: rws_kafka_outbox::RelayHandle) -> Self {
        // Shared with what watches it until the stage takes it.
        let relay = Arc::new(Mutex::new(Some(relay)));
        let watched = Arc::clone(&relay);
        self.parts.watch("an outbox relay", move || {
            let relay = watched.lock();
            relay.as_ref().is_some_and(|relay| !relay.status().running)
        });
        self.stage("outbox relay", move |within| {
            // A statement of its own, so that the lock is not held while the relay stops.
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

    /// How long the whole stop may take: 25 seconds by default, a day at most.
    ///
    /// Keep it below what the platform waits before it kills the process (Kubernetes:
    /// `terminationGracePeriodSeconds`, 30 seconds by default, less what a `preStop` hook takes).
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.parts.deadline = deadline.min(LONGEST_DEADLINE);
        self
    }

    /// Reads the server's configuration and binds its address now rather than in [`serve`], and
    /// [handles signals](Self::handle_signals) from now on.
    ///
    /// Connections wait to be accepted from here on. Call it before anything else starts: an
    /// address in use then ends the service before it has joined a consumer group, a worker that is
    /// started later is drained even if SIGTERM arrives before [`serve`], and the server sets
    /// environment variables, which is best done while there is one thread.
    ///
    /// # Errors
    ///
    /// [`ServeError::Bind`] when the address cannot be bound, [`ServeError::ThreadCount`] for a
    /// server without threads, [`ServeError::Signals`] when the system refuses the signal handler.
    pub fn bind(mut self) -> Result<Self, ServeError> {
        if self.bound.is_none() {
            self.bound = Some(Bound::bind()?);
        }
        self.handle_signals()
    }

    /// Handles SIGTERM and SIGINT from now on rather than from [`serve`] or [`run`] on, which then
    /// stop as soon as they are called. [`bind`](Self::bind) does this, too.
    ///
    /// Call it before the first worker starts. A second signal before [`serve`] or [`run`] ends the
    /// process at once, so that a start that hangs can be interrupted; after that it changes nothing.
    /// Handlers that were installed before still run; one that is installed later may replace this one.
    /// The signals end the process as before once these options are dropped. It does nothing where
    /// there are no such signals (Windows), and after a [`serve`] in the same process, whose server keeps
    /// its own handler: such a service is stopped by a [`Stopper`].
    ///
    /// # Errors
    ///
    /// [`ServeError::Signals`] when the system refuses the signal handler.
    pub fn handle_signals(mut self) -> Result<Self, ServeError> {
        if self.signals.is_none() {
            self.signals = Some(Signals::install(self.stopper.clone())?);
        }
        Ok(self)
    }

    /// Binds `address` (such as `0.0.0.0:8080`) for probes and metrics alone: `GET /healthz`,
    /// `/readyz`, `/livez` and `/metrics` are answered while [`run`] or [`serve`] runs, anything else
    /// with 404.
    ///
    /// They are those of [`KafkaLayer`], with a `/livez` that fails after 60 s without a sign of life;
    /// [`health_layer`](Self::health_layer) gives it another one: with a `drain_timeout` of a worker near
    /// 60 s or above, it has to. At most 16 connections are answered at the same time, and each ends
    /// 10 s after it began. It has no authentication.
    ///
    /// # Errors
    ///
    /// [`ServeError::Bind`] when the address cannot be bound.
    pub fn health_on(mut self, address: &str) -> Result<Self, ServeError> {
        self.health = Some(HealthPort::bind(address)?);
        Ok(self)
    }

    /// Answers on the port of [`health_on`](Self::health_on) by `layer`, with a status page or another
    /// observer for example. A layer without [`livez`](KafkaLayer::livez) gets the one of 60 s.
    pub fn health_layer(mut self, layer: KafkaLayer) -> Self {
        self.layer = Some(layer);
        self
    }

    /// The address of [`health_on`](Self::health_on): with port 0 it holds the port that the system
    /// chose.
    pub fn health_addr(&self) -> Option<SocketAddr> {
        self.health.as_ref().map(HealthPort::address)
    }

    /// The address, once it is [bound](Self::bind): with `RWS_CONFIG_PORT=0` it holds the port that
    /// the system chose.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.bound.as_ref().map(Bound::address)
    }

    /// A handle that makes [`serve`] or [`run`] stop as a signal would.
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
