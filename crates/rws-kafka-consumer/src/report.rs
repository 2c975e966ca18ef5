use crate::error::ConsumerError;
use rws_kafka_observe::causes::with_causes;
use std::fmt;
use std::io::Write;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How a worker ended: what [`join`](crate::ConsumerHandle::join) and
/// [`stop`](crate::ConsumerHandle::stop) return.
///
/// [`into_result`](Self::into_result) makes it the result of `main`. `Display` writes it on one line,
/// and the fields of [`StopDetails`] are read as if they were its own: `report.unfinished`.
///
/// A report that is not [clean](Self::is_clean) must not go unnoticed. If it is dropped before
/// anything was read of it, or of a clone, that is logged as an error, and written to stderr in a
/// process that has no [`tracing`] subscriber.
///
/// ```no_run
/// use rws_kafka_consumer::{ConsumerContext, KafkaConsumer};
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let worker = KafkaConsumer::from_env()?
///         .subscribe(["orders.created"])?
///         .start(|msg: ConsumerContext| msg.commit());
///     worker.join().into_result()?;
///     Ok(())
/// }
/// ```
#[derive(Clone, Default)]
pub struct StopReport {
    details: StopDetails,
    /// Of a report that was given to a user.
    unread: Option<Unread>,
}

/// What a [`StopReport`] says.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct StopDetails {
    /// Messages that were fetched and not in flight: not handed to the handler yet, or waiting for
    /// another try. They come again.
    pub unstarted: usize,
    /// Messages that were still in flight at the deadline: with a handler, or as a dead letter on its
    /// way. They come again, too.
    pub unfinished: usize,
    /// Partitions with finished messages whose offset the broker had not confirmed at the deadline.
    pub uncommitted: usize,
    /// Whether the consumer was closed in time, which tells the group that it leaves. If not, or if
    /// no broker received it, its partitions go to others only after the session timeout. Also `false`
    /// where the group, or librdkafka, had ended its membership before, as [`error`](Self::error) says.
    pub left_group: bool,
    /// What ended the worker, if nobody asked for it.
    pub error: Option<ConsumerError>,
}

/// Whether anyone has read a report, or a clone of it.
#[derive(Clone)]
struct Unread {
    group: String,
    is_read: Arc<AtomicBool>,
}

impl StopReport {
    /// Returns `true` if nothing was left in flight, every commit that was asked for is confirmed, the
    /// group was left in order, and no error ended the worker.
    pub fn is_clean(&self) -> bool {
        self.deref().is_clean()
    }

    /// Returns the report if it is [clean](Self::is_clean), and otherwise an error for `main` to return.
    ///
    /// # Errors
    ///
    /// The error that ended the worker; [`ConsumerError::LeftUndone`] when it was stopped and left work
    /// undone.
    pub fn into_result(self) -> Result<Self, ConsumerError> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        if self.is_clean() {
            return Ok(self);
        }
        Err(ConsumerError::LeftUndone {
            left: self.details.left(),
        })
    }

    /// As it is given to a user, who is expected to read it; `is_read` is shared by all reports of a
    /// worker.
    pub(crate) fn handed_out(mut self, group: &str, is_read: &Arc<AtomicBool>) -> Self {
        self.unread = Some(Unread {
            group: group.to_owned(),
            is_read: Arc::clone(is_read),
        });
        self
    }

    pub(crate) fn log(&self, group: &str) {
        let details = &self.details;
        if details.is_clean() {
            tracing::info!(
                target: "rws_kafka",
                group,
                unstarted = details.unstarted,
                "consumer stopped"
            );
        } else {
            tracing::error!(
                target: "rws_kafka",
                group,
                unstarted = details.unstarted,
                unfinished = details.unfinished,
                uncommitted = details.uncommitted,
                left_group = details.left_group,
                error = details.error.as_ref().map(|error| with_causes(error)),
                "consumer stopped with work undone"
            );
        }
    }
}

impl StopDetails {
    fn is_clean(&self) -> bool {
        self.unfinished == 0 && self.uncommitted == 0 && self.left_group && self.error.is_none()
    }

    /// What was left undone, in words; empty where nothing was.
    fn left(&self) -> String {
        let mut left = Vec::new();
        if self.unfinished > 0 {
            left.push(format!("unfinished messages: {}", self.unfinished));
        }
        if self.uncommitted > 0 {
            left.push(format!("uncommitted partitions: {}", self.uncommitted));
        }
        if !self.left_group {
            left.push("the group not left in order".to_owned());
        }
        left.join(", ")
    }
}

impl From<StopDetails> for StopReport {
    fn from(details: StopDetails) -> Self {
        Self {
            details,
            unread: None,
        }
    }
}

impl Deref for StopReport {
    type Target = StopDetails;

    fn deref(&self) -> &StopDetails {
        if let Some(unread) = &self.unread {
            unread.is_read.store(true, Ordering::Relaxed);
        }
        &self.details
    }
}

impl DerefMut for StopReport {
    fn deref_mut(&mut self) -> &mut StopDetails {
        &mut self.details
    }
}

impl Drop for StopReport {
    fn drop(&mut self) {
        let Some(unread) = self.unread.take() else {
            return;
        };
        // Told once, however many were dropped.
        if self.details.is_clean() || unread.is_read.swap(true, Ordering::Relaxed) {
            return;
        }
        let report = self.to_string();
        tracing::error!(
            target: "rws_kafka",
            group = unread.group,
            "a worker's report was dropped unread: {report}; call into_result on what join and stop return"
        );
        if !tracing::dispatcher::has_been_set() {
            // Nobody would hear of it. What stderr does not take is lost.
            let group = &unread.group;
            let _ = writeln!(
                std::io::stderr(),
                "rws-kafka: the worker of group {group} did not end cleanly, and nobody read its report: \
                 {report}"
            );
        }
    }
}

/// One line for a log: `stopped, nothing left undone`.
impl fmt::Display for StopReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let details = self.deref();
        match &details.error {
            Some(error) => write!(f, "ended by: {}", with_causes(error))?,
            None => f.write_str("stopped")?,
        }
        match details.left().as_str() {
            "" => f.write_str(", nothing left undone"),
            left => write!(f, "; left undone: {left}"),
        }
    }
}

impl fmt::Debug for StopReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let details = self.deref();
        f.debug_struct("StopReport")
            .field("unstarted", &details.unstarted)
            .field("unfinished", &details.unfinished)
            .field("uncommitted", &details.uncommitted)
            .field("left_group", &details.left_group)
            .field("error", &details.error)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean() -> StopDetails {
        StopDetails {
            left_group: true,
            ..StopDetails::default()
        }
    }

    #[test]
    fn a_report_is_one_line_and_a_result() {
        let error = Some(ConsumerError::NoTopics);
        let failed = StopDetails { error, ..clean() };
        let undone = StopDetails {
            unfinished: 3,
            uncommitted: 1,
            ..StopDetails::default()
        };
        for (details, line, result) in [
            (clean(), "stopped, nothing left undone", None),
            (
                failed,
                "ended by: the list of topics to subscribe to is empty, nothing left undone",
                Some("the list of topics to subscribe to is empty"),
            ),
            (
                undone,
                "stopped; left undone: unfinished messages: 3, uncommitted partitions: 1, the group not \
                 left in order",
                Some(
                    "the worker stopped and left work undone, which is done again: unfinished messages: \
                     3, uncommitted partitions: 1, the group not left in order",
                ),
            ),
        ] {
            let report = StopReport::from(details);
            assert_eq!(report.to_string(), line);
            let found = report.into_result().err().map(|error| error.to_string());
            assert_eq!(found.as_deref(), result);
        }
    }

    #[test]
    fn every_way_to_read_it_counts_for_its_clones() {
        let failed = || {
            let is_read = Arc::new(AtomicBool::new(false));
            let report = StopReport::default().handed_out("group", &is_read);
            (report, is_read)
        };
        let ways: [fn(&StopReport); 6] = [
            |report| assert!(!report.is_clean()),
            |report| assert!(report.error.is_none()),
            |report| assert!(!report.left_group),
            |report| assert!(!report.to_string().is_empty()),
            |report| assert!(!format!("{report:?}").is_empty()),
            |report| assert!(report.clone().into_result().is_err()),
        ];
        for read in ways {
            let (report, is_read) = failed();
            read(&report.clone());
            assert!(is_read.load(Ordering::Relaxed));
        }
        let (report, is_read) = failed();
        let _clone = report.clone();
        assert!(!is_read.load(Ordering::Relaxed));
    }
}
