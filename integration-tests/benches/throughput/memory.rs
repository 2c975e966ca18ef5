//! Resident memory at its highest, of a child process each, in MiB.

use integration_tests::{Kafka, unique, unique_topic};
use rws_kafka_consumer::{ConsumerConfig, ConsumerContext, KafkaConsumer};
use rws_kafka_producer::{KafkaProducer, ProducerConfig};
use std::process::Command;
use std::time::{Duration, Instant};

const CHILD: &str = "RWS_KAFKA_BENCH_CHILD";
const TARGET: &str = "RWS_KAFKA_BENCH_TARGET";
/// How long a child works before its memory is read.
const TIME: Duration = Duration::from_secs(20);

pub(crate) fn measure(kafka: &Kafka) {
    println!("\nresident memory, highest within {TIME:?}");
    for bytes in [100, 1024] {
        // Nothing listens on port 9, as if the broker was stopped.
        let peak = run(&format!("producer {bytes}"), "localhost:9 unused");
        println!(
            "  sending {bytes} B forever, no broker: {peak} MiB (queue bound 64 MiB, allowed 128)"
        );
    }
    for (bytes, messages) in [(100, 2_000_000), (1024, 500_000)] {
        let topic = unique_topic("bench-memory");
        kafka.create_topic(&topic, 4);
        let target = format!("{} {topic}", kafka.bootstrap());
        run(&format!("fill {bytes} {messages}"), &target);
        let idle = run("idle", &target);
        let peak = run("sleeping", &target);
        println!(
            "  {messages} × {bytes} B behind a handler that sleeps: {peak} MiB, idle {idle} MiB \
             (allowed {} more)",
            128
        );
        kafka.delete_topic(&topic);
    }
}

fn run(task: &str, target: &str) -> u64 {
    let output = Command::new(std::env::current_exe().expect("this program"))
        .env(CHILD, task)
        .env(TARGET, target)
        .output()
        .expect("a child process");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{task}: {output:?}");
    text.trim().parse().unwrap_or(0)
}

pub(crate) fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

pub(crate) fn child() {
    let task = std::env::var(CHILD).expect("a task");
    let target = std::env::var(TARGET).expect("a target");
    let (bootstrap, topic) = target.split_once(' ').expect("a broker and a topic");
    let words: Vec<&str> = task.split(' ').collect();
    let number = |index: usize| words[index].parse::<usize>().expect("a number");
    match words[0] {
        "producer" => send_for_ever(bootstrap, number(1)),
        "fill" => return fill(bootstrap, topic, number(1), number(2)),
        "idle" => consume(bootstrap, "^no-topic-has-this-name$"),
        _ => consume(bootstrap, topic),
    }
    println!("{}", peak_mib());
    // Dropping a client without a broker takes a while.
    std::process::exit(0);
}

fn producer(bootstrap: &str, max_block: Duration) -> KafkaProducer {
    let config = ProducerConfig::new(bootstrap).expect("settings");
    KafkaProducer::new(config.max_block(max_block)).expect("a producer")
}

fn send_for_ever(bootstrap: &str, bytes: usize) {
    let producer = producer(bootstrap, Duration::from_millis(10));
    let payload = vec![b'x'; bytes];
    let until = Instant::now() + TIME;
    while Instant::now() < until {
        let _ = producer.send("anything", &payload);
    }
}

fn fill(bootstrap: &str, topic: &str, bytes: usize, messages: usize) {
    let producer = producer(bootstrap, Duration::from_secs(60));
    let payload = vec![b'x'; bytes];
    for number in 0..messages {
        producer
            .send_keyed(topic, number.to_string(), &payload)
            .expect("a message sent");
    }
    assert!(producer.close(Duration::from_secs(60)).is_complete());
}

fn consume(bootstrap: &str, topic: &str) {
    let config = ConsumerConfig::new(bootstrap, unique("bench-memory")).expect("settings");
    let _worker = KafkaConsumer::new(config)
        .and_then(|consumer| consumer.subscribe([topic]))
        .expect("a consumer")
        .start(|msg: ConsumerContext| {
            std::thread::sleep(Duration::from_millis(100));
            msg.commit()
        });
    std::thread::sleep(TIME);
}

fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("procfs");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .expect("VmHWM");
    let kib: u64 = line
        .split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse().ok())
        .expect("a number");
    kib / 1024
}
