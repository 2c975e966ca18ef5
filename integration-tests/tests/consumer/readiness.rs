//! Lag and readiness.

use integration_tests::{Gate, SOON, Scene, ready, soon, stop, throughout};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use rws_kafka_consumer::{ConsumerConfig, ConsumerContext};
use rws_kafka_observe::{BrokerState, ConsumerState};
use std::time::Duration;

fn with_lag_timeout(scene: &Scene<'_>, timeout: Duration) -> ConsumerConfig {
    scene.config_of(|config| config.readyz_lag_timeout(timeout))
}

/// Returns the lag gauge of a partition.
fn gauge(scene: &Scene<'_>, partition: i32) -> Option<i64> {
    let series = format!(
        "rws_kafka_consumer_lag{{group=\"{}\",partition=\"{partition}\",topic=\"{}\"}} ",
        scene.group, scene.topic
    );
    let page = scene.observer.render();
    let value = page.lines().find_map(|line| line.strip_prefix(&series))?;
    Some(value.parse().unwrap())
}

#[test]
fn lag_is_the_end_less_what_is_committed() {
    let scene = Scene::new(2);
    scene.fill_partitions(0..1, 30);
    let gate = Gate::default();
    let wait = gate.clone();
    let handle = scene.consumer().start(move |msg: ConsumerContext| {
        if msg.offset() >= 10 {
            wait.pass();
        }
        msg.commit()
    });
    // Nothing is committed for partition 1, which is empty: it has no lag.
    soon(|| gauge(&scene, 0) == Some(20) && gauge(&scene, 1) == Some(0));
    soon(|| scene.observer.readiness().consumer_lag() == Some(20));
    scene.fill_partitions(1..2, 5);
    soon(|| gauge(&scene, 1) == Some(5));
    gate.open();
    soon(|| gauge(&scene, 0) == Some(0) && gauge(&scene, 1) == Some(0));
    soon(|| scene.observer.readiness().consumer_lag() == Some(0));
    assert!(scene.observer.readiness().is_ready());
    stop(&handle);
    assert_eq!((gauge(&scene, 0), gauge(&scene, 1)), (None, None));
}

#[test]
fn a_worker_is_rebalancing_until_its_first_assignment() {
    let scene = Scene::new(1);
    let handle = scene.consumer().start(|msg: ConsumerContext| msg.commit());
    let first = scene.observer.readiness();
    assert_eq!(first.consumer(), Some(ConsumerState::Rebalancing));
    assert!(!first.is_ready());
    ready(&handle);
    soon(|| scene.observer.readiness().is_ready());
    assert_eq!(
        scene.observer.readiness().consumer(),
        Some(ConsumerState::Ok)
    );
    stop(&handle);
}

#[test]
fn a_handler_that_hangs_is_a_stall_and_its_end_ends_it() {
    let scene = Scene::new(1);
    let gate = Gate::default();
    let wait = gate.clone();
    let config = with_lag_timeout(&scene, Duration::from_secs(3));
    let handle = scene
        .consumer_of(config)
        .start(move |msg: ConsumerContext| {
            wait.pass();
            msg.commit()
        });
    soon(|| scene.observer.readiness().is_ready());
    scene.fill(3);
    soon(|| scene.observer.readiness().consumer() == Some(ConsumerState::Stalled));
    let readiness = scene.observer.readiness();
    assert_eq!(readiness.consumer_lag(), Some(3));
    assert!(readiness.to_json().contains("stalled"), "{readiness:?}");
    gate.open();
    soon(|| scene.observer.readiness().is_ready());
    stop(&handle);
}

#[test]
fn an_idle_worker_without_lag_stays_ready() {
    let scene = Scene::new(1);
    scene.fill(3);
    let config = with_lag_timeout(&scene, Duration::from_secs(1));
    let handle = scene
        .consumer_of(config)
        .start(|msg: ConsumerContext| msg.commit());
    soon(|| scene.observer.readiness().is_ready() && gauge(&scene, 0) == Some(0));
    stays_ready(&scene, Duration::from_secs(4));
    stop(&handle);
}

#[track_caller]
fn stays_ready(scene: &Scene<'_>, time: Duration) {
    throughout(time, || {
        let readiness = scene.observer.readiness();
        assert!(readiness.is_ready(), "{}", readiness.to_json());
    });
}

#[test]
fn the_marks_of_transactions_are_no_work() {
    let scene = Scene::new(1);
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", scene.kafka.bootstrap())
        .set("transactional.id", &scene.topic)
        .create()
        .unwrap();
    producer.init_transactions(SOON).unwrap();
    let transaction = |message: &str| {
        producer.begin_transaction().unwrap();
        let record = BaseRecord::<str, str>::to(&scene.topic).payload(message);
        producer.send(record).unwrap();
        producer.flush(SOON).unwrap();
    };
    transaction("kept");
    producer.commit_transaction(SOON).unwrap();
    transaction("dropped");
    producer.abort_transaction(SOON).unwrap();
    // The broker writes the last mark after its answer.
    soon(|| scene.kafka.end_offset(&scene.topic, 0) == 4);

    let config = with_lag_timeout(&scene, Duration::from_secs(1));
    let handle = scene
        .consumer_of(config)
        .start(|msg: ConsumerContext| msg.commit());
    soon(|| scene.committed(0) == Some(1));
    soon(|| gauge(&scene, 0) == Some(0) && scene.observer.readiness().is_ready());
    stays_ready(&scene, Duration::from_secs(3));
    stop(&handle);

    // The next worker gets no message at all. A message after the marks is work again.
    let gate = Gate::default();
    let wait = gate.clone();
    let handle = scene.consumer().start(move |msg: ConsumerContext| {
        wait.pass();
        msg.commit()
    });
    soon(|| gauge(&scene, 0) == Some(0));
    scene.fill(2);
    soon(|| gauge(&scene, 0).is_some_and(|lag| lag >= 2));
    gate.open();
    soon(|| gauge(&scene, 0) == Some(0));
    stop(&handle);
}

#[test]
fn lag_counts_from_the_first_message_that_is_left() {
    let scene = Scene::new(1);
    scene.fill(10);
    delete_before(&scene, 6);
    let gate = Gate::default();
    let wait = gate.clone();
    let handle = scene.consumer().start(move |msg: ConsumerContext| {
        wait.pass();
        msg.commit()
    });
    soon(|| gauge(&scene, 0) == Some(4));
    gate.open();
    soon(|| gauge(&scene, 0) == Some(0));
    stop(&handle);
    assert_eq!(scene.committed(0), Some(10));
}

fn delete_before(scene: &Scene<'_>, offset: i64) {
    let admin: AdminClient<_> = ClientConfig::new()
        .set("bootstrap.servers", scene.kafka.bootstrap())
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&scene.topic, 0, Offset::Offset(offset))
        .unwrap();
    let options = AdminOptions::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime
        .block_on(admin.delete_records(&list, &options))
        .unwrap();
}

#[test]
fn an_unreachable_broker_shows() {
    let observer = rws_kafka_observe::Observer::new();
    let config = ConsumerConfig::new("localhost:1", "group").unwrap();
    let consumer = rws_kafka_consumer::KafkaConsumer::new(config.observer(observer.clone()));
    let handle = consumer
        .and_then(|consumer| consumer.subscribe(["topic"]))
        .unwrap()
        .start(|msg: ConsumerContext| msg.commit());
    soon(|| handle.status().connection.is_some());
    let readiness = observer.readiness();
    assert!(!readiness.is_ready());
    assert_eq!(readiness.producer(), None::<BrokerState>);
    assert!(
        !readiness.to_json().contains("rebalancing"),
        "{readiness:?}"
    );
    handle.stop_within(Duration::ZERO);
}
