//! Messages arrive as they were sent.

use integration_tests::{Scene, close, now_ms, soon, stop};
use rws_kafka_consumer::{ConsumerContext, HandlerError, PayloadError};
use rws_kafka_producer::Record;
use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

#[derive(Clone, Debug, PartialEq, Eq)]
struct Read {
    partition: i32,
    offset: i64,
    timestamp_ms: Option<i64>,
    key: Option<Vec<u8>>,
    payload: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Read {
    fn of(msg: &ConsumerContext) -> Self {
        Self {
            partition: msg.partition(),
            offset: msg.offset(),
            timestamp_ms: msg.timestamp_ms(),
            key: msg.key().map(<[u8]>::to_vec),
            payload: msg.payload().map(<[u8]>::to_vec),
            headers: msg
                .headers()
                .map(|(name, value)| (name.to_owned(), value.map(<[u8]>::to_vec)))
                .collect(),
        }
    }
}

/// Reads the scene's topic until `count` messages have come.
fn read<T: Send + 'static>(
    scene: &Scene<'_>,
    count: usize,
    mut look: impl FnMut(&ConsumerContext) -> T + Send + 'static,
) -> Vec<T> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let look = Mutex::new(move |msg: &ConsumerContext| look(msg));
    let handle = scene.consumer().start(move |msg: ConsumerContext| {
        let value = (look.lock().unwrap())(&msg);
        sink.lock().unwrap().push(value);
        msg.commit()
    });
    soon(|| seen.lock().unwrap().len() >= count);
    stop(&handle);
    let mut seen = seen.lock().unwrap();
    std::mem::take(&mut *seen)
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    Some(text.as_bytes().to_vec())
}

#[test]
fn what_kcat_writes_is_read_back() {
    let scene = Scene::new(3);
    let before = now_ms();
    let arguments = [
        "-P",
        "-t",
        &scene.topic,
        "-p",
        "1",
        "-K",
        ":",
        "-H",
        "b=2",
        "-H",
        "a=1",
        "-H",
        "b=3",
        "-H",
        "empty=",
        "-H",
        "null",
    ];
    scene
        .kafka
        .kcat_with_input(&arguments, b"k1:first\nk2:second\n");
    let seen = read(&scene, 2, Read::of);
    let headers = [
        ("b", Some("2")),
        ("a", Some("1")),
        ("b", Some("3")),
        ("empty", Some("")),
        ("null", None),
    ]
    .map(|(name, value)| (name.to_owned(), value.and_then(bytes)));
    for (offset, (key, payload)) in (0..).zip([("k1", "first"), ("k2", "second")]) {
        let read = &seen[offset as usize];
        let expected = Read {
            partition: 1,
            offset,
            timestamp_ms: read.timestamp_ms,
            key: bytes(key),
            payload: bytes(payload),
            headers: headers.to_vec(),
        };
        assert_eq!(*read, expected);
        let timestamp = read.timestamp_ms.unwrap();
        assert!((before..=now_ms()).contains(&timestamp), "{timestamp}");
    }
}

#[test]
fn what_our_producer_writes_is_read_back() {
    let scene = Scene::new(2);
    let producer = scene.producer();
    let null = None::<&str>;
    let record = Record::to(&scene.topic)
        .partition(1)
        .key("key")
        .payload("payload")
        .header("b", "2")
        .header("null", &null)
        .header("b", "1")
        .header("empty", "")
        .timestamp_ms(1_700_000_000_123);
    producer.send_record(record).unwrap();
    close(&producer);
    let seen = read(&scene, 1, |msg| {
        assert_eq!(msg.header("b"), Some(Some(&b"1"[..])));
        assert_eq!(msg.header("null"), Some(None));
        assert_eq!(msg.header("absent"), None);
        let timestamp = UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
        assert_eq!(msg.timestamp(), Some(timestamp));
        assert_eq!(msg.attempt(), 1);
        Read::of(msg)
    });
    let headers = [
        ("b", Some("2")),
        ("null", None),
        ("b", Some("1")),
        ("empty", Some("")),
    ];
    let expected = Read {
        partition: 1,
        offset: 0,
        timestamp_ms: Some(1_700_000_000_123),
        key: bytes("key"),
        payload: bytes("payload"),
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.and_then(bytes)))
            .to_vec(),
    };
    assert_eq!(seen, [expected]);
}

#[test]
fn null_and_empty_keys_and_payloads_differ() {
    let scene = Scene::new(1);
    let producer = scene.producer();
    let record = || Record::to(&scene.topic);
    for record in [
        record(),
        record().key("").payload(""),
        record().key("k"),
        record().payload("p"),
    ] {
        producer.send_record(record).unwrap();
    }
    close(&producer);
    let seen = read(&scene, 4, |msg| (Read::of(msg).key, Read::of(msg).payload));
    let expected = [
        (None, None),
        (bytes(""), bytes("")),
        (bytes("k"), None),
        (None, bytes("p")),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn payloads_that_are_no_text_are_permanent_failures() {
    let scene = Scene::new(1);
    let producer = scene.producer();
    let record = || Record::to(&scene.topic);
    producer.send_record(record()).unwrap();
    producer.send_record(record().payload(b"ab\xff")).unwrap();
    producer.send_record(record().payload("grün")).unwrap();
    close(&producer);
    let seen = read(&scene, 3, |msg| msg.payload_str().map(str::to_owned));
    let [tombstone, no_text, text] = <[_; 3]>::try_from(seen).unwrap();
    assert_eq!(text.unwrap(), "grün");
    let tombstone = tombstone.unwrap_err();
    assert!(matches!(
        tombstone,
        PayloadError::Tombstone { offset: 0, .. }
    ));
    let no_text = no_text.unwrap_err();
    let PayloadError::NotUtf8 {
        offset: 1,
        position: 2,
        ..
    } = no_text
    else {
        panic!("{no_text:?}");
    };
    for error in [tombstone, no_text] {
        let place = format!("{}-0", scene.topic);
        let error = HandlerError::from(error);
        assert!(error.is_permanent());
        assert!(error.to_string().contains(&place), "{error}");
    }
}

#[test]
fn a_header_name_that_is_not_utf8_is_left_out_and_the_message_handled() {
    let scene = Scene::new(1);
    let mut kcat = Command::new("kcat")
        .args(["-P", "-b", &scene.kafka.bootstrap(), "-t", &scene.topic])
        .args(["-H", "before=1", "-H"])
        .arg(OsStr::from_bytes(b"\xff\xfe=2"))
        .args(["-H", "after=3"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    kcat.stdin.take().unwrap().write_all(b"one\ntwo\n").unwrap();
    assert!(kcat.wait().unwrap().success());
    let seen = read(&scene, 2, Read::of);
    for (read, payload) in seen.iter().zip(["one", "two"]) {
        let headers =
            [("before", "1"), ("after", "3")].map(|(name, value)| (name.to_owned(), bytes(value)));
        assert_eq!(read.headers, headers);
        assert_eq!(read.payload, bytes(payload));
    }
}
