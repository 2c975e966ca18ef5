use super::health::Health;
use super::signals::Signals;
use super::{Serve, ServeError, ServeReport, Stopper};
use rust_web_server::metrics::SERVER_READY;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

/// How often it is checked whether to stop: signals, stoppers and workers have nothing in common to
/// wait for.
const POLL: Duration = Duration::from_millis(50);

/// Runs workers and relays without an HTTP application until SIGTERM or SIGINT, and then stops
/// everything in order.
///
/// For a service that only consumes. The calling thread is blocked until the stop is over, which is
/// that of [`serve`](crate::serve) without its first two steps: workers, [stages](Serve::stage) and
/// relays, producers, within one [deadline](Serve::deadline).
///
/// It also stops when one of the workers or relays has ended, because it failed or because it was
/// stopped through its handle: a process whose worker is gone should be restarted. The report then has
/// its error.
///
/// [`Serve::health_on`] gives it a port for probes and metrics. The address of
/// [`bind`](Serve::bind) is not used. Before this call, signals end the process without a drain unless
/// [`handle_signals`](Serve::handle_signals) was called.
///
/// ```no_run
/// use rws_kafka::{ConsumerContext, KafkaConsumer, Serve};
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let service = Serve::new().handle_signals()?.health_on("0.0.0.0:8080")?;
///     let worker = KafkaConsumer::from_env()?
///         .subscribe(["orders.created"])?
///         .start(|msg: ConsumerContext| msg.commit());
///     rws_kafka::run(service.worker(worker))?.into_result()?; // an error of `main` if anything was left
///     Ok(())
/// }
/// ```
///
/// # Errors
///
/// [`ServeError::Signals`] when the system refuses the signal handler, [`ServeError::Start`] when it
/// refuses a thread. Everything is then stopped all the same.
pub fn run(options: Serve) -> Result<ServeReport, ServeError> {
    let Serve {
        bound,
        health,
        layer,
        signals,
        stopper,
        parts,
    } = options;
    // Nobody would answer what connects to it.
    drop(bound);
    let started = signals
        .map_or_else(|| Signals::install(stopper.clone()), Ok)
        .and_then(|signals| {
            let health = health.map(|port| port.start(layer)).transpose()?;
            Ok((signals, health))
        });
    let (signals, health) = match started {
        Ok(started) => started,
        Err(error) => {
            tracing::error!(%error, "the service did not start");
            // Logged by `stop`; the caller is told what made it necessary.
            let _ = parts.stop(None);
            return Err(error);
        }
    };
    signals.keep();
    SERVER_READY.store(true, Ordering::SeqCst);
    wait_for_stop(&stopper, || parts.ended());
    SERVER_READY.store(false, Ordering::SeqCst);
    let report = parts.stop(None);
    drop::<Option<Health>>(health);
    Ok(report)
}

fn wait_for_stop(stopper: &Stopper, ended: impl Fn() -> Option<&'static str>) {
    while !stopper.is_stopped() {
        if let Some(part) = ended() {
            tracing::error!(part, "has ended; stopping the rest");
            return;
        }
        thread::sleep(POLL);
    }
}
