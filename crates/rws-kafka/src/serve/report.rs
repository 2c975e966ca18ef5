use rws_kafka_consumer::StopReport;
use rws_kafka_observe::causes::with_causes;
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// What a stop left undone.
#[derive(Debug)]
#[non_exhaustive]
#[must_use = "it says what was left undone"]
pub struct ServeReport {
    /// Requests whose handlers still ran at the deadline. Their clients got no answer.
    pub unanswered: usize,
    /// What each worker left, in the order in which they were added.
    pub workers: Vec<StopReport>,
    /// The stages that failed or did not end in time, in the order in which they were added.
    pub failed_stages: Vec<FailedStage>,
    /// Events that were accepted by a producer and not acknowledged by the broker.
    pub undelivered: usize,
    /// From the beginning of the stop to this report.
    pub took: Duration,
}

impl ServeReport {
    /// True when nothing was left undone.
    pub fn is_clean(&self) -> bool {
        self.unanswered == 0
            && self.undelivered == 0
            && self.failed_stages.is_empty()
            && self.workers.iter().all(StopReport::is_clean)
    }
}

impl ServeReport {
    /// Returns the report if nothing was left undone, and otherwise an error for `main` to return.
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
    /// [`UncleanStop`], with this report in it, unless it [is clean](Self::is_clean).
    pub fn into_result(self) -> Result<Self, UncleanStop> {
        if self.is_clean() {
            Ok(self)
        } else {
            Err(UncleanStop(Box::new(self)))
        }
    }
}

/// A stop that left something undone. `Display` and `Debug` say what.
pub struct UncleanStop(Box<ServeReport>);

impl UncleanStop {
    /// What was left.
    pub fn report(&self) -> &ServeReport {
        &self.0
    }
}

impl fmt::Display for UncleanStop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What `main` prints of an error that it returns.
impl fmt::Debug for UncleanStop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for UncleanStop {}

/// One line for a log: `stopped in 120ms, nothing left undone`.
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
        left.push("the group not left in order".to_owned());
    }
    if let Some(error) = &worker.error {
        left.push(format!("ended by: {}", with_causes(error)));
    }
    left.join(", ")
}

/// A stage that failed, or did not end in time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailedStage {
    /// Its name, as given to [`Serve::stage`](crate::Serve::stage).
    pub name: String,
    /// What went wrong.
    pub cause: String,
}

impl fmt::Display for FailedStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.cause)
    }
}
