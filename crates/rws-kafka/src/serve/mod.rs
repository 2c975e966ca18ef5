//! Starts the server and stops everything in order.

mod bounded;
mod error;
mod http;
mod late;
mod report;
mod served;
mod stage;
mod stop;

pub use error::ServeError;
pub use report::{FailedStage, ServeReport};
pub use stop::Stopper;

use http::{Bound, Http};
use rust_web_server::application::Application;
#[cfg(feature = "outbox")]
use rws_kafka_consumer::HandlerError;
use rws_kafka_consumer::{ConsumerHandle, HandlerResult};
use rws_kafka_producer::KafkaProducer;
use stage::Stage;
use std::fmt;
use std::net::SocketAddr;
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
/// The server installs its own signal handler (of the crate `ctrlc`), once per process. A service
/// that has one of its own stops through a [`Stopper`]; so does a second `serve` in one process.
/// Only one can run at a time, for the server's readiness is a static.
///
/// ```no_run
/// use rust_web_server::app::App;
/// use rws_kafka::{ConsumerContext, KafkaConsumer, KafkaLayer, KafkaProducer, Serve};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let producer = KafkaProducer::from_env()?;
/// let worker = KafkaConsumer::from_env()?
///     .subscribe(["orders.created"])?
///     .start(|msg: ConsumerContext| msg.commit());
/// let app = App::with_state(producer.clone()).wrap(KafkaLayer::new());
///
/// let report = rws_kafka::serve(app, Serve::new().producer(producer).worker(worker))?;
/// if !report.is_clean() {
///     std::process::exit(1);
/// }
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
        stopper,
        parts,
    } = options;
    let http = bound
        .map_or_else(Bound::bind, Ok)
        .and_then(|bound| Http::start(app, bound));
    match http {
        Ok(http) => {
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

/// What runs beside the server, and how long its stop may take. See [`serve`].
#[must_use = "options do nothing until they are given to `serve`"]
pub struct Serve {
    bound: Option<Bound>,
    stopper: Stopper,
    parts: stop::Parts,
}

impl Serve {
    /// A server alone, with 25 seconds to stop.
    pub fn new() -> Self {
        Self {
            bound: None,
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
    pub fn relay(self, relay: rws_kafka_outbox::RelayHandle) -> Self {
        self.stage("outbox relay", move |within| {
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

    /// Reads the server's configuration and binds its address now rather than in [`serve`].
    ///
    /// Connections wait to be accepted from here on. Call it before anything else starts: an
    /// address in use then ends the service before it has joined a consumer group, and the server
    /// sets environment variables, which is best done while there is one thread.
    ///
    /// # Errors
    ///
    /// [`ServeError::Bind`] when the address cannot be bound, [`ServeError::ThreadCount`] for a
    /// server without threads.
    pub fn bind(mut self) -> Result<Self, ServeError> {
        if self.bound.is_none() {
            self.bound = Some(Bound::bind()?);
        }
        Ok(self)
    }

    /// The address, once it is [bound](Self::bind): with `RWS_CONFIG_PORT=0` it holds the port that
    /// the system chose.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.bound.as_ref().map(Bound::address)
    }

    /// A handle that makes [`serve`] stop as a signal would.
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
            .field("parts", &self.parts)
            .finish_non_exhaustive()
    }
}
