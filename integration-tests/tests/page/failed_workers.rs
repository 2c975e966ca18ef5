//! The series that the alert KafkaGroupWithoutPartitions needs.

use integration_tests::{Kafka, soon, unique, unique_topic};
use rws_kafka::{
    ConsumerConfig, ConsumerContext, FailurePolicy, HandlerError, KafkaConsumer, Observer,
};

#[test]
fn a_worker_that_failed_goes_on_saying_that_it_has_no_partition() {
    let kafka = Kafka::shared();
    let topic = unique_topic("orders");
    kafka.create_topic(&topic, 2);
    let (observer, group) = (Observer::new(), unique("group"));
    let config = ConsumerConfig::new(kafka.bootstrap(), &group).expect("valid settings");
    // Its handle is dropped.
    KafkaConsumer::new(config.observer(observer.clone()))
        .and_then(|consumer| consumer.subscribe([topic.as_str()]))
        .expect("a consumer")
        .max_retries(0)
        .on_failure(FailurePolicy::Stop)
        .start(|_: ConsumerContext| Err(HandlerError::new("no such order")));
    let assigned = |count: u32| {
        let line = format!("rws_kafka_consumer_assigned_partitions{{group=\"{group}\"}} {count}\n");
        observer.render().contains(&line)
    };
    soon(|| assigned(2));

    kafka.kcat_with_input(&["-P", "-t", &topic], b"1\n");
    // Without the series the alert would not know of the group.
    soon(|| assigned(0));
    let status = observer.status();
    assert_eq!(status.consumers[0].state.to_string(), "failed");
    assert!(
        status
            .errors
            .iter()
            .any(|error| error.message.contains("no such order"))
    );
}
