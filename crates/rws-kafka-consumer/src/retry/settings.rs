use std::time::Duration;

/// Kafka keeps messages for 7 days by default: a waiting message must not be deleted before it is due.
pub(crate) const MAX_DELAY: Duration = Duration::from_secs(3 * 24 * 3600);

/// The settings of retry topics.
#[derive(Clone, Debug, Default)]
pub(crate) struct RetryTopics {
    pub(crate) delays: Vec<Duration>,
    pub(crate) names: Option<String>,
    pub(crate) create: Option<bool>,
}

impl RetryTopics {
    /// Returns `true` if the worker creates missing retry topics.
    pub(crate) fn are_created(&self) -> bool {
        self.create.unwrap_or(true)
    }
}
