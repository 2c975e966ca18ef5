use std::time::Duration;

/// Kafka keeps a topic's messages for 7 days, unless it is told otherwise: what waits must not be gone
/// before it is due.
pub(crate) const MAX_DELAY: Duration = Duration::from_secs(3 * 24 * 3600);

/// What was asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct RetryTopics {
    pub(crate) delays: Vec<Duration>,
    pub(crate) names: Option<String>,
    pub(crate) create: Option<bool>,
}

impl RetryTopics {
    /// Whether the worker makes those that are missing.
    pub(crate) fn are_created(&self) -> bool {
        self.create.unwrap_or(true)
    }
}
