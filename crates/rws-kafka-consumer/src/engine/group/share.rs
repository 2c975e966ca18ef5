use crate::engine::shared::Engine;
use crate::partition::Partition;

/// How much of the worker's memory a partition may have, next to one of a retry topic, which holds
/// what it has for its delay.
const WEIGHT: usize = 8;
const RETRY_WEIGHT: usize = 1;

impl Engine {
    /// Messages and bytes that `partition` may hold, so that all together stay within the bounds and
    /// one that is stuck leaves room for the others.
    pub(in crate::engine) fn share(&self, partition: &Partition) -> (usize, usize) {
        let settings = &self.settings;
        let weights = {
            let partitions = &self.assignment.lock().partitions;
            match &settings.ladder {
                None => partitions.len() * WEIGHT,
                Some(_) => partitions.values().map(|partition| weight(partition)).sum(),
            }
        };
        let of = |bound: usize| (bound.saturating_mul(weight(partition)) / weights.max(1)).max(1);
        (of(settings.max_in_flight), of(settings.max_in_flight_bytes))
    }
}

fn weight(partition: &Partition) -> usize {
    match partition.is_retry() {
        true => RETRY_WEIGHT,
        false => WEIGHT,
    }
}
