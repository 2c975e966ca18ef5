use crate::raw::RawProducer;
use crate::report::{median, percentile};
use integration_tests::{Kafka, unique_topic};
use rws_kafka_observe::Observer;
use rws_kafka_producer::{KafkaProducer, ProducerConfig};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

const CALLS: usize = 3000;
const WARM_UP: usize = 300;

/// Calls each in turn, so that both find the broker in the same state.
pub(crate) fn compare(kafka: &Kafka) {
    let topic = unique_topic("bench-sync");
    kafka.create_topic(&topic, 1);
    let payload = vec![b'x'; 100];
    let config = ProducerConfig::new(kafka.bootstrap()).expect("settings");
    let config = config.observer(Observer::new());
    let ours = KafkaProducer::new(config.clone()).expect("a producer");
    let lingering = config.linger(Duration::from_millis(5));
    let lingering = KafkaProducer::new(lingering).expect("a producer");
    let (sender, told) = channel();
    let raw = RawProducer::new(&kafka.bootstrap(), Some(sender));

    let mut times: [Vec<f64>; 3] = Default::default();
    for call in 0..CALLS + WARM_UP {
        let calls: [&dyn Fn(); 3] = [
            &|| {
                raw.send(&topic, &payload);
                told.recv().expect("a delivery");
            },
            &|| acknowledged(&ours, &topic, &payload),
            &|| acknowledged(&lingering, &topic, &payload),
        ];
        for (which, send) in calls.into_iter().enumerate() {
            let start = Instant::now();
            send();
            if call >= WARM_UP {
                times[which].push(start.elapsed().as_secs_f64() * 1e6);
            }
        }
    }
    println!("\nsend_sync {CALLS} × 100 B");
    let control = median(&times[0]);
    for (name, times) in [
        "rdkafka, linger.ms=0",
        "send_sync",
        "send_sync, linger 5 ms",
    ]
    .iter()
    .zip(&times)
    {
        println!(
            "  {name:<28} p50 {:>7.0} µs  p99 {:>7.0} µs  p50 ratio {:.2}",
            median(times),
            percentile(times, 0.99),
            median(times) / control
        );
    }
}

fn acknowledged(producer: &KafkaProducer, topic: &str, payload: &[u8]) {
    producer.send_sync(topic, payload).expect("a delivery");
}
