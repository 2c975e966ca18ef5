//! Tests of the harness itself.

mod a_cluster_outlives_one_broker;
mod a_registry_keeps_schemas;
mod dead_letters_are_read_as_spring_does;
mod every_commit_is_told;
mod glue_checks_who_asks;
mod java_reads_what_java_writes_through_glue;
mod python_reads_what_python_writes;

use std::{
    process::Command,
    time::{Duration, Instant},
};

use integration_tests::{Kafka, SaslOptions, eventually, jobs::Job, kcat, unique, unique_topic};
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer},
    error::KafkaError,
    producer::{BaseProducer, BaseRecord, Producer},
    types::RDKafkaErrorCode,
};

const DEADLINE: Duration = Duration::from_secs(20);

fn read_all(kafka: &Kafka, topic: &str) -> String {
    String::from_utf8(kafka.kcat(&["-C", "-e", "-q", "-o", "beginning", "-t", topic])).unwrap()
}

#[test]
fn what_kcat_writes_it_reads_back() {
    let kafka = Kafka::shared();
    let topic = unique_topic("harness");
    kafka.create_topic(&topic, 3);
    kafka.kcat_with_input(&["-P", "-t", &topic, "-p", "2"], b"one\ntwo\n");
    assert_eq!(read_all(kafka, &topic), "one\ntwo\n");
    assert_eq!(kafka.end_offset(&topic, 2), 2);
    assert_eq!(kafka.end_offset(&topic, 0), 0);
    // Also through the address for clients.
    let bootstrap = kafka.bootstrap();
    let listing = kcat(&["-b", &bootstrap, "-L", "-t", &topic]);
    let listing = String::from_utf8(listing).unwrap();
    assert!(listing.contains("with 3 partitions"), "{listing}");
}

#[test]
fn topic_settings_reach_the_broker() {
    let kafka = Kafka::shared();
    let topic = unique_topic("harness");
    kafka.create_topic_with(&topic, 1, &[("max.message.bytes", "2000")]);
    let description = kafka.tool("kafka-topics", &["--describe", "--topic", &topic]);
    assert!(
        description.contains("max.message.bytes=2000"),
        "{description}"
    );
}

#[test]
fn committed_offsets_are_seen() {
    let kafka = Kafka::shared();
    let (topic, group) = (unique_topic("harness"), unique("group"));
    kafka.create_topic(&topic, 1);
    kafka.kcat_with_input(&["-P", "-t", &topic], b"a\nb\nc\n");
    assert_eq!(kafka.committed_offset(&group, &topic, 0), None);
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", kafka.bootstrap())
        .set("group.id", &group)
        .create()
        .unwrap();
    let mut offsets = TopicPartitionList::new();
    offsets
        .add_partition_offset(&topic, 0, Offset::Offset(2))
        .unwrap();
    consumer.commit(&offsets, CommitMode::Sync).unwrap();
    assert_eq!(kafka.committed_offset(&group, &topic, 0), Some(2));
    let groups = kafka.tool("kafka-consumer-groups", &["--list"]);
    assert!(groups.contains(&group), "{groups}");
}

#[test]
fn an_async_test_may_use_the_harness() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let kafka = Kafka::shared();
        let topic = unique_topic("harness");
        kafka.create_topic(&topic, 1);
        assert_eq!(kafka.end_offset(&topic, 0), 0);
        drop(Kafka::start());
    });
}

#[test]
fn a_paused_broker_is_silent_and_comes_back() {
    let kafka = Kafka::start();
    let topic = unique_topic("harness");
    kafka.create_topic(&topic, 1);
    kafka.kcat_with_input(&["-P", "-t", &topic], b"before\n");
    kafka.pause();
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", kafka.bootstrap())
        .create()
        .unwrap();
    assert!(
        consumer
            .fetch_metadata(None, Duration::from_secs(2))
            .is_err()
    );
    kafka.unpause();
    kafka.kcat_with_input(&["-P", "-t", &topic], b"after\n");
    assert_eq!(read_all(&kafka, &topic), "before\nafter\n");
}

#[test]
fn a_stopped_broker_keeps_its_port_and_its_data() {
    let kafka = Kafka::start_for_kill();
    let topic = unique_topic("harness");
    kafka.create_topic(&topic, 1);
    let bootstrap = kafka.bootstrap();
    for (message, stop) in [("one\n", Kafka::stop as fn(&Kafka)), ("two\n", Kafka::kill)] {
        kafka.kcat_with_input(&["-P", "-t", &topic], message.as_bytes());
        stop(&kafka);
        assert!(std::net::TcpStream::connect(&bootstrap).is_err());
        kafka.restart();
        assert_eq!(kafka.bootstrap(), bootstrap);
    }
    assert_eq!(read_all(&kafka, &topic), "one\ntwo\n");
}

#[test]
fn broker_settings_can_be_chosen() {
    let kafka = Kafka::start_with(&[("auto.create.topics.enable", "false")]);
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", kafka.bootstrap())
        .create()
        .unwrap();
    let metadata = producer
        .client()
        .fetch_metadata(Some("nobody-made-me"), DEADLINE)
        .unwrap();
    assert!(metadata.topics()[0].error().is_some());
}

/// Returns what the roadmap's first example sets, as one client property per setting.
fn login(kafka: &Kafka, mechanism: &str, user: &str, password: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", kafka.bootstrap())
        .set("security.protocol", "SASL_SSL")
        .set("sasl.mechanisms", mechanism)
        .set("sasl.username", user)
        .set("sasl.password", password)
        .set(
            "ssl.ca.location",
            kafka.certificates().ca_file().to_str().unwrap(),
        );
    config
}

fn answers_within(deadline: Duration, config: &ClientConfig) -> bool {
    let consumer: BaseConsumer = config.create().unwrap();
    consumer.fetch_metadata(None, deadline).is_ok()
}

fn is_let_in(config: &ClientConfig) -> bool {
    answers_within(DEADLINE, config)
}

/// Used with [`is_let_in`] in each test, so that a slow broker does not look like a strict one.
fn is_refused(config: &ClientConfig) -> bool {
    !answers_within(Duration::from_secs(2), config)
}

#[test]
fn a_sasl_ssl_broker_takes_the_right_password_only() {
    let kafka = Kafka::start_sasl_ssl(SaslOptions::new().user("app", "s3cret;password"));
    for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"] {
        let right = login(&kafka, mechanism, "app", "s3cret;password");
        assert!(is_let_in(&right), "{mechanism}\n{}", kafka.logs());
        let wrong = login(&kafka, mechanism, "app", "another");
        assert!(is_refused(&wrong), "{mechanism} took a wrong password");
    }
    let mut unknown = login(&kafka, "PLAIN", "app", "s3cret;password");
    let other_ca = kafka.certificates().other_ca_file();
    unknown.set("ssl.ca.location", other_ca.to_str().unwrap());
    assert!(is_refused(&unknown), "an unknown CA was trusted");
}

#[test]
fn a_certificate_for_another_host_is_told_apart() {
    let options = SaslOptions::new()
        .user("app", "secret")
        .certificate_host("elsewhere.example");
    let kafka = Kafka::start_sasl_ssl(options);
    let mut config = login(&kafka, "SCRAM-SHA-256", "app", "secret");
    assert!(is_refused(&config));
    config.set("ssl.endpoint.identification.algorithm", "none");
    assert!(is_let_in(&config));
}

#[test]
fn a_broker_may_ask_for_client_certificates() {
    let options = SaslOptions::new()
        .user("app", "secret")
        .require_client_certificates();
    let kafka = Kafka::start_sasl_ssl(options);
    let mut config = login(&kafka, "SCRAM-SHA-256", "app", "secret");
    assert!(is_refused(&config));
    let (certificate, key) = kafka.certificates().client("app");
    config.set("ssl.certificate.location", certificate.to_str().unwrap());
    config.set("ssl.key.location", key.to_str().unwrap());
    assert!(is_let_in(&config));
}

#[test]
fn an_authorizer_refuses_until_a_right_is_given() {
    let options = SaslOptions::new()
        .user("app", "secret")
        .user("admin", "admin-secret")
        .authorizer(["admin"]);
    let kafka = Kafka::start_sasl_ssl(options);
    let topic = unique_topic("harness");
    kafka.create_topic(&topic, 1);

    assert_eq!(publish(&kafka, "admin", "admin-secret", &topic), Ok(()));
    assert_eq!(
        publish(&kafka, "app", "secret", &topic),
        Err(RDKafkaErrorCode::TopicAuthorizationFailed)
    );
    kafka.allow("app", &["Write", "Describe"], &topic);
    assert_eq!(publish(&kafka, "app", "secret", &topic), Ok(()));
    assert_eq!(kafka.end_offset(&topic, 0), 2);
}

fn publish(kafka: &Kafka, user: &str, password: &str, topic: &str) -> Result<(), RDKafkaErrorCode> {
    let context = Deliveries::default();
    let producer: BaseProducer<Deliveries> = login(kafka, "SCRAM-SHA-256", user, password)
        .create_with_context(context)
        .unwrap();
    producer
        .send(BaseRecord::<str, str>::to(topic).payload("x"))
        .map_err(|(error, _)| error.rdkafka_error_code().unwrap())?;
    let end = Instant::now() + DEADLINE;
    loop {
        producer.poll(Duration::from_millis(50));
        if let Some(result) = producer.context().0.lock().unwrap().take() {
            return result;
        }
        assert!(Instant::now() < end, "no delivery report");
    }
}

#[derive(Default)]
struct Deliveries(std::sync::Mutex<Option<Result<(), RDKafkaErrorCode>>>);

impl rdkafka::ClientContext for Deliveries {}

impl rdkafka::producer::ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &rdkafka::producer::DeliveryResult<'_>, (): ()) {
        let result = match result {
            Ok(_) => Ok(()),
            Err((error, message)) => {
                assert!(message.payload().is_some());
                Err(code(error))
            }
        };
        *self.0.lock().unwrap() = Some(result);
    }
}

fn code(error: &KafkaError) -> RDKafkaErrorCode {
    error.rdkafka_error_code().expect("a broker's error")
}

/// Returns the ids of what has this label.
fn labelled(list: &[&str], label: &str) -> String {
    let output = Command::new("docker")
        .args(list)
        .args(["--quiet", "--filter", &format!("label={label}")])
        .output()
        .unwrap();
    assert!(output.status.success(), "docker {list:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_killed_process_leaves_no_container_and_no_network() {
    let run = unique("killed");
    // It keeps brokers running, or is still starting them, until it is killed.
    let program = Job::HoldCluster.program(env!("CARGO_BIN_EXE_child"));
    let mut child = program.env("RWS_KAFKA_TEST_RUN", &run).start();
    let label = format!("rws-kafka.test={run}");
    let containers = || labelled(&["ps", "--all"], &label);
    let networks = || labelled(&["network", "ls"], &label);
    eventually(Duration::from_secs(60), || !containers().is_empty());
    assert_ne!(networks(), "");
    child.kill();
    eventually(DEADLINE, || {
        containers().is_empty() && networks().is_empty()
    });
}

#[test]
fn a_dropped_broker_is_removed_even_while_paused() {
    let kafka = Kafka::start();
    let id = format!("{kafka:?}");
    let id = id.split('"').nth(3).unwrap().to_owned();
    assert_eq!(containers(&id), 1);
    kafka.pause();
    drop(kafka);
    assert_eq!(containers(&id), 0);
}

fn containers(id: &str) -> usize {
    let output = Command::new("docker")
        .args(["ps", "-aq", "--filter", &format!("id={id}")])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().lines().count()
}
