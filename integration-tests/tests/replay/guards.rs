use crate::support::{Scene, complete};
use integration_tests::unique_topic;
use rws_kafka::{ConsumerError, LeftReason, Record, Replay, ReplayPartition, ReplayTimestamp};
use std::collections::BTreeMap;

#[test]
fn a_message_comes_back_as_it_was_with_its_count() {
    let scene = Scene::new(3);
    let letter = Record::to(&scene.queue)
        .key(b"\x00key\xff")
        .payload(b"poison \x00\xfe\n")
        .header("trace", "abc")
        .header("null", &None::<&str>)
        .header("rws-replay-count", "1")
        .header("trace", b"\x01\xff")
        .header("rws-dlq-original-topic", scene.topic.as_str())
        .header("rws-dlq-original-partition", "2")
        .header("rws-dlq-original-timestamp", "1600000000123");
    scene.send(letter.partition(0));
    scene.flush();
    let as_it_was = scene.replay().timestamp(ReplayTimestamp::Original);
    complete(&as_it_was.partition(ReplayPartition::Original));
    let written = scene.written();
    let [message] = &written[..] else {
        panic!("{written:?}");
    };
    assert_eq!(message.partition, 2);
    assert_eq!(message.key.as_deref(), Some(&b"\x00key\xff"[..]));
    assert_eq!(message.payload.as_deref(), Some(&b"poison \x00\xfe\n"[..]));
    assert_eq!(message.timestamp_ms, Some(1_600_000_000_123));
    let header = |name: &str, value: &[u8]| (name.to_owned(), Some(value.to_vec()));
    assert_eq!(
        message.headers,
        [
            header("trace", b"abc"),
            ("null".to_owned(), None),
            header("trace", b"\x01\xff"),
            header("rws-replay-count", b"2"),
        ]
    );

    let again = scene.replay().group(format!("{}-now", scene.group));
    complete(&again);
    let by_key = scene.written().into_iter().find(|found| {
        let ms = found.timestamp_ms.unwrap_or_default();
        ms > 1_700_000_000_000
    });
    let by_key = by_key.expect("one with the present time");
    // By the key, where the producer itself puts it.
    let record = Record::to(&scene.topic).key(b"\x00key\xff");
    let delivery = scene.producer.send_record_sync(record).unwrap();
    assert_eq!(by_key.partition, delivery.partition);
}

#[test]
fn springs_letters_come_back_too() {
    let scene = Scene::new(3);
    let ms = 1_600_000_000_001_i64;
    let (partition, attempts) = (1_i32.to_be_bytes(), 4_i32.to_be_bytes());
    let (offset, timestamp) = (9_i64.to_be_bytes(), ms.to_be_bytes());
    let letter = Record::to(&scene.queue)
        .payload("spring")
        .header("own", "1")
        .header("kafka_dlt-original-topic", scene.topic.as_str())
        .header("kafka_dlt-original-partition", &partition)
        .header("kafka_dlt-original-offset", &offset)
        .header("kafka_dlt-original-timestamp", &timestamp)
        .header("kafka_dlt-original-timestamp-type", "CreateTime")
        .header("kafka_dlt-original-consumer-group", "java")
        .header("kafka_dlt-exception-message", "late")
        .header("kafka_deliveryAttempt", &attempts);
    scene.send(letter);
    scene.flush();
    let replay = scene.replay().timestamp(ReplayTimestamp::Original);
    let replay = replay.partition(ReplayPartition::Original);
    let preview = replay.dry_run().unwrap();
    assert_eq!(preview.by_reason, BTreeMap::from([("late".to_owned(), 1)]));
    assert_eq!(preview.by_group, BTreeMap::from([("java".to_owned(), 1)]));
    complete(&replay);
    let written = scene.written();
    assert_eq!(written.len(), 1);
    assert_eq!(written[0].partition, 1);
    assert_eq!(written[0].timestamp_ms, Some(ms));
    let names: Vec<&str> = written[0].headers.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["own", "rws-replay-count"]);
}

#[test]
fn what_came_back_too_often_or_from_nowhere_is_left_and_counted() {
    let scene = Scene::new(1);
    for count in ["1", "2", "3", "4", "x"] {
        scene.send(scene.letter(count).header("rws-replay-count", count));
    }
    scene.send(Record::to(&scene.queue).payload("nowhere"));
    let to = |topic| Record::to(&scene.queue).header("rws-dlq-original-topic", topic);
    scene.send(to("no topic").payload("bad name"));
    scene.send(to(scene.queue.as_str()).payload("itself"));
    scene.flush();
    let report = complete(&scene.replay());
    assert_eq!(scene.payloads(), ["1", "2"]);
    let expected = [
        (LeftReason::ReplayedTooOften, 2),
        (LeftReason::BadReplayCount, 1),
        (LeftReason::NoOriginalTopic, 1),
        (LeftReason::BadOriginalTopic, 2),
    ];
    assert_eq!(report.status.left, BTreeMap::from(expected));

    let once = scene.replay().group(format!("{}-once", scene.group));
    assert_eq!(once.max_replays(2).dry_run().unwrap().replayed, 1);
}

/// Otherwise anyone who can write to the queue could write to every topic that the replay can.
#[test]
fn a_letter_goes_only_where_its_queue_serves_whatever_its_header_says() {
    let scene = Scene::new(1);
    let (allowed, hidden) = (unique_topic("allowed"), unique_topic("hidden"));
    for topic in [&allowed, &hidden] {
        scene.kafka.create_topic(topic, 1);
    }
    scene.send(scene.letter("0"));
    let to = |topic| Record::to(&scene.queue).header("rws-dlq-original-topic", topic);
    for topic in [allowed.as_str(), &hidden, "__consumer_offsets"] {
        scene.send(to(topic).payload("forged"));
    }
    scene.flush();
    let preview = scene.replay().dry_run().unwrap();
    let not_allowed = [(allowed.clone(), 1), (hidden.clone(), 1)];
    assert_eq!(preview.not_allowed, BTreeMap::from(not_allowed));
    let report = complete(&scene.replay());
    let left = [
        (LeftReason::BadOriginalTopic, 1),
        (LeftReason::TargetNotAllowed, 2),
    ];
    assert_eq!(report.status.left, BTreeMap::from(left));
    assert_eq!(
        (scene.payloads(), report.status.replayed),
        (vec!["0".to_owned()], 1)
    );

    let again = scene.replay().group(format!("{}-allowed", scene.group));
    let report = complete(&again.allow_targets([&allowed]));
    assert_eq!(report.status.replayed, 2);
    assert_eq!(scene.kafka.end_offset(&allowed, 0), 1);
    assert_eq!(scene.kafka.end_offset(&hidden, 0), 0);
}

#[test]
fn a_queue_with_a_name_of_its_own_needs_to_be_told_its_topics() {
    let scene = Scene::new(1);
    let queue = unique_topic("letters");
    scene.kafka.create_topic(&queue, 1);
    let topic = scene.topic.as_str();
    let letter = Record::to(&queue).header("rws-dlq-original-topic", topic);
    scene.send(letter.payload("0"));
    scene.flush();
    let replay = Replay::new(scene.config(), &queue).group(&scene.group);
    let error = replay.start().unwrap_err();
    let is_named = matches!(
        error,
        ConsumerError::Setting {
            setting: "allow_targets",
            ..
        }
    );
    assert!(is_named && error.to_string().contains(&queue), "{error}");
    let preview = replay.dry_run().unwrap();
    assert_eq!(preview.not_allowed, BTreeMap::from([(topic.to_owned(), 1)]));
    let error = replay.clone().allow_targets(["__consumer_offsets"]);
    let error = error.dry_run().unwrap_err().to_string();
    assert!(error.contains("__consumer_offsets"), "{error}");
    complete(&replay.allow_targets([topic]));
    assert_eq!(scene.payloads(), ["0"]);
}
