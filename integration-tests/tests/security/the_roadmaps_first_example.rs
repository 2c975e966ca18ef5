use crate::support::{PASSWORD, USER, secured};
use integration_tests::{unique, unique_topic};
use rws_kafka_consumer::{ConsumerContext, KafkaConsumer};
use rws_kafka_producer::KafkaProducer;
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Duration;

const CHILD: &str = "SECURITY_TEST_TOPIC";
const NAME: &str = "the_roadmaps_first_example::its_variables_are_all_that_is_needed";

/// All ten variables of the roadmap's item 1, read by a process of its own.
#[test]
fn its_variables_are_all_that_is_needed() {
    if let Ok(topic) = std::env::var(CHILD) {
        return publish_and_consume(&topic);
    }
    let kafka = secured();
    let topic = unique_topic("roadmap");
    kafka.create_topic(&topic, 3);
    let group = unique("my-service-group");
    // The first is down, as one of two may be.
    let brokers = format!("localhost:9,{}", kafka.bootstrap());
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .current_dir(std::env::temp_dir())
        .env(CHILD, &topic)
        .env("RWS_CONFIG_KAFKA_BROKERS", brokers)
        .env("RWS_CONFIG_KAFKA_CLIENT_ID", "my-service")
        .env("RWS_CONFIG_KAFKA_CONSUMER_GROUP", &group)
        .env("RWS_CONFIG_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
        .env("RWS_CONFIG_KAFKA_SASL_MECHANISM", "SCRAM-SHA-256")
        .env("RWS_CONFIG_KAFKA_SASL_USERNAME", USER)
        .env("RWS_CONFIG_KAFKA_SASL_PASSWORD", PASSWORD)
        .env(
            "RWS_CONFIG_KAFKA_SSL_CA_FILE",
            kafka.certificates().ca_file(),
        )
        .env("RWS_CONFIG_KAFKA_SESSION_TIMEOUT_MS", "30000")
        .env("RWS_CONFIG_KAFKA_AUTO_OFFSET_RESET", "earliest")
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&child.stdout) + String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{output}");
    assert!(output.contains("1 passed"), "{output}");
    assert!(!output.contains(PASSWORD), "{output}");

    let end: i64 = (0..3)
        .map(|partition| kafka.end_offset(&topic, partition))
        .sum();
    assert_eq!(end, 1);
    let committed =
        (0..3).filter_map(|partition| kafka.committed_offset(&group, &topic, partition));
    assert_eq!(committed.sum::<i64>(), 1);
}

/// In the child.
fn publish_and_consume(topic: &str) {
    let producer = KafkaProducer::from_env().unwrap();
    producer
        .send_keyed(topic, "order-1", r#"{"order_id": 1}"#)
        .unwrap();
    assert!(producer.close(Duration::from_secs(20)).is_complete());

    let (told, payload) = channel();
    let handle = KafkaConsumer::from_env()
        .and_then(|consumer| consumer.subscribe([topic]))
        .unwrap()
        .start(move |msg: ConsumerContext| {
            told.send(msg.payload_str()?.to_owned())?;
            msg.commit()
        });
    let payload = payload.recv_timeout(Duration::from_secs(20)).unwrap();
    assert_eq!(payload, r#"{"order_id": 1}"#);
    assert!(handle.stop().is_clean());
    println!("{:?}", rws_kafka_config::KafkaConfig::from_env().unwrap());
}
