use integration_tests::{Kafka, SOON, SaslOptions, stop};
use rws_kafka_config::{KafkaConfig, KafkaConfigBuilder, SaslMechanism, SecurityProtocol};
use rws_kafka_consumer::{ConsumerConfig, ConsumerContext, KafkaConsumer};
use rws_kafka_observe::Observer;
use rws_kafka_producer::{KafkaProducer, ProducerConfig};
use std::sync::OnceLock;
use std::sync::mpsc::channel;

pub(crate) const USER: &str = "my-user";
pub(crate) const PASSWORD: &str = "my-password; it's 'long' & #odd";
/// A user without permissions until a test grants them.
pub(crate) const GUEST: &str = "guest";
/// A user without permissions until its only test grants them.
pub(crate) const STRANGER: &str = "stranger";

/// Returns a broker that requires TLS, a password and, for the guest, a permission.
pub(crate) fn secured() -> &'static Kafka {
    static KAFKA: OnceLock<Kafka> = OnceLock::new();
    KAFKA.get_or_init(|| {
        Kafka::start_sasl_ssl(
            SaslOptions::new()
                .user(USER, PASSWORD)
                .user(GUEST, PASSWORD)
                .user(STRANGER, PASSWORD)
                .authorizer([USER]),
        )
    })
}

/// Returns the settings of the roadmap's example; each test changes one of them.
pub(crate) fn settings(kafka: &Kafka) -> KafkaConfigBuilder {
    KafkaConfig::builder()
        .brokers(kafka.bootstrap())
        .security_protocol(SecurityProtocol::SaslSsl)
        .sasl_mechanism(SaslMechanism::ScramSha256)
        .sasl_username(USER)
        .sasl_password(PASSWORD)
        .ssl_ca_file(kafka.certificates().ca_file())
}

pub(crate) fn config(settings: KafkaConfigBuilder) -> ProducerConfig {
    let kafka = settings.build().expect("settings that fit together");
    ProducerConfig::from(kafka).observer(Observer::new())
}

pub(crate) fn producer(settings: KafkaConfigBuilder) -> KafkaProducer {
    KafkaProducer::new(config(settings)).expect("a producer")
}

/// Returns the first payload that a new group of these settings reads.
pub(crate) fn consume_one(settings: KafkaConfigBuilder, topic: &str) -> String {
    let kafka = settings.build().expect("settings that fit together");
    let config = ConsumerConfig::from(kafka).observer(Observer::new());
    let (told, payload) = channel();
    let handle = KafkaConsumer::new(config)
        .and_then(|consumer| consumer.subscribe([topic]))
        .expect("a consumer")
        .start(move |msg: ConsumerContext| {
            told.send(msg.payload_str()?.to_owned())?;
            msg.commit()
        });
    let payload = payload.recv_timeout(SOON).expect("a message");
    stop(&handle);
    payload
}
