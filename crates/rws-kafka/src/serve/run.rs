use super::health::Health;
use super::signals::Signals;
use super::{Serve, ServeError, ServeReport, Stopper};
use rust_web_server::metrics::SERVER_READY;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

/// How often the stop conditions are checked: signals, stoppers and workers have no common event to
/// wait for.
const POLL: Duration = Duration::from_millis(50);

/// Runs workers and relays without an HTTP application until SIGTERM or SIGINT, then stops everything
/// in order.
///
/// Use it for a service that only consumes. It blocks the calling thread until the stop is complete.
/// The stop is that of [`serve`](crate::serve) without the first two steps: workers, then
/// [stages](Serve::stage) and relays, then producers, within one [deadline](Serve::deadline).
///
/// It also stops when a worker or relay has ended, because it failed or because it was stopped through
/// its handle: a process that has lost a worker should be restarted. The report then contains the error.
///
/// [`Serve::health_on`] adds a port for probes and metrics. The address of [`bind`](Serve::bind) is not
/// used. Until this function is called, signals end the process without a drain, unless
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
///     rws_kafka::run(service.worker(worker))?.into_result()?; // `main` fails if anything is unfinished
///     Ok(())
/// }
/// ```
///
/// # Errors
///
/// [`ServeError::Signals`] if the system refuses the signal handler, and [`ServeError::Start`] if it
/// refuses a thread. In both cases everything is stopped first.
pub fn run(options: Serve) -> Result<ServeReport, ServeError> {
    let Serve {
        bound,
        health,
        layer,
        signals,
        stopper,
        parts,
    } = options;
    // Nothing would answer the connections to this address.
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
            // `stop` logs its report; the caller gets the cause.
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
            tracing::error!(part, "a part of the service has ended; stopping the others");
            return;
        }
        thread::sleep(POLL);
    }
}
