use integration_tests::{Kafka, close};
use rws_kafka_producer::Record;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The interval in which it sends messages that are due.
const TICK: Duration = Duration::from_millis(10);

/// Sends a fixed number of messages at a steady pace, to all partitions in turn.
pub(crate) struct Sender {
    thread: Option<JoinHandle<()>>,
    cancelled: Arc<AtomicBool>,
    sent: Arc<AtomicUsize>,
}

impl Sender {
    pub(crate) fn start(
        kafka: &Kafka,
        topic: &str,
        partitions: i32,
        messages: usize,
        time: Duration,
    ) -> Self {
        let producer = kafka.producer();
        let cancelled = Arc::new(AtomicBool::new(false));
        let sent = Arc::new(AtomicUsize::new(0));
        let thread = {
            let (topic, cancelled, sent) =
                (topic.to_owned(), Arc::clone(&cancelled), Arc::clone(&sent));
            let began = Instant::now();
            thread::spawn(move || {
                let mut next = 0;
                while next < messages && !cancelled.load(Ordering::Relaxed) {
                    let passed = began.elapsed().as_secs_f64() / time.as_secs_f64();
                    let due = (messages as f64 * passed) as usize;
                    while next < due.min(messages) {
                        let partition = next % partitions as usize;
                        let record = Record::to(&topic).partition(partition as i32);
                        let payload = next.to_string();
                        let result = producer.send_record(record.payload(&payload));
                        result.expect("room in the queue");
                        next += 1;
                    }
                    sent.store(next, Ordering::Relaxed);
                    thread::sleep(TICK);
                }
                close(&producer);
            })
        };
        Self {
            thread: Some(thread),
            cancelled,
            sent,
        }
    }

    /// Returns how many it has sent by now.
    pub(crate) fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }

    /// Waits until every message is confirmed. It ends soon after its time, because the close has
    /// a deadline.
    pub(crate) fn finish(mut self) {
        let thread = self.thread.take().expect("finished once");
        thread.join().expect("everything is sent and confirmed");
    }
}

impl Drop for Sender {
    /// Stops the sender of a failed test.
    fn drop(&mut self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }
}
