//! The reports of a relay: while it runs, and when it has ended.

use crate::error::OutboxError;
use rws_kafka_observe::causes::with_causes;
use std::fmt;

/// The current state of a relay.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RelayStatus {
    /// `true` while the relay runs.
    pub running: bool,
    /// The number of events acknowledged by Kafka and deleted since the start.
    pub published: u64,
    /// The number of times that Kafka has refused an event since the start.
    pub refused: u64,
    /// The number of events parked since the start.
    pub parked: u64,
    /// The current trouble with the database or the broker, if there is any.
    pub trouble: Option<String>,
}

/// The result of a relay that has ended.
#[derive(Debug)]
#[non_exhaustive]
#[must_use = "the report says whether anything was left in flight"]
pub struct RelayReport {
    /// The number of events acknowledged by Kafka and deleted since the start.
    pub published: u64,
    /// The number of batches that were not fully acknowledged when the time of the stop was over. The next
    /// relay sends their events again.
    pub abandoned_batches: usize,
    /// The error that ended the relay, if it was not stopped.
    pub error: Option<OutboxError>,
}

impl RelayReport {
    /// Returns `true` if the relay was stopped and had nothing in flight.
    pub fn is_clean(&self) -> bool {
        self.abandoned_batches == 0 && self.error.is_none()
    }

    /// Returns the report if it is [clean](Self::is_clean), and otherwise an error that `main` can return.
    ///
    /// # Errors
    ///
    /// The error that ended the relay, or [`OutboxError::Abandoned`] if it was stopped with batches in
    /// flight.
    pub fn into_result(self) -> Result<Self, OutboxError> {
        match self.error {
            Some(error) => Err(error),
            None if self.abandoned_batches > 0 => Err(OutboxError::Abandoned {
                batches: self.abandoned_batches,
            }),
            None => Ok(self),
        }
    }
}

/// Writes one line for a log: `42 events published, batches abandoned: 1`.
impl fmt::Display for RelayReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} events published", self.published)?;
        if self.abandoned_batches > 0 {
            write!(f, ", batches abandoned: {}", self.abandoned_batches)?;
        }
        if let Some(error) = &self.error {
            write!(f, ", ended by: {}", with_causes(error))?;
        }
        Ok(())
    }
}
