use crate::support::{block_on, payloads};
use integration_tests::{Kafka, KcatRecord, now_ms, unique_topic};
use rws_kafka_producer::{Compression, KafkaProducer, Record};
use std::thread;
use std::time::Duration;

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn each_send_arrives_in_order_with_all_it_was_given() {
    let kafka = Kafka::shared();
    let topic = unique_topic("sends");
    kafka.create_topic(&topic, 1);
    let producer = kafka.producer();

    let before = now_ms();
    producer.send(&topic, "by send").unwrap();
    producer.send_keyed(&topic, "k1", "by send_keyed").unwrap();
    producer
        .send_with_headers(&topic, "k2", "by send_with_headers", [("a", "1")])
        .unwrap();
    let record = Record::to(&topic)
        .payload("by send_record")
        .header("b", "2");
    producer.send_record(record).unwrap();
    let by_sync = producer.send_sync(&topic, "by send_sync").unwrap();
    let record = Record::to(&topic)
        .key("k5")
        .payload("by send_record_sync")
        .timestamp_ms(1_700_000_000_000);
    let by_record_sync = producer.send_record_sync(record).unwrap();
    let first = producer.send_async(&topic, "by send_async");
    let record = Record::to(&topic)
        .key("k7")
        .payload("by send_record_async")
        .header("c", "3")
        .partition(0);
    let second = producer.send_record_async(record);
    // Not in the order of the calls.
    let by_record_async = block_on(second).unwrap();
    let by_async = block_on(first).unwrap();
    let after = now_ms();

    let seen = kafka.read_with_kcat(&topic);
    let told: Vec<_> = seen
        .iter()
        .map(|m| (m.key.as_deref(), m.payload.as_deref().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            (None, "by send"),
            (Some("k1"), "by send_keyed"),
            (Some("k2"), "by send_with_headers"),
            (None, "by send_record"),
            (None, "by send_sync"),
            (Some("k5"), "by send_record_sync"),
            (None, "by send_async"),
            (Some("k7"), "by send_record_async"),
        ]
    );
    let headers: Vec<_> = seen.iter().map(|m| m.headers.clone()).collect();
    let one = |name: &str, value: &str| vec![(name.to_owned(), some(value))];
    let mut expected = vec![Vec::new(); 8];
    expected[2] = one("a", "1");
    expected[3] = one("b", "2");
    expected[7] = one("c", "3");
    assert_eq!(headers, expected);

    for (index, message) in seen.iter().enumerate() {
        assert_eq!((message.partition, message.offset), (0, index as i64));
        if index == 5 {
            assert_eq!(message.timestamp_ms, 1_700_000_000_000);
        } else {
            let between = before..=after;
            assert!(between.contains(&message.timestamp_ms), "{message:?}");
        }
    }
    let told = [by_sync, by_record_sync, by_async, by_record_async];
    for (delivery, seen) in told.iter().zip(&seen[4..]) {
        assert_eq!(i64::from(delivery.partition), seen.partition);
        assert_eq!(delivery.offset, seen.offset);
        assert_eq!(delivery.timestamp_ms, Some(seen.timestamp_ms));
    }
}

#[test]
fn null_and_empty_differ_in_keys_and_payloads() {
    let kafka = Kafka::shared();
    let topic = unique_topic("null");
    kafka.create_topic(&topic, 1);
    let producer = kafka.producer();
    let record = || Record::to(&topic).partition(0);

    producer.send_record_sync(record()).unwrap();
    producer.send_record_sync(record().payload("")).unwrap();
    producer.send_record_sync(record().key("")).unwrap();
    producer
        .send_record_sync(record().key("").payload(""))
        .unwrap();
    producer.send_record_sync(record().key("k")).unwrap();
    producer.send_keyed(&topic, "", "").unwrap();
    block_on(producer.send_async(&topic, "")).unwrap();

    // Lengths of key and payload: -1 is null.
    let lengths = String::from_utf8(kafka.format_with_kcat(&topic, "%K/%S ")).unwrap();
    assert_eq!(lengths, "-1/-1 -1/0 0/-1 0/0 1/-1 0/0 -1/0 ");
}

#[test]
fn headers_keep_their_order_their_duplicates_and_null_values() {
    let kafka = Kafka::shared();
    let topic = unique_topic("headers");
    kafka.create_topic(&topic, 1);
    let producer = kafka.producer();

    producer
        .send_with_headers(
            &topic,
            "key",
            "with pairs",
            [
                ("z", Some("first")),
                ("a", None),
                ("z", Some("")),
                ("", Some("no name")),
                ("z", Some("first")),
            ],
        )
        .unwrap();
    producer
        .send_record_sync(
            Record::to(&topic)
                .header("bytes", b"\x01\x7f")
                .header("owned", &String::from("text"))
                .header("vec", &vec![b'v'])
                .header("null", &None::<&[u8]>)
                .header("bytes", ""),
        )
        .unwrap();
    let none = Vec::<(&str, &str)>::new();
    producer
        .send_with_headers(&topic, "key", "none", none)
        .unwrap();
    assert!(producer.flush(Duration::from_secs(10)).is_complete());

    let seen: Vec<_> = kafka
        .read_with_kcat(&topic)
        .into_iter()
        .map(|m| m.headers)
        .collect();
    let pair = |name: &str, value: Option<&str>| (name.to_owned(), value.map(str::to_owned));
    assert_eq!(
        seen,
        [
            vec![
                pair("z", Some("first")),
                pair("a", None),
                pair("z", Some("")),
                pair("", Some("no name")),
                pair("z", Some("first")),
            ],
            vec![
                pair("bytes", Some("\u{1}\u{7f}")),
                pair("owned", Some("text")),
                pair("vec", Some("v")),
                pair("null", None),
                pair("bytes", Some("")),
            ],
            vec![],
        ]
    );
}

#[test]
fn keys_payloads_and_header_values_may_be_any_bytes() {
    let kafka = Kafka::shared();
    let topic = unique_topic("binary");
    kafka.create_topic(&topic, 1);
    let producer = kafka.producer();
    let every: Vec<u8> = (0..=255).collect();
    let backwards: Vec<u8> = every.iter().rev().copied().collect();
    // kcat shows a header's value up to its first NUL.
    let header = &every[1..];

    producer
        .send_with_headers(&topic, &every, &backwards, [("every", header)])
        .unwrap();
    assert!(producer.flush(Duration::from_secs(10)).is_complete());

    let expected = [b"256/256:", &every[..], &backwards, b":every=", header].concat();
    let seen = kafka.format_with_kcat(&topic, "%K/%S:%k%s:%h");
    assert!(seen == expected, "{}", String::from_utf8_lossy(&seen));
}

#[test]
fn a_chosen_partition_goes_before_the_one_of_the_key() {
    let kafka = Kafka::shared();
    let topic = unique_topic("partition");
    kafka.create_topic(&topic, 5);
    let producer = kafka.producer();
    for partition in 0..5 {
        let record = Record::to(&topic).key("same").payload("x");
        let delivery = producer
            .send_record_sync(record.partition(partition))
            .unwrap();
        assert_eq!((delivery.partition, delivery.offset), (partition, 0));
    }
    for partition in 0..5 {
        assert_eq!(kafka.end_offset(&topic, partition), 1);
    }
}

#[test]
fn messages_of_a_key_keep_their_order_from_many_threads() {
    const KEYS: usize = 4;
    const EACH: usize = 2_500;
    let kafka = Kafka::shared();
    let topic = unique_topic("order");
    kafka.create_topic(&topic, 3);
    let producer = kafka.producer();
    thread::scope(|scope| {
        for key in 0..KEYS {
            let producer = producer.clone();
            let topic = &topic;
            scope.spawn(move || send_numbers(&producer, topic, key, EACH));
        }
    });
    assert!(producer.flush(Duration::from_secs(20)).is_complete());

    let lines = String::from_utf8(kafka.format_with_kcat(&topic, "%k %s\n")).unwrap();
    let mut next = [0; KEYS];
    for line in lines.lines() {
        let (key, number) = line.split_once(' ').unwrap();
        let next = &mut next[key.parse::<usize>().unwrap()];
        assert_eq!(number.parse::<usize>().unwrap(), *next, "of key {key}");
        *next += 1;
    }
    assert_eq!(next, [EACH; KEYS]);
}

/// Sends in every possible way, in turn.
fn send_numbers(producer: &KafkaProducer, topic: &str, key: usize, count: usize) {
    let key = key.to_string();
    for number in 0..count {
        let payload = number.to_string();
        let record = Record::to(topic).key(&key).payload(&payload);
        match number % 100 {
            0 => {
                producer.send_record_sync(record).unwrap();
            }
            1..50 => producer.send_record(record).unwrap(),
            // What a future has accepted stays accepted when it is dropped.
            50..75 => drop(producer.send_record_async(record)),
            _ => producer.send_keyed(topic, &key, &payload).unwrap(),
        }
    }
}

#[test]
fn every_compression_can_be_read() {
    let kafka = Kafka::shared();
    for compression in [
        Compression::None,
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ] {
        let topic = unique_topic("compression");
        kafka.create_topic(&topic, 1);
        let config = kafka
            .producer_config()
            .compression(compression)
            .linger(Duration::from_millis(5));
        let producer = KafkaProducer::new(config).unwrap();
        let sent: Vec<String> = (0..200)
            .map(|n| format!("{n} {}", "x".repeat(50)))
            .collect();
        for payload in &sent {
            producer.send(&topic, payload).unwrap();
        }
        assert!(producer.close(Duration::from_secs(20)).is_complete());
        assert_eq!(payloads(kafka, &topic), sent, "{compression:?}");
    }
}

#[test]
fn a_producer_may_write_to_many_topics() {
    let kafka = Kafka::shared();
    let producer = kafka.producer();
    let topics: Vec<String> = (0..5).map(|_| unique_topic("many")).collect();
    // The broker makes them.
    for topic in &topics {
        producer.send(topic, topic).unwrap();
    }
    assert!(producer.flush(Duration::from_secs(20)).is_complete());
    for topic in &topics {
        let seen = kafka.read_with_kcat(topic);
        let [KcatRecord { payload, .. }] = &seen[..] else {
            panic!("{topic}: {seen:?}");
        };
        assert_eq!(payload.as_deref(), Some(topic.as_str()));
    }
}
