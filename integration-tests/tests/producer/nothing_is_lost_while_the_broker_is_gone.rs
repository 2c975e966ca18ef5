use crate::support::counted;
use integration_tests::{Kafka, SOON, soon, unique_topic};
use rws_kafka_observe::Observer;
use rws_kafka_producer::KafkaProducer;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

const OUTAGE: Duration = Duration::from_secs(20);
const KEYS: usize = 20;

#[test]
fn for_20_seconds_by_a_stop() {
    sends_through_an_outage(&Kafka::start(), Kafka::stop, Kafka::restart, OUTAGE);
}

#[test]
fn for_20_seconds_by_silence() {
    sends_through_an_outage(&Kafka::start(), Kafka::pause, Kafka::unpause, OUTAGE);
}

#[test]
fn for_a_moment_by_a_kill() {
    let kafka = Kafka::start_for_kill();
    sends_through_an_outage(&kafka, Kafka::kill, Kafka::restart, Duration::ZERO);
}

/// Sends all the time. Every message arrives once, in the order of its key.
fn sends_through_an_outage(kafka: &Kafka, gone: fn(&Kafka), back: fn(&Kafka), outage: Duration) {
    let topic = unique_topic("outage");
    kafka.create_topic(&topic, 4);
    let observer = Observer::new();
    let producer = KafkaProducer::new(kafka.producer_config().observer(observer.clone())).unwrap();
    let produced = || counted(&observer, "rws_kafka_messages_produced_total", &topic) as usize;

    let sent = AtomicUsize::new(0);
    let enough = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !enough.load(Ordering::Relaxed) {
                let number = sent.load(Ordering::Relaxed);
                let (key, payload) = ((number % KEYS).to_string(), number.to_string());
                producer.send_keyed(&topic, key, payload).unwrap();
                sent.store(number + 1, Ordering::Relaxed);
                thread::sleep(Duration::from_micros(500));
            }
        });
        // Whatever fails below, the sender must end.
        let _end = End(&enough);
        soon(|| produced() > 500);
        gone(kafka);
        let at_loss = sent.load(Ordering::Relaxed);
        thread::sleep(outage);
        back(kafka);
        soon(|| sent.load(Ordering::Relaxed) > at_loss + 500);
        soon(|| produced() > at_loss + 500);
    });
    assert!(producer.close(SOON).is_complete());

    let sent = sent.into_inner();
    assert_eq!(produced(), sent);
    assert_eq!(
        counted(&observer, "rws_kafka_produce_errors_total", &topic),
        0
    );
    let lines = String::from_utf8(kafka.format_with_kcat(&topic, "%k %s\n")).unwrap();
    let mut next: [usize; KEYS] = std::array::from_fn(|key| key);
    for line in lines.lines() {
        let (key, number) = line.split_once(' ').unwrap();
        let next = &mut next[key.parse::<usize>().unwrap()];
        assert_eq!(number.parse::<usize>().unwrap(), *next, "of key {key}");
        *next += KEYS;
    }
    assert_eq!(lines.lines().count(), sent);
}

struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
