//! What a worker reports if it cannot fetch or join.

use integration_tests::{Scene, ready, soon, stop, unique_topic};
use rws_kafka_consumer::{ConsumerContext, ConsumerError, ConsumerHandle, KafkaConsumer};

fn start_with(scene: &Scene<'_>, strategy: &str) -> ConsumerHandle {
    let config = scene.config();
    let config = config.property("partition.assignment.strategy", strategy);
    let consumer = scene.consumer_of(config);
    consumer.start(|msg: ConsumerContext| msg.commit())
}

#[test]
fn members_with_different_strategies_read_which_group_and_which_strategy() {
    let scene = Scene::new(1);
    let first = start_with(&scene, "range");
    ready(&first);
    let second = start_with(&scene, "cooperative-sticky");
    soon(|| second.status().last_error.is_some());
    let error = second.status().last_error;
    let Some(ConsumerError::Group { group, detail }) = &error else {
        panic!("{error:?}");
    };
    assert_eq!(group, &scene.group);
    let says = |text: &str| detail.matches(text).count();
    assert_eq!(says("InconsistentGroupProtocol"), 1, "{detail}");
    assert_eq!(says("\"cooperative-sticky\""), 1, "{detail}");
    assert_eq!(says("JoinGroup failed"), 1, "{detail}");
    stop(&second);
    stop(&first);
}

#[test]
fn a_topic_that_does_not_exist_is_named_and_the_code_stands_there_once() {
    let scene = Scene::new(1);
    let missing = unique_topic("missing");
    let consumer = KafkaConsumer::new(scene.config())
        .and_then(|consumer| consumer.subscribe([&scene.topic, &missing]))
        .expect("a valid consumer");
    let handle = consumer.start(|msg: ConsumerContext| msg.commit());
    soon(|| handle.status().last_error.is_some());
    let error = handle.status().last_error.expect("an error");
    let text = error.to_string();
    assert!(text.contains(&missing), "{text}");
    let codes = text.matches("UnknownTopicOrPartition").count();
    assert_eq!(codes, 1, "{text}");
    stop(&handle);
}
