//! Before any network traffic, and with what is allowed.

use crate::support::{config, metric, nowhere, outcome, producer};
use rws_kafka_config::KafkaConfig;
use rws_kafka_observe::Observer;
use rws_kafka_producer::{KafkaProducer, ProducerConfig, ProducerError, Record};
use std::error::Error;
use std::thread;
use std::time::Duration;

/// Through every way to send.
fn every_error_of(producer: &KafkaProducer, record: &Record<'_>) -> [ProducerError; 3] {
    [
        producer.send_record(record.clone()).unwrap_err(),
        producer.send_record_sync(record.clone()).unwrap_err(),
        outcome(producer.send_record_async(record.clone())).unwrap_err(),
    ]
}

#[test]
fn an_invalid_topic_name() {
    let producer = producer();
    let long = "x".repeat(250);
    let allowed = "allowed are a-z, A-Z, 0-9, '.', '_' and '-'";
    for (topic, expected) in [
        ("", "the topic name is empty".to_owned()),
        (".", r#"a topic cannot be named ".""#.to_owned()),
        ("..", r#"a topic cannot be named "..""#.to_owned()),
        (
            "a b",
            format!(r#"the topic name "a b" contains ' '; {allowed}"#),
        ),
        (
            "größe",
            format!(r#"the topic name "größe" contains 'ö'; {allowed}"#),
        ),
        (
            "a\0b",
            format!(r#"the topic name "a\0b" contains '\0'; {allowed}"#),
        ),
        (
            long.as_str(),
            format!(
                r#"the topic name "{}"… has 250 bytes; at most 249 are allowed"#,
                "x".repeat(40)
            ),
        ),
    ] {
        for error in every_error_of(&producer, &Record::to(topic).payload("x")) {
            assert!(matches!(error, ProducerError::InvalidTopic(_)), "{error:?}");
            assert!(!error.is_retriable());
            assert_eq!(error.to_string(), expected);
        }
    }
    // The longest, and every character.
    producer.send("x".repeat(249).as_str(), "x").unwrap();
    producer.send("azAZ09._-", "x").unwrap();
}

#[test]
fn a_header_name_with_nul() {
    let producer = producer();
    let record = Record::to("topic").header("fine", "x").header("a\0b", "x");
    for error in every_error_of(&producer, &record) {
        assert!(
            matches!(error, ProducerError::InvalidHeader { .. }),
            "{error:?}"
        );
        assert_eq!(
            error.to_string(),
            r#"a header for topic "topic" is named "a\0b"; a header name cannot contain NUL"#
        );
    }
    let value_may = Record::to("topic").header("name", "a\0b");
    producer.send_record(value_may).unwrap();
}

#[test]
fn a_timestamp_that_cannot_be_sent() {
    let producer = producer();
    let allowed = "allowed are 1 to 253402300799999: milliseconds since 1970, up to the year 9999";
    for ms in [0, -5, i64::MIN, 253_402_300_800_000, 1_700_000_000_000_000] {
        let record = Record::to("topic").payload("x").timestamp_ms(ms);
        for error in every_error_of(&producer, &record) {
            assert!(
                matches!(error, ProducerError::InvalidTimestamp { .. }),
                "{error:?}"
            );
            assert!(!error.is_retriable() && !error.is_fatal());
            let text = format!("a record for topic \"topic\" has timestamp_ms {ms}; {allowed}");
            assert_eq!(error.to_string(), text);
        }
    }
    for ms in [1, 1_700_000_000_000, 253_402_300_799_999] {
        let record = Record::to("topic").payload("x").timestamp_ms(ms);
        producer.send_record(record).unwrap();
    }
}

/// `fn main() -> Result<(), ProducerError>` prints the `Debug`.
#[test]
fn with_words_that_main_can_print() {
    let wrong = ProducerConfig::new("not an address").unwrap_err();
    let debug = format!("{wrong:?}");
    let (first, causes) = debug.split_once("\n\nCaused by:\n    ").expect("a cause");
    assert_eq!(first, "the Kafka settings are invalid");
    assert!(causes.contains("brokers"), "{debug}");
    assert_eq!(
        format!("{:?}", ProducerError::Closed),
        "the producer is closed"
    );
    let topic = rws_kafka_producer::check_topic_name("").unwrap_err();
    assert_eq!(format!("{topic:?}"), topic.to_string());
}

#[test]
fn a_message_larger_than_the_producer_takes() {
    let observer = Observer::new();
    let config = config(&nowhere())
        .observer(observer.clone())
        .max_message_bytes(2_000);
    let producer = KafkaProducer::new(config).unwrap();
    let large = "x".repeat(1_990);
    // Keys and headers count too.
    for record in [
        Record::to("topic").payload(&large).key("ten bytes."),
        Record::to("topic").payload(&large).header("five.", "bytes"),
    ] {
        for error in every_error_of(&producer, &record) {
            assert!(
                matches!(error, ProducerError::MessageTooLarge { size: 2_000, .. }),
                "{error:?}"
            );
            assert!(!error.is_retriable());
            assert_eq!(
                error.to_string(),
                "a message of 2000 bytes is too large for topic \"topic\": the producer's \
                 message.max.bytes is 2000, framing included"
            );
        }
    }
    producer.send("topic", "x".repeat(1_800)).unwrap();
    // One for each refusal.
    assert_eq!(
        metric(&observer, "rws_kafka_produce_errors_total", "topic"),
        6
    );
}

#[test]
fn anything_after_a_close() {
    let producer = producer();
    let clone = producer.clone();
    assert!(producer.close(Duration::ZERO).is_complete());
    for error in every_error_of(&clone, &Record::to("topic")) {
        assert!(matches!(error, ProducerError::Closed), "{error:?}");
        assert!(error.is_fatal());
        assert_eq!(error.to_string(), "the producer is closed");
    }
}

#[test]
fn a_property_that_librdkafka_does_not_take() {
    for (name, value, expected) in [
        (
            "no.such.property",
            "x",
            "librdkafka refused the settings: no.such.property: No such configuration property",
        ),
        ("linger.ms", "a-secret-4711", "linger.ms"),
        ("sasl.password", "a-secret-4711", ""),
        ("ssl.key.pem", "a-secret-4711", ""),
        ("ssl.ca.location", "/no/such/file", "ssl.ca.location"),
    ] {
        let config = config("localhost:9").property(name, value);
        assert!(!format!("{config:?}").contains("a-secret"));
        let Err(error) = KafkaProducer::new(config.property("security.protocol", "SSL")) else {
            assert_eq!(name, "sasl.password");
            continue;
        };
        assert!(matches!(error, ProducerError::Property { .. }), "{error:?}");
        let text = format!("{error} {error:?}");
        assert!(text.contains(expected), "{text}");
        assert!(!text.contains("a-secret"), "{text}");
    }
}

#[test]
fn settings_that_are_wrong() {
    let error = ProducerConfig::new("not an address").unwrap_err();
    assert!(matches!(error, ProducerError::Config(_)), "{error:?}");
    assert_eq!(error.to_string(), "the Kafka settings are invalid");
    let source = error.source().unwrap().to_string();
    assert!(source.contains("brokers"), "{source}");
}

/// If layers, code and defaults set a property under different names, the highest layer counts.
#[test]
fn a_property_has_one_value_whatever_it_is_called() {
    let times_out_after_100_ms = |layer: (&str, &str), code: Option<(&str, &str)>| {
        let kafka = KafkaConfig::builder().brokers(nowhere());
        let kafka = kafka.property(layer.0, layer.1).build().unwrap();
        let mut config = ProducerConfig::from(kafka).observer(Observer::new());
        if let Some((name, value)) = code {
            config = config.property(name, value);
        }
        let producer = KafkaProducer::new(config).unwrap();
        let error = producer.send_sync("topic", "x").unwrap_err();
        assert!(error.to_string().contains("within 100ms"), "{error}");
    };
    // Several of each: a mix-up would come by chance.
    thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| times_out_after_100_ms(("delivery.timeout.ms", "100"), None));
            scope.spawn(|| {
                let code = ("delivery.timeout.ms", "100");
                times_out_after_100_ms(("message.timeout.ms", "300000"), Some(code));
            });
        }
    });
}
