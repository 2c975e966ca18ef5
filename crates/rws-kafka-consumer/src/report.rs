use crate::error::ConsumerError;
use rws_kafka_observe::causes::with_causes;
use std::fmt;
use std::io::Write;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The result of a worker, which [`join`](crate::ConsumerHandle::join) and
/// [`stop`](crate::ConsumerHandle::stop) return.
///
/// It dereferences to [`StopDetails`], so its fields can be read directly: `report.unfinished`.
/// [`into_result`](Self::into_result) turns it into the result of `main`. `Display` writes it on one line.
///
/// A report that is not [clean](Self::is_clean) must be read. If it is dropped before it, or a clone of it,
/// was read, it is logged as an error. In a process without a [`tracing`] subscriber it is also written to
/// stderr.
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
    /// `Some` for a report that was returned to a user.
    unread: Option<Unread>,
}

/// The fields of a [`StopReport`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct StopDetails {
    /// The number of messages that were fetched but not in flight: not handed to the handler yet, or waiting
    /// for a retry. They are delivered again.
    pub unstarted: usize,
    /// The number of messages that were still in flight at the deadline: with a handler, or as a dead letter
    /// without an acknowledgement. They are delivered again.
    pub unfinished: usize,
    /// The number of partitions with finished messages whose offset the broker had not confirmed at the
    /// deadline.
    pub uncommitted: usize,
    /// `true` if the consumer was closed in time, and so informed the group that it leaves.
    ///
    /// If it is `false`, or if no broker received the message, other members get the partitions only after
    /// the session timeout. It is also `false` if the group or librdkafka had ended the membership before, as
    /// [`error`](Self::error) shows.
    pub left_group: bool,
    /// The error that ended the worker, or `None` if it was asked to stop.
    pub error: Option<ConsumerError>,
}

/// Whether a report, or a clone of it, was read.
#[derive(Clone)]
struct Unread {
    group: String,
    is_read: Arc<AtomicBool>,
}

impl StopReport {
    /// Returns `true` if nothing was left in flight, every requested commit is confirmed, the worker left the
    /// group, and no error ended it.
    pub fn is_clean(&self) -> bool {
        self.deref().is_clean()
    }

    /// Returns the report if it is [clean](Self::is_clean), otherwise an error for `main` to return.
    ///
    /// # Errors
    ///
    /// The error that ended the worker, or [`ConsumerError::LeftUndone`] if it was stopped and left work
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

    /// The report as it is returned to a user, who is expected to read it. All reports of a worker share
    /// `is_read`.
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

    /// A text that lists the work left undone; empty if there is none.
    fn left(&self) -> String {
        let mut left = Vec::new();
        if self.unfinished > 0 {
            left.push(format!("unfinished messages: {}", self.unfinished));
        }
        if self.uncommitted > 0 {
            left.push(format!("uncommitted partitions: {}", self.uncommitted));
        }
        if !self.left_group {
            left.push("the group was not left cleanly".to_owned());
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
        // It is logged once, however many clones are dropped.
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
            // No subscriber would show it. An error of stderr cannot be reported either.
            let group = &unread.group;
            let _ = writeln!(
                std::io::stderr(),
                "rws-kafka: the worker of group {group} did not end cleanly, and nobody read its report: \
                 {report}"
            );
        }
    }
}

/// Writes the report on one line for a log: `stopped, nothing left undone`.
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
                "stopped; left undone: unfinished messages: 3, uncommitted partitions: 1, the \
                 group was not left cleanly",
                Some(
                    "the worker stopped with work undone, which is done again later: unfinished \
                     messages: 3, uncommitted partitions: 1, the group was not left cleanly",
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
