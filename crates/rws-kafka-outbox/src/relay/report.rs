//! What a relay reports: while it runs, and at its end.

use crate::error::OutboxError;
use rws_kafka_observe::causes::with_causes;
use std::fmt;

/// What a relay does at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RelayStatus {
    /// Whether it runs.
    pub running: bool,
    /// Events acknowledged by Kafka and deleted since the start.
    pub published: u64,
    /// Refusals of events by Kafka since the start.
    pub refused: u64,
    /// Events parked since the start.
    pub parked: u64,
    /// The present trouble with the database or the broker.
    pub trouble: Option<String>,
}

/// How a relay ended.
#[derive(Debug)]
#[non_exhaustive]
#[must_use = "it tells whether anything was left under way"]
pub struct RelayReport {
    /// Events acknowledged by Kafka and deleted since the start.
    pub published: u64,
    /// Batches without all acknowledgements when the stop's time was over; the next relay sends
    /// their events again.
    pub abandoned_batches: usize,
    /// Why it ended without being stopped.
    pub error: Option<OutboxError>,
}

impl RelayReport {
    /// True when it was stopped, and nothing was under way.
    pub fn is_clean(&self) -> bool {
        self.abandoned_batches == 0 && self.error.is_none()
    }

    /// Returns the report if it is [clean](Self::is_clean), and otherwise an error for `main` to
    /// return.
    ///
    /// # Errors
    ///
    /// The error that ended the relay; [`OutboxError::Abandoned`] when it was stopped with batches
    /// under way.
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

/// One line for a log: `42 events published, batches abandoned: 1`.
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
