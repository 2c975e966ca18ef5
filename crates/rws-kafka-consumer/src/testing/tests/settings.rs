use super::*;
use crate::{ConsumerConfig, ConsumerError};

/// The setting that is refused, and the problem.
fn refused(consumer: KafkaConsumer) -> (&'static str, String) {
    match TestWorker::new(consumer, handle_as_it_says) {
        Err(ConsumerError::Setting { setting, problem }) => (setting, problem),
        other => panic!("{:?}", other.err()),
    }
}

fn with(name: &str, value: &str) -> KafkaConsumer {
    let config = ConsumerConfig::from(config()).observer(Observer::new());
    let consumer = KafkaConsumer::new(config.property(name, value)).unwrap();
    consumer.subscribe(["a"]).unwrap()
}

#[test]
fn a_property_that_the_worker_would_not_obey_is_refused_by_name() {
    for (name, setting) in [
        ("enable.auto.commit", "enable.auto.commit"),
        ("auto.commit.enable", "enable.auto.commit"),
        ("enable.auto.offset.store", "enable.auto.offset.store"),
        ("enable.partition.eof", "enable.partition.eof"),
    ] {
        let (found, problem) = refused(with(name, "true"));
        assert_eq!(found, setting, "{name}");
        assert!(
            problem.contains(r#"is set to "true" by a property"#),
            "{problem}"
        );
        assert!(
            TestWorker::new(with(name, "false"), handle_as_it_says).is_ok(),
            "{name}"
        );
    }
}

#[test]
fn a_placeholder_that_is_none_is_told_from_those_that_are() {
    let (setting, problem) = refused(consumer(&["a"]).dead_letter_queue("{tpic}.dlq"));
    assert_eq!(setting, "dead_letter_queue");
    assert!(problem.contains("contains '{'"), "{problem}");
    assert!(
        problem.ends_with("{topic} is the only placeholder"),
        "{problem}"
    );
    let (_, problem) = refused(consumer(&["a"]).dead_letter_queue("a b"));
    assert!(!problem.contains("placeholder"), "{problem}");
    let names = consumer(&["a"])
        .retry_topics([SECOND])
        .retry_topic_names("{tpic}-{delay}");
    let (_, problem) = refused(names.dead_letter_queue("dlq"));
    assert!(
        problem.ends_with("the placeholders are {topic}, {group}, {delay} and {attempt}"),
        "{problem}"
    );
}
