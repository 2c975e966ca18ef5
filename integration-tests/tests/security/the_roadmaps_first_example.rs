use crate::support::{PASSWORD, USER, secured};
use integration_tests::jobs::Job;
use integration_tests::{unique, unique_topic};

/// All ten variables of the roadmap's item 1, read by another process.
#[test]
fn its_variables_are_all_that_is_needed() {
    let kafka = secured();
    let topic = unique_topic("roadmap");
    kafka.create_topic(&topic, 3);
    let group = unique("my-service-group");
    // The first of the two brokers is down, which is allowed.
    let brokers = format!("localhost:9,{}", kafka.bootstrap());
    let job = Job::RoundTrip {
        topic: topic.clone(),
    };
    let mut child = job
        .program(env!("CARGO_BIN_EXE_child"))
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
        .start();
    let status = child.wait();
    let output = child.last_lines().join("\n") + &child.errors();
    assert!(status.success(), "{output}");
    assert!(output.contains("consumed: {\"order_id\": 1}"), "{output}");
    assert!(!output.contains(PASSWORD), "{output}");

    let end: i64 = (0..3)
        .map(|partition| kafka.end_offset(&topic, partition))
        .sum();
    assert_eq!(end, 1);
    let committed =
        (0..3).filter_map(|partition| kafka.committed_offset(&group, &topic, partition));
    assert_eq!(committed.sum::<i64>(), 1);
}
