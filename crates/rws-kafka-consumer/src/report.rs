use crate::error::ConsumerError;
use rws_kafka_observe::causes::with_causes;

/// How a worker ended.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct StopReport {
    /// Messages that were fetched and not in hand: not handed to the handler yet, or waiting for
    /// another try. They come again.
    pub unstarted: usize,
    /// Messages that were still in hand at the deadline: a handler's, or as a dead letter on its
    /// way. They come again, too.
    pub unfinished: usize,
    /// Partitions with finished messages whose offset the broker had not confirmed at the deadline.
    pub uncommitted: usize,
    /// Whether the consumer was closed in time, which tells the group that it goes. If not, or if
    /// no broker heard it, its partitions go to others only after the session timeout.
    pub left_group: bool,
    /// What ended the worker, if nobody asked for it.
    pub error: Option<ConsumerError>,
}

impl StopReport {
    /// True when nothing was left in hand, every commit that was asked for is
    /// confirmed, and the group was left in order.
    pub fn is_clean(&self) -> bool {
        self.unfinished == 0 && self.uncommitted == 0 && self.left_group && self.error.is_none()
    }

    pub(crate) fn log(&self, group: &str) {
        if self.is_clean() {
            tracing::info!(target: "rws_kafka", group, unstarted = self.unstarted, "consumer stopped");
        } else {
            tracing::error!(
                target: "rws_kafka",
                group,
                unstarted = self.unstarted,
                unfinished = self.unfinished,
                uncommitted = self.uncommitted,
                left_group = self.left_group,
                error = self.error.as_ref().map(|error| with_causes(error)),
                "consumer stopped with work undone"
            );
        }
    }
}
