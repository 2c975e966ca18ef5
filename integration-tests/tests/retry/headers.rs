//! The headers of a message on its way through retry topics.

use crate::support::Scene;
use integration_tests::TopicRecord;
use integration_tests::jobs::retrier::number;
use integration_tests::{Kafka, now_ms, soon, stop};
use rws_kafka_consumer::{
    ConsumerConfig, ConsumerContext, DeadLetterHeaders, HandlerError, Replay,
};
use rws_kafka_observe::Observer;
use rws_kafka_producer::Record;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

const TIMESTAMP: i64 = 1_600_000_000_123;

/// What one delivery looked like to the handler.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Delivery {
    topic: String,
    attempt: u32,
    original: (String, i32, i64),
    timestamp_ms: Option<i64>,
    key: Option<Vec<u8>>,
}

#[derive(Clone, Default)]
struct Deliveries(Arc<Mutex<Vec<Delivery>>>);

impl Deliveries {
    fn note(&self, msg: &ConsumerContext) {
        let original_topic = msg.original_topic().to_owned();
        self.0.lock().unwrap().push(Delivery {
            topic: msg.topic().to_owned(),
            attempt: msg.attempt(),
            original: (
                original_topic,
                msg.original_partition(),
                msg.original_offset(),
            ),
            timestamp_ms: msg.timestamp_ms(),
            key: msg.key().map(<[u8]>::to_vec),
        });
    }

    fn all(&self) -> Vec<Delivery> {
        self.0.lock().unwrap().clone()
    }
}

/// Returns a message with headers of every kind. Some of them are trusted only from a retry topic.
fn poison(topic: &str) -> Record<'_> {
    Record::to(topic)
        .partition(2)
        .key("key")
        .payload("poison")
        .timestamp_ms(TIMESTAMP)
        .header("a", "1")
        .header("a", &None::<&str>)
        .header("retry_topic-attempts", &[0_u8, 0, 0, 77])
        .header("kafka_original-partition", &[0_u8, 0, 0, 9])
        .header("retry_topic-backoff-timestamp", &[0x7f_u8; 8])
        .header("a", "")
}

fn own(found: &TopicRecord) -> Vec<(String, Option<Vec<u8>>)> {
    found.headers.iter().take(6).cloned().collect()
}

#[test]
fn a_message_keeps_what_it_came_with_and_where_it_came_from() {
    let scene = Scene::new(3);
    // Before it, so that its offset is not 0.
    scene.send_record(Record::to(&scene.topic).partition(2).payload("good"));
    scene.send_record(poison(&scene.topic));
    let deliveries = Deliveries::default();
    let notes = deliveries.clone();
    let handle = scene.consumer(&[200, 400]).start(move |msg| {
        if msg.payload_str()? == "good" {
            return msg.commit();
        }
        notes.note(&msg);
        Err(HandlerError::new("no such order"))
    });
    soon(|| scene.records(&scene.queue) == 1);
    stop(&handle);

    let retries = [200, 400].map(|delay| scene.retry(delay));
    let topics = [&scene.topic, &retries[0], &retries[1]];
    let expected: Vec<Delivery> = (1..)
        .zip(topics)
        .map(|(attempt, topic)| Delivery {
            topic: topic.clone(),
            attempt,
            original: (scene.topic.clone(), 2, 1),
            timestamp_ms: Some(TIMESTAMP),
            key: Some(b"key".to_vec()),
        })
        .collect();
    assert_eq!(deliveries.all(), expected);

    let sent = scene.kafka.read(&scene.topic);
    let came_with = &sent[1].headers;
    assert_eq!(came_with.len(), 6);
    let mut names = None;
    for (attempt, retry) in (2..).zip(&retries) {
        let [found] = &scene.kafka.read(retry)[..] else {
            panic!("one record in {retry}");
        };
        assert_eq!(own(found), *came_with);
        assert_eq!(found.key.as_deref(), Some(&b"key"[..]));
        assert_eq!(found.payload_text(), "poison");
        // Its timestamp is the time of its writing, from which the topic's retention counts.
        let last = |name: &str| {
            let mut headers = found.headers.iter().rev();
            let value = headers.find(|(other, _)| other == name).expect(name);
            value.1.clone().expect("a value")
        };
        let due = number(&last("retry_topic-backoff-timestamp"));
        let written = found.timestamp_ms.expect("a timestamp");
        assert!(written > TIMESTAMP && due > TIMESTAMP, "{found:?}");
        assert_eq!(number(&last("retry_topic-attempts")), attempt);
        assert_eq!(last("kafka_original-topic"), scene.topic.as_bytes());
        assert_eq!(number(&last("kafka_original-partition")), 2);
        assert_eq!(number(&last("kafka_original-offset")), 1);
        assert_eq!(number(&last("kafka_original-timestamp")), TIMESTAMP);
        assert_eq!(number(&last("retry_topic-original-timestamp")), TIMESTAMP);
        assert_eq!(last("kafka_exception-message"), b"no such order");
        // They do not pile up.
        let found: Vec<String> = found
            .header_names()
            .iter()
            .map(|it| (*it).to_owned())
            .collect();
        assert_eq!(*names.get_or_insert(found.clone()), found);
    }

    let letter = &scene.kafka.read(&scene.queue)[0];
    assert_eq!(own(letter), *came_with);
    let published = letter.timestamp_ms.expect("a timestamp");
    assert!(published > 1_700_000_000_000, "{published}");
    for name in &letter.header_names()[6..] {
        assert!(name.starts_with("rws-dlq-"), "{letter:?}");
    }
    for (name, expected) in [
        ("rws-dlq-original-topic", scene.topic.as_str()),
        ("rws-dlq-original-partition", "2"),
        ("rws-dlq-original-offset", "1"),
        ("rws-dlq-original-timestamp", "1600000000123"),
        ("rws-dlq-consumer-group", &scene.group),
        ("rws-dlq-error-reason", "no such order"),
        ("rws-dlq-attempts", "3"),
    ] {
        assert_eq!(letter.header_texts(name), [expected], "{name}");
    }
}

#[test]
fn a_replay_brings_a_letter_back_to_where_it_came_from_first() {
    let scene = Scene::new(3);
    let record = Record::to(&scene.topic).key("key").payload("poison");
    scene.send_record(record.header("a", "1"));
    let handle = scene
        .consumer(&[100])
        .dead_letter_headers(DeadLetterHeaders::Spring)
        .start(|_| Err(HandlerError::new("no such order")));
    soon(|| scene.records(&scene.queue) == 1);
    stop(&handle);
    let letter = &scene.kafka.read(&scene.queue)[0];
    let of_group = "kafka_dlt-original-consumer-group";
    assert_eq!(letter.header_texts(of_group), [scene.group.as_str()]);
    let is_left =
        |name: &&str| name.starts_with("retry_topic") || name.starts_with("kafka_original");
    assert!(!letter.header_names().iter().any(is_left), "{letter:?}");

    let config = ConsumerConfig::new(scene.kafka.bootstrap(), "not used").unwrap();
    let report = Replay::new(config.observer(Observer::new()), &scene.queue)
        .group(format!("{}-replay", scene.group))
        .start()
        .expect("it starts")
        .join();
    assert!(
        report.is_complete() && report.status.replayed == 1,
        "{report:?}"
    );
    let found = scene.kafka.read(&scene.topic);
    let brought_back = &found[1];
    assert_eq!(brought_back.payload_text(), "poison");
    assert_eq!(brought_back.header_names(), ["a", "rws-replay-count"]);
}

#[test]
fn spring_reads_what_is_put_off() {
    let kafka = Kafka::shared();
    let scene = Scene::new(1);
    let record = Record::to(&scene.topic).key("key").payload("busy");
    scene.send_record(record.timestamp_ms(TIMESTAMP));
    let retry = scene.retry(100);
    let handle = scene.consumer(&[100]).start(|msg| {
        if msg.attempt() == 1 {
            return Err(HandlerError::new("gr\u{f6}\u{df}er"));
        }
        msg.commit()
    });
    soon(|| scene.records(&retry) == 1 && scene.is_committed(&retry));
    stop(&handle);
    let raw = &scene.kafka.read(&retry)[0];
    let due = raw.headers.last().expect("headers");
    assert_eq!(due.0, "retry_topic-backoff-timestamp");
    let due = number(due.1.as_deref().expect("a value")).to_string();

    let read = kafka.read_as_spring(&retry, 1);
    let written = raw.timestamp_ms.expect("a timestamp").to_string();
    let kind = "rws_kafka_consumer::HandlerError";
    let expected = [
        ("kafka_dlt-original-consumer-group", scene.group.as_str()),
        ("kafka_exception-cause-fqcn", kind),
        ("kafka_exception-fqcn", kind),
        ("kafka_exception-message", "gr\u{f6}\u{df}er"),
        ("kafka_exception-stacktrace", "gr\u{f6}\u{df}er"),
        ("kafka_original-offset", "0"),
        ("kafka_original-partition", "0"),
        ("kafka_original-timestamp", "1600000000123"),
        ("kafka_original-timestamp-type", "CreateTime"),
        ("kafka_original-topic", &scene.topic),
        ("key", "key"),
        ("retry_topic-attempts", "2"),
        ("retry_topic-backoff-timestamp", &due),
        ("retry_topic-original-timestamp", "1600000000123"),
        ("timestamp", &written),
        ("value", "busy"),
    ];
    let expected: BTreeMap<String, String> = expected
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    assert_eq!(read, [expected]);
}

/// As its `DeadLetterPublishingRecovererFactory` writes it, which keeps the headers of earlier
/// hops.
#[test]
fn what_spring_put_off_is_read() {
    let scene = Scene::new(1);
    let retry = scene.retry(300);
    scene.kafka.create_topic(&retry, 1);
    let due = now_ms() + 200;
    let (first, backoff) = (TIMESTAMP.to_be_bytes(), due.to_be_bytes());
    let record = Record::to(&retry)
        .key("key")
        .payload("busy")
        .header("kafka_original-topic", scene.topic.as_str())
        .header("kafka_original-partition", &[0_u8, 0, 0, 5])
        .header("kafka_original-offset", &[0_u8, 0, 0, 1, 0, 0, 0, 2])
        .header("kafka_original-timestamp", &first)
        .header("kafka_original-timestamp-type", "CreateTime")
        .header("kafka_exception-fqcn", "org.example.Busy")
        .header("retry_topic-original-timestamp", &first[2..])
        .header("retry_topic-attempts", &[0_u8, 0, 0, 2])
        .header("retry_topic-backoff-timestamp", &first[2..])
        .header("retry_topic-attempts", &[0_u8, 0, 0, 3])
        .header("retry_topic-backoff-timestamp", &backoff[2..]);
    scene.send_record(record);
    // Without any headers: written by hand.
    scene.send_record(Record::to(&retry).payload("bare").timestamp_ms(TIMESTAMP));
    let deliveries = Deliveries::default();
    let notes = deliveries.clone();
    let handle = scene.consumer(&[300]).start(move |msg| {
        if msg.payload_str()? == "busy" {
            let now = now_ms();
            assert!(now >= due, "{now} is before {due}");
        }
        notes.note(&msg);
        msg.commit()
    });
    soon(|| scene.is_committed(&retry));
    stop(&handle);
    let [of_spring, bare] = &deliveries.all()[..] else {
        panic!("{:?}", deliveries.all());
    };
    let offset = (1_i64 << 32) + 2;
    assert_eq!(of_spring.original, (scene.topic.clone(), 5, offset));
    assert_eq!(
        (of_spring.attempt, of_spring.timestamp_ms),
        (3, Some(TIMESTAMP))
    );
    assert_eq!(bare.original, (retry, 0, 1));
    assert_eq!((bare.attempt, bare.timestamp_ms), (2, Some(TIMESTAMP)));
}
