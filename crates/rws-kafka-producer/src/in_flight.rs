use std::sync::atomic::{AtomicU64, Ordering};

/// Messages and bytes share one number, so that one addition counts both: up to 2^28 messages and 64 GiB at a
/// time.
const ONE_MESSAGE: u64 = 1 << 36;

/// Counts the messages that were accepted and have no outcome yet.
///
/// librdkafka's own count includes events that are not messages, and has no bytes. Both sums wrap, but their
/// difference stays correct. Each is written by different threads.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    accepted: OnItsOwnLine,
    settled: OnItsOwnLine,
}

#[derive(Debug, Default)]
#[repr(align(128))]
struct OnItsOwnLine(AtomicU64);

impl InFlight {
    /// Counts a message of this size. To be called before it is handed over, so before its outcome can be
    /// reported.
    pub(crate) fn accept(&self, bytes: usize) {
        let one = ONE_MESSAGE + bytes as u64;
        self.accepted.0.fetch_add(one, Ordering::Relaxed);
    }

    /// Takes back a message that was not accepted.
    pub(crate) fn take_back(&self, bytes: usize) {
        let one = ONE_MESSAGE + bytes as u64;
        self.accepted.0.fetch_sub(one, Ordering::Relaxed);
    }

    /// Counts the outcome of a message of this size.
    pub(crate) fn settle(&self, bytes: usize) {
        let one = ONE_MESSAGE + bytes as u64;
        self.settled.0.fetch_add(one, Ordering::Release);
    }

    /// Forgets all messages in flight, and returns how many there were. Nothing may be accepted meanwhile.
    pub(crate) fn settle_all(&self) -> u64 {
        let (messages, _) = self.count();
        let accepted = self.accepted.0.load(Ordering::Acquire);
        self.settled.0.store(accepted, Ordering::Release);
        messages
    }

    /// Returns the number of messages, and the size of their keys and payloads in bytes.
    pub(crate) fn count(&self) -> (u64, u64) {
        // In this order, so that every settled message is also counted as accepted.
        let settled = self.settled.0.load(Ordering::Acquire);
        let accepted = self.accepted.0.load(Ordering::Acquire);
        let left = accepted.wrapping_sub(settled);
        (left / ONE_MESSAGE, left % ONE_MESSAGE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_and_bytes_are_counted_beyond_what_a_sum_holds() {
        let in_flight = InFlight::default();
        let bytes = 1 << 30;
        // 2 TiB in all, 3 GiB at a time.
        for _ in 0..2048 {
            (0..3).for_each(|_| in_flight.accept(bytes));
            in_flight.accept(5);
            in_flight.take_back(5);
            assert_eq!(in_flight.count(), (3, 3 << 30));
            (0..3).for_each(|_| in_flight.settle(bytes));
            assert_eq!(in_flight.count(), (0, 0));
        }
    }

    #[test]
    fn what_is_forgotten_is_counted_once() {
        let in_flight = InFlight::default();
        (0..3).for_each(|_| in_flight.accept(10));
        in_flight.settle(10);
        assert_eq!(in_flight.settle_all(), 2);
        assert_eq!((in_flight.count(), in_flight.settle_all()), ((0, 0), 0));
        in_flight.accept(7);
        assert_eq!(in_flight.count(), (1, 7));
    }

    #[test]
    fn a_count_beside_senders_is_never_negative() {
        let in_flight = InFlight::default();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..50_000 {
                        in_flight.accept(10);
                        in_flight.settle(10);
                    }
                });
            }
            for _ in 0..1000 {
                let (messages, bytes) = in_flight.count();
                assert!(
                    messages <= 100_000 && bytes <= 1_000_000,
                    "{messages} {bytes}"
                );
            }
        });
        assert_eq!(in_flight.count(), (0, 0));
    }
}
