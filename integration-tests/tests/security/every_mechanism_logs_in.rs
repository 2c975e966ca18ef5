use crate::support::{PASSWORD, USER, consume_one, producer, secured, settings};
use integration_tests::{unique, unique_topic};
use rws_kafka_config::{KafkaConfig, SaslMechanism, SecurityProtocol};
use std::fs;
use tempfile::NamedTempFile;

fn publishes_and_consumes(mechanism: SaslMechanism) {
    let kafka = secured();
    let topic = unique_topic("mechanism");
    kafka.create_topic(&topic, 1);
    let settings = || settings(kafka).sasl_mechanism(mechanism);
    let delivery = producer(settings()).send_sync(&topic, mechanism.as_str());
    assert_eq!(delivery.unwrap().offset, 0);
    let group = unique("mechanism");
    let payload = consume_one(settings().consumer_group(group), &topic);
    assert_eq!(payload, mechanism.as_str());
}

#[test]
fn scram_sha_256() {
    publishes_and_consumes(SaslMechanism::ScramSha256);
}

#[test]
fn scram_sha_512() {
    publishes_and_consumes(SaslMechanism::ScramSha512);
}

#[test]
fn plain() {
    publishes_and_consumes(SaslMechanism::Plain);
}

#[test]
fn a_password_may_come_from_a_file() {
    let kafka = secured();
    let topic = unique_topic("password-file");
    kafka.create_topic(&topic, 1);
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), format!("{PASSWORD}\n")).unwrap();
    let settings = KafkaConfig::builder()
        .brokers(kafka.bootstrap())
        .security_protocol(SecurityProtocol::SaslSsl)
        .sasl_mechanism(SaslMechanism::ScramSha256)
        .sasl_username(USER)
        .sasl_password_file(file.path())
        .ssl_ca_file(kafka.certificates().ca_file());
    let delivery = producer(settings).send_sync(&topic, "x");
    assert_eq!(delivery.unwrap().offset, 0);
}
