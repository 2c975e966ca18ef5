use crate::support::{Scene, complete};
use integration_tests::{Kafka, SaslOptions, unique_topic};
use rws_kafka::{ConsumerConfig, ConsumerError, LeftReason, Observer, Record, Replay};
use rws_kafka_config::{KafkaConfig, SaslMechanism, SecurityProtocol};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

#[test]
fn a_right_that_is_missing_is_named_or_leaves_its_letters_alone() {
    const USER: &str = "user";
    const GUEST: &str = "guest";
    let kafka = Kafka::start_sasl_ssl(
        SaslOptions::new()
            .user(USER, "password")
            .user(GUEST, "password")
            .authorizer([USER]),
    );
    let scene = Scene::on(&kafka, 1, &[]);
    let forbidden = unique_topic("forbidden");
    kafka.create_topic(&forbidden, 1);
    scene.fill(2);
    let to = |topic| Record::to(&scene.queue).header("rws-dlq-original-topic", topic);
    scene.send(to(forbidden.as_str()).payload("forged"));
    scene.send(scene.letter("2"));
    scene.flush();
    kafka.allow(GUEST, &["Read", "Describe"], &scene.queue);
    kafka.allow(GUEST, &["Write", "Describe"], &scene.topic);
    let config = KafkaConfig::builder()
        .brokers(kafka.bootstrap())
        .security_protocol(SecurityProtocol::SaslSsl)
        .sasl_mechanism(SaslMechanism::ScramSha256)
        .sasl_username(GUEST)
        .sasl_password("password")
        .ssl_ca_file(kafka.certificates().ca_file())
        .consumer_group("not used")
        .build()
        .expect("valid settings");
    let config = ConsumerConfig::from(config).observer(Observer::new());
    let replay = Replay::new(config, &scene.queue)
        .group(&scene.group)
        .allow_targets([&forbidden]);

    let began = Instant::now();
    let error = replay.start().unwrap_err();
    // Well before the 30 s after which a broker counts as silent.
    assert!(began.elapsed() < Duration::from_secs(20), "{began:?}");
    let is_named = matches!(error, ConsumerError::QueueUnreadable { .. });
    let expected = format!("group {}: ", scene.group);
    assert!(is_named && error.to_string().contains(&expected), "{error}");
    assert!(
        error.to_string().contains("GroupAuthorizationFailed"),
        "{error}"
    );

    kafka.allow_group(GUEST, &["Describe"], &scene.group);
    let report = replay.start().unwrap().join();
    let error = report.error.expect("it may not commit").to_string();
    assert!(
        error.contains(&expected) && error.contains("needs Read"),
        "{error}"
    );

    kafka.allow_group(GUEST, &["Read"], &scene.group);
    let report = complete(&replay);
    assert_eq!(
        report.status.left,
        BTreeMap::from([(LeftReason::NotAuthorized, 1)])
    );
    assert_eq!(scene.payloads(), ["0", "1", "2"]);
    assert_eq!(kafka.end_offset(&forbidden, 0), 0);
}
