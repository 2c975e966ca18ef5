use rws_kafka_consumer::StopReport;
use rws_kafka_observe::causes::with_causes;
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// The outcome of a stop: what was left unfinished, and how long it took.
///
/// `Display` writes it as one line for a log.
#[derive(Debug)]
#[non_exhaustive]
#[must_use = "the report says what was left undone"]
pub struct ServeReport {
    /// The number of requests whose handlers still ran at the deadline. Their clients got no answer.
    pub unanswered: usize,
    /// The report of each worker, in the order in which they were added.
    pub workers: Vec<StopReport>,
    /// The stages that failed or exceeded the deadline, in the order in which they were added.
    pub failed_stages: Vec<FailedStage>,
    /// The number of messages that a producer accepted and the broker did not acknowledge.
    pub undelivered: usize,
    /// The time from the start of the stop to this report.
    pub took: Duration,
}

impl ServeReport {
    /// Returns `true` if nothing was left unfinished.
    pub fn is_clean(&self) -> bool {
        self.unanswered == 0
            && self.undelivered == 0
            && self.failed_stages.is_empty()
            && self.workers.iter().all(StopReport::is_clean)
    }
}

impl ServeReport {
    /// Returns the report if nothing was left unfinished, and otherwise an error that `main` can return.
    ///
    /// ```no_run
    /// # fn stopped(report: rws_kafka::ServeReport) -> Result<(), Box<dyn std::error::Error>> {
    /// report.into_result()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`UncleanStop`], which contains this report, unless it [is clean](Self::is_clean).
    pub fn into_result(self) -> Result<Self, UncleanStop> {
        if self.is_clean() {
            Ok(self)
        } else {
            Err(UncleanStop(Box::new(self)))
        }
    }
}

/// The error of [`ServeReport::into_result`]: the stop left something unfinished.
///
/// `Display` and `Debug` write the report.
pub struct UncleanStop(Box<ServeReport>);

impl UncleanStop {
    /// Returns the report of the stop.
    pub fn report(&self) -> &ServeReport {
        &self.0
    }
}

impl fmt::Display for UncleanStop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Writes the same as `Display`, because `main` prints the `Debug` of its error.
impl fmt::Debug for UncleanStop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for UncleanStop {}

/// Writes one line for a log, such as `stopped in 120ms, nothing left undone`.
impl fmt::Display for ServeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stopped in {:?}", self.took)?;
        if self.is_clean() {
            return f.write_str(", nothing left undone");
        }
        f.write_str("; left undone:")?;
        let mut left = Vec::new();
        if self.unanswered > 0 {
            left.push(format!("unanswered requests: {}", self.unanswered));
        }
        for (index, worker) in self.workers.iter().enumerate() {
            if !worker.is_clean() {
                left.push(format!("worker {}: {}", index + 1, left_by(worker)));
            }
        }
        left.extend(self.failed_stages.iter().map(FailedStage::to_string));
        if self.undelivered > 0 {
            left.push(format!("undelivered events: {}", self.undelivered));
        }
        write!(f, " {}", left.join("; "))
    }
}

fn left_by(worker: &StopReport) -> String {
    let mut left = Vec::new();
    if worker.unfinished > 0 {
        left.push(format!("unfinished messages: {}", worker.unfinished));
    }
    if worker.uncommitted > 0 {
        left.push(format!("uncommitted partitions: {}", worker.uncommitted));
    }
    if !worker.left_group {
        left.push("the group was not left cleanly".to_owned());
    }
    if let Some(error) = &worker.error {
        left.push(format!("ended by: {}", with_causes(error)));
    }
    left.join(", ")
}

/// A stage that failed or exceeded the deadline.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailedStage {
    /// The stage's name, as given to [`Serve::stage`](crate::Serve::stage).
    pub name: String,
    /// The cause of the failure.
    pub cause: String,
}

impl fmt::Display for FailedStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.cause)
    }
}
