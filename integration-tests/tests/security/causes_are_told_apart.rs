//! The cause of a failed connection is reported within 10 s, and without the password.

use crate::support::{PASSWORD, USER, config, producer, secured, settings};
use integration_tests::{Kafka, SOON, SaslOptions, unique_topic};
use rws_kafka_config::{KafkaConfig, KafkaConfigBuilder, SaslMechanism, SecurityProtocol};
use rws_kafka_observe::{BrokerState, Observer};
use rws_kafka_producer::connection::ConnectionCause;
use rws_kafka_producer::{KafkaProducer, ProducerError};
use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

/// The time within which a cause must be reported.
const PROMISED: Duration = Duration::from_secs(10);
/// The timeout of ping and send.
const WITHIN: Duration = Duration::from_secs(5);
const WRONG: &str = "not-my-password-4711";

/// Asserts that a ping and a send both fail with `expected` and contain its `words`.
fn tells(settings: KafkaConfigBuilder, words: &str, expected: fn(&ConnectionCause) -> bool) {
    let observer = Observer::new();
    let config = config(settings)
        .observer(observer.clone())
        .delivery_timeout(WITHIN);
    let debug = format!("{config:?}");
    assert!(!shows_a_password(&debug), "{debug}");
    let producer = KafkaProducer::new(config).unwrap();

    let started = Instant::now();
    let topic = unique_topic("causes");
    let (pinged, sent) = thread::scope(|scope| {
        let sent = scope.spawn(|| producer.send_sync(&topic, "x").unwrap_err());
        let pinged = producer.ping(WITHIN).unwrap_err();
        (pinged, sent.join().unwrap())
    });
    assert!(started.elapsed() < PROMISED);
    assert!(
        matches!(pinged, ProducerError::Unreachable { .. }),
        "{pinged:?}"
    );
    assert!(matches!(sent, ProducerError::TimedOut { .. }), "{sent:?}");
    assert_cause(&pinged, words, expected);
    assert_cause(&sent, words, expected);
    assert_eq!(
        observer.readiness().producer(),
        Some(BrokerState::Unreachable)
    );
}

fn assert_cause(error: &ProducerError, words: &str, expected: fn(&ConnectionCause) -> bool) {
    let cause = error.connection_cause();
    assert!(cause.is_some_and(expected), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(words), "{text}");
    let mut all = format!("{error:?} {error:#?} {text}");
    let mut source = error.source();
    while let Some(error) = source {
        all += &format!(" {error:?} {error}");
        source = error.source();
    }
    assert!(!shows_a_password(&all), "{all}");
}

fn shows_a_password(text: &str) -> bool {
    text.contains(PASSWORD) || text.contains(WRONG)
}

fn is_authentication(cause: &ConnectionCause) -> bool {
    matches!(cause, ConnectionCause::Authentication { .. })
}

#[test]
fn a_wrong_password_by_scram() {
    tells(
        settings(secured()).sasl_password(WRONG),
        "the broker refused the credentials (see sasl_mechanism, sasl_username, sasl_password): ",
        is_authentication,
    );
}

#[test]
fn a_wrong_password_by_plain() {
    tells(
        settings(secured())
            .sasl_mechanism(SaslMechanism::Plain)
            .sasl_password(WRONG),
        "the broker refused the credentials",
        is_authentication,
    );
}

#[test]
fn an_unknown_user() {
    tells(
        settings(secured()).sasl_username("nobody"),
        "the broker refused the credentials",
        is_authentication,
    );
}

#[test]
fn an_unknown_ca() {
    let kafka = secured();
    tells(
        settings(kafka).ssl_ca_file(kafka.certificates().other_ca_file()),
        "the broker's certificate is not signed by a CA in ssl_ca_file: ",
        |cause| matches!(cause, ConnectionCause::UntrustedCertificate { .. }),
    );
}

#[test]
fn a_host_name_that_does_not_match() {
    let kafka = Kafka::start_sasl_ssl(
        SaslOptions::new()
            .user(USER, PASSWORD)
            .certificate_host("elsewhere.example"),
    );
    let told = "the broker's certificate is not for the host name given in `brokers`: ";
    let is_mismatch =
        |cause: &ConnectionCause| matches!(cause, ConnectionCause::HostNameMismatch { .. });
    tells(settings(&kafka), told, is_mismatch);
    // If the CA is unknown too, that error comes first: the contents of such a certificate are not
    // checked.
    tells(
        settings(&kafka).ssl_ca_file(kafka.certificates().other_ca_file()),
        "the broker's certificate is not signed by a CA",
        |cause| matches!(cause, ConnectionCause::UntrustedCertificate { .. }),
    );
}

#[test]
fn an_address_where_a_name_is_certified() {
    let kafka = secured();
    let brokers = kafka.bootstrap().replace("localhost", "127.0.0.1");
    tells(
        settings(kafka).brokers(brokers),
        "the broker's certificate is not for the host name",
        |cause| matches!(cause, ConnectionCause::HostNameMismatch { .. }),
    );
}

#[test]
fn tls_to_a_listener_without_it() {
    let kafka = secured();
    tells(
        settings(kafka).brokers(kafka.plain_bootstrap()),
        "TLS to the broker failed: ",
        |cause| matches!(cause, ConnectionCause::Tls { .. }),
    );
}

#[test]
fn no_tls_to_a_listener_that_wants_it() {
    let plain = KafkaConfig::builder()
        .brokers(secured().bootstrap())
        .security_protocol(SecurityProtocol::Plaintext);
    tells(plain, "no broker can be reached: ", |cause| {
        matches!(cause, ConnectionCause::Unreachable { .. })
    });
}

#[test]
fn a_cause_is_forgotten_once_a_broker_answers() {
    let kafka = Kafka::start_sasl_ssl(SaslOptions::new().user(USER, PASSWORD));
    let producer = producer(settings(&kafka));
    producer.ping(SOON).unwrap();
    kafka.stop();
    let error = producer.ping(Duration::from_secs(3)).unwrap_err();
    let cause = error.connection_cause();
    assert!(
        matches!(cause, Some(ConnectionCause::Unreachable { .. })),
        "{error}"
    );
    kafka.restart();
    producer.ping(SOON).unwrap();
    kafka.pause();
    let error = producer.ping(Duration::from_millis(300)).unwrap_err();
    assert_eq!(error.connection_cause(), None, "{error}");
    kafka.unpause();
}
