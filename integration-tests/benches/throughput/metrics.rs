//! Measures the cost of metrics: CPU time per message with everything on, and with everything off.
//!
//! Both arms alternate and read the process' own clock of CPU time, which others on the machine
//! move less than they move a rate. It ticks 100 times a second: a round is long enough for a
//! hundredth.

use crate::report::{ROUNDS, median};
use integration_tests::{Kafka, unique, unique_topic};
use rws_kafka_consumer::{ConsumerConfig, ConsumerContext, KafkaConsumer};
use rws_kafka_observe::Observer;
use rws_kafka_producer::{KafkaProducer, ProducerConfig};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

const MESSAGES: usize = 2_000_000;
const BYTES: usize = 100;
const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) fn compare(kafka: &Kafka) {
    let mut produced = Arms::default();
    let mut consumed = Arms::default();
    for round in 0..ROUNDS {
        for turn in 0..2 {
            let is_on = (round + turn) % 2 == 0;
            let topic = unique_topic("bench-metrics");
            kafka.create_topic(&topic, 1);
            produced.add(is_on, produce(kafka, &topic, is_on));
            consumed.add(is_on, consume(kafka, &topic, is_on));
            kafka.delete_topic(&topic);
        }
    }
    println!("\nCPU time of {MESSAGES} × {BYTES} B, metrics and statistics on beside off");
    produced.print("produce");
    consumed.print("consume");
}

/// Nanoseconds per message, one figure per round.
#[derive(Default)]
struct Arms {
    on: Vec<f64>,
    off: Vec<f64>,
}

impl Arms {
    fn add(&mut self, is_on: bool, cpu: Duration) {
        let arm = if is_on { &mut self.on } else { &mut self.off };
        arm.push(cpu.as_nanos() as f64 / MESSAGES as f64);
    }

    fn print(&self, name: &str) {
        let (on, off) = (median(&self.on), median(&self.off));
        let more = (on / off - 1.0) * 100.0;
        println!(
            "  {name:<10} on {on:>5.0} ns, off {off:>5.0} ns a message: {more:+.1} % (allowed 3)"
        );
    }
}

fn observer(is_on: bool) -> Observer {
    if is_on {
        Observer::new()
    } else {
        Observer::without_metrics()
    }
}

fn produce(kafka: &Kafka, topic: &str, is_on: bool) -> Duration {
    let mut config = ProducerConfig::new(kafka.bootstrap())
        .expect("settings")
        .observer(observer(is_on))
        .max_block(PATIENCE);
    if !is_on {
        config = config.property("statistics.interval.ms", "0");
    }
    let producer = KafkaProducer::new(config).expect("a producer");
    let payload = [b'x'; BYTES];
    producer
        .send_sync(topic, payload)
        .expect("a warm connection");
    let start = cpu_time();
    for _ in 1..MESSAGES {
        producer.send(topic, payload).expect("a message sent");
    }
    assert!(producer.flush(PATIENCE).is_complete());
    cpu_time() - start
}

fn consume(kafka: &Kafka, topic: &str, is_on: bool) -> Duration {
    let mut config = ConsumerConfig::new(kafka.bootstrap(), unique("bench"))
        .expect("settings")
        .observer(observer(is_on));
    if !is_on {
        config = config.property("statistics.interval.ms", "0");
    }
    let count = Arc::new(AtomicUsize::new(0));
    let (tell, told) = channel();
    let handle = KafkaConsumer::new(config)
        .and_then(|consumer| consumer.subscribe([topic]))
        .expect("a consumer")
        .start(move |msg: ConsumerContext| {
            let handled = count.fetch_add(1, Ordering::Relaxed) + 1;
            if handled == 1 || handled == MESSAGES {
                tell.send(cpu_time()).expect("someone waits");
            }
            msg.commit()
        });
    let [start, end] = [(); 2].map(|()| told.recv_timeout(PATIENCE).expect("all messages"));
    let report = handle.stop();
    assert!(report.is_clean(), "{report:?}");
    end - start
}

/// Returns the CPU time of this process, its threads that have ended included.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    // The name before the last parenthesis may hold anything.
    let (_, fields) = stat.rsplit_once(')').expect("a name");
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |index: usize| fields[index].parse::<u64>().expect("ticks");
    // USER_HZ is 100 on Linux, whatever the kernel's own.
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}
