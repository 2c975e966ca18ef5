use super::bounded::Bounded;
use super::report::FailedStage;
use rws_kafka_consumer::HandlerResult;
use rws_kafka_observe::panics;
use std::time::{Duration, Instant};

/// A step of the service's own stop, which runs between the workers and the flush.
pub(super) struct Stage {
    name: String,
    stop: Box<dyn FnOnce(Duration) -> HandlerResult + Send>,
}

impl Stage {
    pub(super) fn new(
        name: impl Into<String>,
        stop: impl FnOnce(Duration) -> HandlerResult + Send + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            stop: Box::new(stop),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Runs the stage and abandons it at `until`.
    pub(super) fn run(self, until: Instant) -> Result<(), FailedStage> {
        let Self { name, stop } = self;
        let within = until.saturating_duration_since(Instant::now());
        let stop = move || {
            panics::catch(|| stop(within))
                .map_err(|panic| format!("panicked: {panic}"))
                .and_then(|stopped| stopped.map_err(|error| error.to_string()))
        };
        let cause = match Bounded::start(stop).wait(until) {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(cause)) => cause,
            Err(no_result) => no_result.to_string(),
        };
        Err(FailedStage { name, cause })
    }
}
