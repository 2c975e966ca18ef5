use crate::engine::shared::Engine;
use crate::partition::Partition;

/// The weights of partitions when they share the worker's memory. A partition of a retry topic gets less,
/// because it holds its messages for the delay.
const WEIGHT: usize = 8;
const RETRY_WEIGHT: usize = 1;

impl Engine {
    /// How many messages and bytes `partition` may hold, so that all partitions together stay within the
    /// limits and a stuck one leaves room for the others.
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

    /// How many messages and bytes `partition` may take in, within its [share](Self::share). If it is full,
    /// a batch that is being gathered is handed out, because no more messages come before.
    pub(in crate::engine) fn room(
        &self,
        partition: &Partition,
        (messages, bytes): (usize, usize),
    ) -> Option<(usize, usize)> {
        let was_full = partition.is_full();
        let room = partition.room(messages, bytes);
        if room.is_none() && !was_full {
            self.scheduler.hand_out(partition);
        }
        room
    }
}

fn weight(partition: &Partition) -> usize {
    match partition.is_retry() {
        true => RETRY_WEIGHT,
        false => WEIGHT,
    }
}
