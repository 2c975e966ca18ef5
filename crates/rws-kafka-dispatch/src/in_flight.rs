use crate::batch::Batch;
use crate::topic_partition::TopicPartition;
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A message that a handler is processing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InFlight {
    /// The message's partition.
    pub partition: TopicPartition,
    /// The message's offset.
    pub offset: i64,
    /// For how long, at least: the time since it was first seen, by the poll thread, which checks every 50 ms
    /// (not while a rebalance drains), or by a status.
    pub since: Duration,
}

/// The message that each lane is processing, and since when.
///
/// For each message, a lane only stores which one it is; the threads that check the lanes read the time. So
/// an age is never too high, and at most the interval between two checks too low.
pub struct Slots<R> {
    slots: Vec<Slot<R>>,
}

/// The state of one lane.
pub struct Slot<R> {
    /// 0 for no message; otherwise the run in the upper half and the index in the batch in the lower half,
    /// which is unique for each message.
    place: AtomicU64,
    /// Counts the runs.
    runs: AtomicU32,
    batch: Mutex<Option<Arc<Batch<R>>>>,
    seen: Mutex<Option<(u64, Instant)>>,
}

impl<R> Slots<R> {
    /// Creates the state of `lanes` lanes.
    pub fn new(lanes: usize) -> Self {
        Self {
            slots: (0..lanes).map(|_| Slot::default()).collect(),
        }
    }

    /// Returns the state of the lane with this number, counted from 0.
    pub fn of_lane(&self, lane: usize) -> &Slot<R> {
        &self.slots[lane]
    }

    /// Notes the time for the messages that are being processed now.
    pub fn look(&self) {
        for slot in &self.slots {
            slot.look();
        }
    }

    /// Returns the message that has been processed for the longest time.
    pub fn oldest(&self) -> Option<InFlight> {
        let in_flight = self.slots.iter().filter_map(Slot::in_flight);
        in_flight.max_by_key(|in_flight| in_flight.since)
    }
}

impl<R> Default for Slot<R> {
    fn default() -> Self {
        Self {
            place: AtomicU64::new(0),
            runs: AtomicU32::new(0),
            batch: Mutex::new(None),
            seen: Mutex::new(None),
        }
    }
}

impl<R> Slot<R> {
    /// Begins a run of messages of `batch`.
    pub fn begin(&self, batch: &Arc<Batch<R>>) -> Run<'_, R> {
        let mut run = Run {
            slot: self,
            number: 0,
        };
        run.turn_to(batch);
        run
    }

    fn look(&self) -> Option<(u64, Instant)> {
        let place = self.place.load(Ordering::Acquire);
        let mut seen = self.seen.lock();
        if place == 0 {
            *seen = None;
        } else if seen.is_none_or(|(before, _)| before != place) {
            *seen = Some((place, Instant::now()));
        }
        *seen
    }

    fn in_flight(&self) -> Option<InFlight> {
        let (place, since) = self.look()?;
        let batch = self.batch.lock().clone()?;
        // Another batch may have started in between.
        let is_still = self.place.load(Ordering::Acquire) == place;
        is_still.then(|| InFlight {
            partition: batch.partition().name.clone(),
            offset: batch.offset(place as u32),
            since: since.elapsed(),
        })
    }
}

/// A run of messages in one lane.
pub struct Run<'a, R> {
    slot: &'a Slot<R>,
    number: u64,
}

impl<R> Run<'_, R> {
    /// Continues the run with messages of `batch`.
    pub fn turn_to(&mut self, batch: &Arc<Batch<R>>) {
        // No message in between, so that no place is taken for one in another batch.
        self.slot.place.store(0, Ordering::Release);
        *self.slot.batch.lock() = Some(Arc::clone(batch));
        let run = self.slot.runs.fetch_add(1, Ordering::Relaxed);
        // Never 0, which means that there is no message.
        self.number = u64::from(run | 1 << 31) << 32;
    }

    /// Notes that the message at `index` is handed to the handler.
    pub fn takes(&self, index: u32) {
        let place = self.number | u64::from(index);
        self.slot.place.store(place, Ordering::Release);
    }
}

impl<R> Drop for Run<'_, R> {
    fn drop(&mut self) {
        self.slot.place.store(0, Ordering::Release);
        *self.slot.batch.lock() = None;
    }
}

impl<R> fmt::Debug for Slots<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.slots).finish()
    }
}

impl<R> fmt::Debug for Slot<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Slot").field(&self.in_flight()).finish()
    }
}

impl<R> fmt::Debug for Run<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Run").field(self.slot).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::BatchBuilder;
    use crate::partition::Partition;

    fn batch(number: i32) -> Arc<Batch<()>> {
        let name = TopicPartition::new("topic", number);
        let partition = Partition::new(1, name, ());
        let mut builder = BatchBuilder::new(Arc::new(partition), 4, 0);
        (10..13).for_each(|offset| builder.push(offset, None, None, None));
        Arc::new(builder.build(Vec::new()))
    }

    #[test]
    fn the_oldest_message_in_flight_is_returned() {
        let slots = Slots::new(2);
        assert!(slots.oldest().is_none());
        let first = slots.of_lane(0).begin(&batch(0));
        assert!(slots.oldest().is_none(), "nothing was taken yet");
        first.takes(1);
        let some_time = Duration::from_millis(5);
        while slots.oldest().is_none_or(|oldest| oldest.since < some_time) {
            std::thread::yield_now();
        }
        let second = slots.of_lane(1).begin(&batch(1));
        second.takes(2);
        let oldest = slots.oldest().unwrap();
        assert_eq!((oldest.partition.partition(), oldest.offset), (0, 11));
        assert!(oldest.since >= some_time);
        // The first lane continues, so the other one is the oldest now.
        first.takes(2);
        assert_eq!(slots.oldest().unwrap().partition.partition(), 1);
        drop(second);
        assert_eq!(slots.oldest().unwrap().offset, 12);
        drop(first);
        assert!(slots.oldest().is_none());
    }

    #[test]
    fn the_same_place_in_another_run_is_another_message() {
        let slots = Slots::new(1);
        let run = slots.of_lane(0).begin(&batch(0));
        run.takes(0);
        let (first, _) = slots.of_lane(0).look().unwrap();
        drop(run);
        let run = slots.of_lane(0).begin(&batch(0));
        run.takes(0);
        let (second, _) = slots.of_lane(0).look().unwrap();
        assert_ne!(first, second);
    }
}
