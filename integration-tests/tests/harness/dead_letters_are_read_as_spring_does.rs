use std::time::Duration;

use integration_tests::{Kafka, unique_topic};
use rdkafka::{
    ClientConfig,
    message::{Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer},
};

const DEADLINE: Duration = Duration::from_secs(20);
const STACKTRACE: &str = "org.example.Broken: é\n\tat org.example.Main\\r\r\n";

/// Returns what Spring's own publisher writes, written by hand.
fn headers() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("kafka_dlt-original-topic", b"orders".to_vec()),
        ("kafka_dlt-original-partition", vec![0, 0, 0, 2]),
        (
            "kafka_dlt-original-offset",
            1_234_567_890_123_i64.to_be_bytes().to_vec(),
        ),
        (
            "kafka_dlt-original-timestamp",
            1_700_000_000_000_i64.to_be_bytes().to_vec(),
        ),
        ("kafka_dlt-original-timestamp-type", b"CreateTime".to_vec()),
        ("kafka_dlt-original-consumer-group", b"billing".to_vec()),
        ("kafka_dlt-exception-fqcn", b"org.example.Failed".to_vec()),
        (
            "kafka_dlt-exception-cause-fqcn",
            b"org.example.Broken".to_vec(),
        ),
        ("kafka_dlt-exception-message", "größer".into()),
        ("kafka_dlt-exception-stacktrace", STACKTRACE.into()),
    ]
}

fn publish(kafka: &Kafka, topic: &str, key: Option<&str>, headers: &[(&str, Vec<u8>)]) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", kafka.bootstrap())
        .create()
        .unwrap();
    let mut owned = OwnedHeaders::new();
    for (key, value) in headers {
        owned = owned.insert(Header {
            key,
            value: Some(value),
        });
    }
    let mut record = BaseRecord::<str, str>::to(topic)
        .payload("{\"order\": 1}")
        .timestamp(1_700_000_000_001)
        .headers(owned);
    record.key = key;
    producer.send(record).map_err(|(error, _)| error).unwrap();
    producer.flush(DEADLINE).unwrap();
}

#[test]
fn spring_reads_its_own_headers_from_our_records() {
    let kafka = Kafka::shared();
    let topic = unique_topic("harness");
    kafka.create_topic(&topic, 1);
    publish(kafka, &topic, Some("order-1"), &headers());
    publish(kafka, &topic, None, &[("another", b"header".to_vec())]);

    let records = kafka.read_as_spring(&topic, 2);
    let found: Vec<Vec<_>> = records
        .iter()
        .map(|record| {
            record
                .iter()
                .map(|(n, v)| (n.as_str(), v.as_str()))
                .collect()
        })
        .collect();
    // By name.
    assert_eq!(
        found,
        [
            vec![
                ("kafka_dlt-exception-cause-fqcn", "org.example.Broken"),
                ("kafka_dlt-exception-fqcn", "org.example.Failed"),
                ("kafka_dlt-exception-message", "größer"),
                ("kafka_dlt-exception-stacktrace", STACKTRACE),
                ("kafka_dlt-original-consumer-group", "billing"),
                ("kafka_dlt-original-offset", "1234567890123"),
                ("kafka_dlt-original-partition", "2"),
                ("kafka_dlt-original-timestamp", "1700000000000"),
                ("kafka_dlt-original-timestamp-type", "CreateTime"),
                ("kafka_dlt-original-topic", "orders"),
                ("key", "order-1"),
                ("timestamp", "1700000000001"),
                ("value", "{\"order\": 1}"),
            ],
            vec![("timestamp", "1700000000001"), ("value", "{\"order\": 1}")],
        ]
    );
}

#[test]
fn spring_refuses_a_header_of_another_type() {
    let kafka = Kafka::shared();
    for (name, value, problem) in [
        (
            "kafka_dlt-original-partition",
            b"2".to_vec(),
            "has 1 bytes, not 4",
        ),
        (
            "kafka_dlt-original-offset",
            vec![0, 0, 0, 2],
            "has 4 bytes, not 8",
        ),
        ("kafka_dlt-original-topic", vec![0xff], "is not UTF-8"),
    ] {
        let topic = unique_topic("harness");
        kafka.create_topic(&topic, 1);
        publish(kafka, &topic, None, &[(name, value)]);
        let arguments = [kafka.inside_bootstrap(), topic.as_str(), "1"];
        let output = kafka.run_class("SpringDeadLetter", &arguments);
        assert_eq!(output.code, 1, "{output:?}");
        assert_eq!(
            output.stderr.trim(),
            format!("{name} {problem}"),
            "{output:?}"
        );
    }
}
