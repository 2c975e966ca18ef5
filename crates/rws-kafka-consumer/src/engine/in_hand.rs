use super::batch::Batch;
use crate::lock::lock;
use crate::status::InHand;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// The message that each lane has in hand, and since when.
///
/// A lane says for each message only which one it is; whoever looks takes the time. So an age is
/// never told too high, and too low by the pause between two looks at the most.
pub(crate) struct Hands {
    hands: Vec<Hand>,
}

/// One lane's.
#[derive(Default)]
pub(crate) struct Hand {
    /// 0 for nothing, else another value for each message: the run in the upper half, the index in
    /// the batch in the lower.
    place: AtomicU64,
    /// Counts the runs.
    runs: AtomicU32,
    batch: Mutex<Option<Arc<Batch>>>,
    seen: Mutex<Option<(u64, Instant)>>,
}

impl Hands {
    pub(crate) fn new(lanes: usize) -> Self {
        Self {
            hands: (0..lanes).map(|_| Hand::default()).collect(),
        }
    }

    pub(crate) fn of_lane(&self, lane: usize) -> &Hand {
        &self.hands[lane]
    }

    /// Takes the time of what is in hand now.
    pub(crate) fn look(&self) {
        for hand in &self.hands {
            hand.look();
        }
    }

    /// The message that is in hand for longest.
    pub(crate) fn oldest(&self) -> Option<InHand> {
        let in_hand = self.hands.iter().filter_map(Hand::in_hand);
        in_hand.max_by_key(|in_hand| in_hand.since)
    }
}

impl Hand {
    /// A run of messages of `batch` begins.
    pub(crate) fn begin(&self, batch: &Arc<Batch>) -> Run<'_> {
        let mut run = Run {
            hand: self,
            number: 0,
        };
        run.turn_to(batch);
        run
    }

    fn look(&self) -> Option<(u64, Instant)> {
        let place = self.place.load(Ordering::Acquire);
        let mut seen = lock(&self.seen);
        if place == 0 {
            *seen = None;
        } else if seen.is_none_or(|(before, _)| before != place) {
            *seen = Some((place, Instant::now()));
        }
        *seen
    }

    fn in_hand(&self) -> Option<InHand> {
        let (place, since) = self.look()?;
        let batch = lock(&self.batch).clone()?;
        // Another batch may have come in between.
        let is_still = self.place.load(Ordering::Acquire) == place;
        is_still.then(|| InHand {
            partition: batch.partition().name.clone(),
            offset: batch.offset(place as u32),
            since: since.elapsed(),
        })
    }
}

/// A run of one lane.
pub(crate) struct Run<'a> {
    hand: &'a Hand,
    number: u64,
}

impl Run<'_> {
    /// The next messages are of `batch`.
    pub(crate) fn turn_to(&mut self, batch: &Arc<Batch>) {
        // In between nothing is in hand: no place is taken for one in another batch.
        self.hand.place.store(0, Ordering::Release);
        *lock(&self.hand.batch) = Some(Arc::clone(batch));
        let run = self.hand.runs.fetch_add(1, Ordering::Relaxed);
        // Never 0, which says that nothing is in hand.
        self.number = u64::from(run | 1 << 31) << 32;
    }

    /// The message at `index` is handed to the handler.
    pub(crate) fn takes(&self, index: u32) {
        let place = self.number | u64::from(index);
        self.hand.place.store(place, Ordering::Release);
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        self.hand.place.store(0, Ordering::Release);
        *lock(&self.hand.batch) = None;
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch::BatchBuilder;
    use super::super::partition::Partition;
    use super::*;
    use crate::topic_partition::TopicPartition;
    use rws_kafka_observe::Observer;
    use std::time::Duration;

    fn batch(number: i32) -> Arc<Batch> {
        let name = TopicPartition::new("topic", number);
        let partition = Partition::new(1, name, "group", &Observer::new());
        let mut builder = BatchBuilder::new(Arc::new(partition), 4, 0);
        (10..13).for_each(|offset| builder.push(offset, None, None, None));
        Arc::new(builder.build(Vec::new()))
    }

    #[test]
    fn the_oldest_message_in_hand_is_told() {
        let hands = Hands::new(2);
        assert!(hands.oldest().is_none());
        let first = hands.of_lane(0).begin(&batch(0));
        assert!(hands.oldest().is_none(), "nothing was taken yet");
        first.takes(1);
        let some_time = Duration::from_millis(5);
        while hands.oldest().is_none_or(|oldest| oldest.since < some_time) {
            std::thread::yield_now();
        }
        let second = hands.of_lane(1).begin(&batch(1));
        second.takes(2);
        let oldest = hands.oldest().unwrap();
        assert_eq!((oldest.partition.partition(), oldest.offset), (0, 11));
        assert!(oldest.since >= some_time);
        // The first lane goes on: the other one is the oldest now.
        first.takes(2);
        assert_eq!(hands.oldest().unwrap().partition.partition(), 1);
        drop(second);
        assert_eq!(hands.oldest().unwrap().offset, 12);
        drop(first);
        assert!(hands.oldest().is_none());
    }

    #[test]
    fn the_same_place_in_another_run_is_another_message() {
        let hands = Hands::new(1);
        let run = hands.of_lane(0).begin(&batch(0));
        run.takes(0);
        let (first, _) = hands.of_lane(0).look().unwrap();
        drop(run);
        let run = hands.of_lane(0).begin(&batch(0));
        run.takes(0);
        let (second, _) = hands.of_lane(0).look().unwrap();
        assert_ne!(first, second);
    }
}
