//! Messages for the tests, which no handler handles.

use super::Progress;
use crate::partition::Partition;
use crate::strand::Task;
use crate::topic_partition::TopicPartition;
use std::sync::Arc;
use std::time::Duration;

pub(super) const SOON: Duration = Duration::from_secs(20);

#[derive(Debug, Default)]
pub(super) struct Attempts {
    pub(super) failures: u32,
    /// Set if it waits for an outcome.
    pub(super) is_posted: bool,
    /// The failed messages, or the batch.
    pub(super) runs: Option<Vec<Task<()>>>,
}

impl Progress for Attempts {
    type Recorders = ();

    fn gathered(runs: Vec<Task<()>>) -> Self {
        Self {
            runs: Some(runs),
            ..Self::default()
        }
    }

    fn is_begun(&self) -> bool {
        self.runs.is_some()
    }

    fn messages(&self) -> usize {
        let runs = self.runs.iter().flatten();
        runs.map(|task| task.indices().len()).sum::<usize>().max(1)
    }

    fn posted(&self) -> usize {
        self.messages()
    }
}

pub(super) fn partition(id: u64) -> Arc<Partition<()>> {
    let name = TopicPartition::new("topic", id as i32);
    Arc::new(Partition::new(id, name, ()))
}
