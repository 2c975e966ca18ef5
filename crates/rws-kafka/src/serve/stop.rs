use super::bounded::Bounded;
use super::http::Http;
use super::report::ServeReport;
use super::stage::Stage;
use rws_kafka_consumer::{ConsumerHandle, StopReport};
use rws_kafka_producer::KafkaProducer;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Held back from the time that a step may take: workers and producers need up to two seconds more than
/// they are given to disconnect from a broker that does not answer.
const MARGIN: Duration = Duration::from_secs(2);

/// Stops [`serve`](crate::serve) or [`run`](crate::run) as SIGTERM would. All clones stop the same one.
///
/// Use it to stop a service from a test, from an HTTP handler, or from your own signal handler.
///
/// ```
/// use rws_kafka::Serve;
///
/// let options = Serve::new();
/// let stopper = options.stopper();
/// // … `rws_kafka::serve(app, options)` on another thread …
/// stopper.stop();
/// ```
#[derive(Clone, Debug, Default)]
pub struct Stopper {
    stopped: Arc<AtomicBool>,
}

impl Stopper {
    /// Starts the stop and returns at once. Further calls change nothing.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }
}

/// The parts that are stopped besides the server.
pub(super) struct Parts {
    watched: Vec<Watched>,
    pub(super) workers: Vec<ConsumerHandle>,
    pub(super) stages: Vec<Stage>,
    pub(super) producers: Vec<KafkaProducer>,
    pub(super) deadline: Duration,
}

impl Parts {
    pub(super) fn new(deadline: Duration) -> Self {
        Self {
            watched: Vec::new(),
            workers: Vec::new(),
            stages: Vec::new(),
            producers: Vec::new(),
            deadline,
        }
    }

    /// Makes [`ended`](Self::ended) check whether this part has ended.
    pub(super) fn watch(
        &mut self,
        name: &'static str,
        has_ended: impl Fn() -> bool + Send + 'static,
    ) {
        self.watched.push(Watched {
            name,
            has_ended: Box::new(has_ended),
        });
    }

    /// Returns the name of a part that has ended by itself.
    pub(super) fn ended(&self) -> Option<&'static str> {
        let ended = self.watched.iter().find(|part| (part.has_ended)());
        ended.map(|part| part.name)
    }

    /// Stops the server and then the parts, in the order that [`serve`](crate::serve) documents.
    pub(super) fn stop(self, http: Option<&Http>) -> ServeReport {
        let started = Instant::now();
        let end = started + self.deadline;
        tracing::info!(deadline = ?self.deadline, "stopping");

        if let Some(http) = http {
            http.close_door();
            if !http.drain(halfway_to(end)) {
                let requests = http.unanswered();
                tracing::warn!(requests, "the server is still busy; stopping the workers");
            }
        }
        let workers = stop_workers(self.workers, halfway_to(end));
        let mut failed_stages = Vec::new();
        for stage in self.stages {
            failed_stages.extend(stage.run(halfway_to(end)).err());
        }
        if let Some(http) = http.filter(|http| http.unanswered() > 0) {
            // Flush now, so that published messages do not wait for a request that hangs.
            let until = halfway_to(end);
            for producer in &self.producers {
                // The close flushes and counts the rest.
                let _ = producer.flush(left(until));
            }
            http.drain(less_margin(end));
        }
        let undelivered = close_producers(self.producers, end);

        let report = ServeReport {
            unanswered: http.map_or(0, Http::unanswered),
            workers,
            failed_stages,
            undelivered,
            took: started.elapsed(),
        };
        if report.is_clean() {
            tracing::info!("{report}");
        } else {
            tracing::warn!("{report}");
        }
        report
    }
}

/// A part that should run until it is stopped.
struct Watched {
    name: &'static str,
    has_ended: Box<dyn Fn() -> bool + Send>,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stages: Vec<_> = self.stages.iter().map(Stage::name).collect();
        f.debug_struct("Parts")
            .field("workers", &self.workers)
            .field("stages", &stages)
            .field("producers", &self.producers)
            .field("deadline", &self.deadline)
            .finish()
    }
}

/// Stops all workers at the same time.
fn stop_workers(workers: Vec<ConsumerHandle>, until: Instant) -> Vec<StopReport> {
    let stopping: Vec<_> = workers
        .into_iter()
        .map(|worker| {
            let handle = worker.clone();
            let stop = move || handle.stop_within(left(less_margin(until)));
            (worker, Bounded::start(stop))
        })
        .collect();
    stopping
        .into_iter()
        .map(|(worker, stopped)| {
            stopped.wait(until).unwrap_or_else(|_| {
                let mut report = StopReport::default();
                report.unfinished = worker.status().in_flight;
                report
            })
        })
        .collect()
}

/// Closes all producers at the same time and returns how many messages remain undelivered.
fn close_producers(producers: Vec<KafkaProducer>, until: Instant) -> usize {
    let closing: Vec<_> = producers
        .into_iter()
        .map(|producer| {
            let handle = producer.clone();
            let close = move || handle.close(left(less_margin(until)));
            (producer, Bounded::start(close))
        })
        .collect();
    closing
        .into_iter()
        .map(|(producer, closed)| {
            closed
                .wait(until)
                .unwrap_or_else(|_| producer.flush(Duration::ZERO))
                .undelivered
        })
        .sum()
}

fn left(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now())
}

/// Returns the end of a step that other steps follow.
fn halfway_to(end: Instant) -> Instant {
    end - left(end) / 2
}

/// Returns a time shortly before `end`: by [`MARGIN`], or by half of the time left if that is less.
fn less_margin(end: Instant) -> Instant {
    end - MARGIN.min(left(end) / 2)
}
