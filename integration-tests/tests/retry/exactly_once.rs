use crate::support::{Journal, Scene};
use integration_tests::jobs::retrier::due_ms;
use integration_tests::{now_ms, soon, stop, unique, unique_topic};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};
use rws_kafka_consumer::{ConsumerHandle, HandlerError};
use std::time::Duration;

const MESSAGES: usize = 300;

/// Returns the payloads in `topic`, all or only committed ones.
fn payloads(scene: &Scene<'_>, topic: &str, isolation: &str) -> Vec<String> {
    let client: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", scene.kafka.plain_bootstrap())
        .set("group.id", unique("reader"))
        .set("isolation.level", isolation)
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .create()
        .expect("a reader");
    let mut list = TopicPartitionList::new();
    for partition in 0..scene.partitions {
        let added = list.add_partition_offset(topic, partition, Offset::Beginning);
        added.expect("an offset");
    }
    client.assign(&list).expect("an assignment");
    let mut found = Vec::new();
    let mut ended = 0;
    while ended < scene.partitions {
        match client
            .poll(Duration::from_secs(20))
            .expect("a word within 20 s")
        {
            Ok(message) => {
                let payload = message.payload().expect("a payload");
                found.push(String::from_utf8(payload.to_vec()).expect("text"));
            }
            Err(_) => ended += 1,
        }
    }
    found.sort();
    found
}

/// Messages fail 0 to 4 times, each with an output before; workers are stopped and started
/// meanwhile.
#[test]
fn each_result_is_read_once_and_a_retry_is_an_output_of_the_transaction() {
    let scene = Scene::new(3);
    let sink = unique_topic("sink");
    scene.kafka.create_topic(&sink, 3);
    let journal = Journal::default();
    let id = unique("transactions");
    let start = || -> ConsumerHandle {
        let (notes, sink) = (journal.clone(), sink.clone());
        scene
            .consumer(&[400, 800, 1200])
            .concurrency(3)
            .exactly_once(&id)
            .start(move |msg, out| {
                if let Some(due) = due_ms(&msg) {
                    assert!(now_ms() >= due, "it is early");
                }
                notes.note(&msg);
                let text = msg.payload_str()?;
                let fails: u32 = text[..1].parse()?;
                // Discarded with each failure.
                out.send_keyed(&sink, text, text)?;
                if msg.attempt() <= fails {
                    return Err(HandlerError::new("busy"));
                }
                Ok(())
            })
    };
    let names: Vec<String> = (0..MESSAGES).map(|it| format!("{}-{it}", it % 5)).collect();
    scene.send(&names);
    let mut handle = start();
    for reached in [100, 400, 700] {
        soon(|| journal.len() >= reached);
        stop(&handle);
        handle = start();
    }
    let topics = [400, 800, 1200].map(|delay| scene.retry(delay));
    let is_done = |topic: &String| {
        // For transaction markers there is nothing to commit.
        let lag = handle.status().assignment;
        let mut of_topic = lag.iter().filter(|it| it.partition.topic() == topic);
        of_topic.all(|it| it.lag == Some(0))
    };
    soon(|| {
        let results = payloads(&scene, &sink, "read_committed").len();
        let letters = payloads(&scene, &scene.queue, "read_committed").len();
        results + letters >= MESSAGES && topics.iter().all(is_done) && is_done(&scene.topic)
    });
    stop(&handle);

    let expected = |dead: bool| -> Vec<String> {
        let names = names.iter().filter(|name| name.starts_with('4') == dead);
        let mut names: Vec<String> = names.cloned().collect();
        names.sort();
        names
    };
    assert_eq!(payloads(&scene, &sink, "read_committed"), expected(false));
    assert_eq!(
        payloads(&scene, &scene.queue, "read_committed"),
        expected(true)
    );
    for (level, topic) in (1..).zip(&topics) {
        let mut retried: Vec<String> = names.clone();
        retried.retain(|name| name[..1].parse::<u32>().unwrap() >= level);
        retried.sort();
        assert_eq!(payloads(&scene, topic, "read_committed"), retried);
    }
}
