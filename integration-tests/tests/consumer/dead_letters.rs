//! Messages that are dead-lettered.

use integration_tests::{Brokers, Journal, Kafka, SOON, Scene, close, soon, stop};
use rws_kafka_consumer::{
    Backoff, ConsumerContext, ConsumerError, DeadLetterHeaders, ErrorClass, HandlerError,
    HandlerResult, KafkaConsumer,
};
use rws_kafka_producer::{ProducerConfig, Record};
use std::ops::Deref;
use std::time::{Duration, SystemTime};

/// A scene with a dead letter queue.
pub(crate) struct Poisoned<'a> {
    pub(crate) scene: Scene<'a>,
    pub(crate) queue_partitions: i32,
}

impl<'a> Poisoned<'a> {
    pub(crate) fn on(kafka: &'a Brokers, partitions: i32, queue_partitions: i32) -> Self {
        let poisoned = Self::without_queue(kafka, partitions, queue_partitions);
        poisoned.create_queue();
        poisoned
    }

    pub(crate) fn without_queue(
        kafka: &'a Brokers,
        partitions: i32,
        queue_partitions: i32,
    ) -> Self {
        Self {
            scene: Scene::on(kafka, partitions),
            queue_partitions,
        }
    }

    pub(crate) fn create_queue(&self) {
        self.scene.create_queue(self.queue_partitions);
    }

    pub(crate) fn consumer(&self) -> KafkaConsumer {
        self.scene
            .consumer()
            .dead_letter_queue(&self.scene.queue)
            .max_retries(2)
            .retry_backoff(Backoff::fixed(Duration::from_millis(20)))
    }

    fn counted(&self, family: &str) -> u64 {
        self.scene.counted(family, &self.scene.topic)
    }
}

impl<'a> Deref for Poisoned<'a> {
    type Target = Scene<'a>;

    fn deref(&self) -> &Scene<'a> {
        &self.scene
    }
}

fn is_poison(msg: &ConsumerContext) -> bool {
    msg.payload()
        .is_some_and(|payload| payload.starts_with(b"poison"))
}

/// Handles every message that is not poison.
fn picky(journal: &Journal) -> impl Fn(ConsumerContext) -> HandlerResult + Send + Sync + 'static {
    let journal = journal.clone();
    move |msg: ConsumerContext| {
        journal.note(&msg);
        if is_poison(&msg) {
            return Err(HandlerError::new("no such order"));
        }
        msg.commit()
    }
}

/// The poison at partition 1, offset 3, of four partitions with ten messages each.
fn fill_with_poison(poisoned: &Poisoned<'_>) {
    let record = Record::to(&poisoned.scene.topic)
        .key(b"\x00key\xff")
        .payload(b"poison \x00\xfe\n")
        .header("trace", "abc")
        .header("empty", "")
        .header("null", &None::<&str>)
        .header("trace", b"\x01\x02\xff");
    fill_with(poisoned, record);
}

fn fill_with(poisoned: &Poisoned<'_>, poison: Record<'_>) {
    let scene = &poisoned.scene;
    scene.fill(3);
    let producer = scene.producer();
    let poison = poison.partition(1).timestamp_ms(1_600_000_000_123);
    producer.send_record(poison).unwrap();
    for partition in [0, 2, 3] {
        let record = Record::to(&scene.topic).partition(partition).payload("x");
        producer.send_record(record).unwrap();
    }
    close(&producer);
    scene.fill(6);
}

#[test]
fn a_poison_message_goes_to_the_queue_as_it_came_and_tells_where_from() {
    // The queue has fewer partitions than the topic, so the key chooses.
    let poisoned = Poisoned::on(Kafka::shared(), 4, 2);
    fill_with_poison(&poisoned);
    let journal = Journal::default();
    let before = SystemTime::now();
    let handle = poisoned.consumer().start(picky(&journal));
    soon(|| poisoned.scene.all_committed() == [10; 4]);
    stop(&handle);

    let letters = poisoned.letters();
    let [letter] = &letters[..] else {
        panic!("{letters:?}");
    };
    assert_eq!(letter.key.as_deref(), Some(&b"\x00key\xff"[..]));
    assert_eq!(letter.payload.as_deref(), Some(&b"poison \x00\xfe\n"[..]));
    let since_1970 = |time: SystemTime| {
        let time = time.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        time.as_millis()
    };
    let times = since_1970(before)..=since_1970(SystemTime::now());
    // The message's own timestamp is in a header, because the queue's retention counts from the
    // publishing.
    let published = u128::try_from(letter.timestamp_ms.unwrap()).unwrap();
    assert!(times.contains(&published), "{published}");
    let own: [(&str, Option<&[u8]>); 4] = [
        ("trace", Some(b"abc")),
        ("empty", Some(b"")),
        ("null", None),
        ("trace", Some(b"\x01\x02\xff")),
    ];
    for ((name, value), expected) in letter.headers.iter().zip(own) {
        assert_eq!((name.as_str(), value.as_deref()), expected);
    }
    let failed_at: u128 = letter.header_text("rws-dlq-failed-at").parse().unwrap();
    assert!(times.contains(&failed_at));
    for (name, expected) in [
        ("original-topic", poisoned.scene.topic.as_str()),
        ("original-partition", "1"),
        ("original-offset", "3"),
        ("original-timestamp", "1600000000123"),
        ("consumer-group", &poisoned.scene.group),
        ("error-reason", "no such order"),
        ("attempts", "3"),
    ] {
        assert_eq!(
            letter.header_text(&format!("rws-dlq-{name}")),
            expected,
            "{name}"
        );
    }
    assert_eq!(letter.headers.len(), 4 + 8);

    // Its own partition waited for it and stayed in order. Each attempt is counted.
    let seen: Vec<(i64, u32)> = journal
        .all()
        .iter()
        .filter(|given| given.partition == 1)
        .map(|given| (given.offset, given.attempt))
        .collect();
    assert_eq!(seen[..4], [(0, 1), (1, 1), (2, 1), (3, 1)]);
    assert_eq!(seen[4..7], [(3, 2), (3, 3), (4, 1)]);
    for (family, expected) in [
        ("rws_kafka_messages_consumed_total", 39),
        ("rws_kafka_consumer_errors_total", 3),
        ("rws_kafka_consumer_retries_total", 2),
        ("rws_kafka_dead_letters_total", 1),
        ("rws_kafka_messages_skipped_total", 0),
    ] {
        assert_eq!(poisoned.counted(family), expected, "{family}");
    }
}

#[test]
fn kcat_reads_the_same_bytes_from_the_queue() {
    let poisoned = Poisoned::on(Kafka::shared(), 4, 1);
    fill_with_poison(&poisoned);
    let handle = poisoned.consumer().start(picky(&Journal::default()));
    soon(|| poisoned.scene.all_committed() == [10; 4]);
    stop(&handle);
    let shown = |format: &str| {
        let arguments = ["-C", "-e", "-q", "-t", &poisoned.queue, "-f", format];
        poisoned.scene.kafka.kcat(&arguments)
    };
    assert_eq!(shown("%k"), b"\x00key\xff");
    assert_eq!(shown("%s"), b"poison \x00\xfe\n");
    let published = String::from_utf8(shown("%T")).unwrap();
    assert!(
        published.parse::<i64>().unwrap() > 1_700_000_000_000,
        "{published}"
    );
    let headers = shown("%h");
    let expected = [
        b"trace=abc,empty=,null=NULL,trace=\x01\x02\xff,rws-dlq-original-topic=",
        poisoned.scene.topic.as_bytes(),
        b",rws-dlq-original-partition=1,rws-dlq-original-offset=3,\
          rws-dlq-original-timestamp=1600000000123,rws-dlq-consumer-group=",
        poisoned.scene.group.as_bytes(),
        b",rws-dlq-error-reason=no such order,rws-dlq-attempts=3,rws-dlq-failed-at=",
    ]
    .concat();
    let (beginning, failed_at) = headers.split_at(expected.len());
    assert_eq!(beginning, expected, "{}", String::from_utf8_lossy(&headers));
    assert!(failed_at.iter().all(u8::is_ascii_digit));
}

/// Read with the names in Spring's own jar, and the types that Spring writes.
#[test]
fn spring_reads_where_a_letter_came_from() {
    let poisoned = Poisoned::on(Kafka::shared(), 4, 1);
    fill_with(
        &poisoned,
        Record::to(&poisoned.scene.topic).payload("poison"),
    );
    let handle = poisoned
        .consumer()
        .dead_letter_headers(DeadLetterHeaders::Spring)
        .start(picky(&Journal::default()));
    soon(|| poisoned.scene.all_committed() == [10; 4]);
    stop(&handle);
    let read = Kafka::shared().read_as_spring(&poisoned.queue, 1);
    let [letter] = &read[..] else {
        panic!("{read:?}");
    };
    for (name, expected) in [
        ("kafka_dlt-original-topic", poisoned.scene.topic.as_str()),
        ("kafka_dlt-original-partition", "1"),
        ("kafka_dlt-original-offset", "3"),
        ("kafka_dlt-original-timestamp", "1600000000123"),
        ("kafka_dlt-original-timestamp-type", "CreateTime"),
        ("kafka_dlt-original-consumer-group", &poisoned.scene.group),
        (
            "kafka_dlt-exception-fqcn",
            "rws_kafka_consumer::HandlerError",
        ),
        ("kafka_dlt-exception-message", "no such order"),
        ("kafka_dlt-exception-stacktrace", "no such order"),
    ] {
        assert_eq!(
            letter.get(name).map(String::as_str),
            Some(expected),
            "{name}: {letter:#?}"
        );
    }
    let letter = &poisoned.letters()[0];
    assert!(
        !letter
            .headers
            .iter()
            .any(|(name, _)| name.starts_with("rws-dlq-"))
    );
    let attempts = letter
        .headers
        .iter()
        .find(|(name, _)| name == "kafka_deliveryAttempt");
    assert_eq!(attempts.unwrap().1.as_deref(), Some(&[0, 0, 0, 3][..]));
}

#[test]
fn an_error_that_no_retry_helps_goes_to_the_queue_at_once() {
    let poisoned = Poisoned::on(Kafka::shared(), 1, 1);
    let scene = &poisoned.scene;
    let producer = scene.producer();
    for payload in [
        &b"good"[..],
        b"\xff\xfe",
        b"permanent",
        b"classified",
        b"ignored",
    ] {
        let record = Record::to(&scene.topic).payload(payload);
        producer.send_record(record).unwrap();
    }
    // A tombstone.
    producer
        .send_record(Record::to(&scene.topic).key("k"))
        .unwrap();
    close(&producer);
    let journal = Journal::default();
    let notes = journal.clone();
    let handle = poisoned
        .consumer()
        .classify_errors(|error| match error.to_string().as_str() {
            "classified" => ErrorClass::Permanent,
            "ignored" => ErrorClass::Ignorable,
            _ => error.class(),
        })
        .start(move |msg: ConsumerContext| {
            notes.note(&msg);
            match msg.payload_str()? {
                "permanent" => Err(HandlerError::new("permanent").permanent()),
                "good" => msg.commit(),
                other => Err(HandlerError::new(other)),
            }
        });
    soon(|| scene.committed(0) == Some(6));
    stop(&handle);
    journal.assert_each_once(&[6]);
    let offsets: Vec<i64> = poisoned.letters().iter().map(|l| l.origin().1).collect();
    assert_eq!(offsets, [1, 2, 3, 5]);
    assert!(poisoned.letters()[3].payload.is_none());
    assert_eq!(poisoned.counted("rws_kafka_messages_skipped_total"), 1);
}

#[test]
fn the_roadmaps_dead_letter_example_runs() {
    let poisoned = Poisoned::on(Kafka::shared(), 1, 1);
    poisoned.scene.fill(1);
    let dlq = poisoned.queue.as_str();
    let config = poisoned.scene.config();
    let consumer = KafkaConsumer::new(config)
        .unwrap()
        .dead_letter_queue(dlq) // topic to route failures to
        .max_retries(3) // retry before sending to DLQ
        .retry_backoff_ms(10)
        .subscribe([&poisoned.scene.topic])
        .unwrap();

    fn process(payload: &str) -> Result<(), std::num::ParseIntError> {
        format!("{payload}?").parse::<u8>().map(drop)
    }
    let handle = consumer.start(|msg| {
        process(msg.payload_str()?)?; // on Err after max_retries → published to DLQ
        msg.commit()
    });
    let letters = poisoned.letters_of(1);
    assert_eq!(letters[0].header_text("rws-dlq-attempts"), "4");
    assert_eq!(
        letters[0].header_text("rws-dlq-error-reason"),
        "invalid digit found in string"
    );
    soon(|| poisoned.scene.committed(0) == Some(1));
    stop(&handle);
}

#[test]
fn a_producer_of_ones_own_publishes_the_letters_and_stays_open() {
    let elsewhere = Kafka::start();
    let poisoned = Poisoned::without_queue(Kafka::shared(), 1, 1);
    elsewhere.create_topic(&poisoned.queue, 1);
    poisoned.scene.fill(2);
    let config = ProducerConfig::new(elsewhere.bootstrap()).unwrap();
    let producer = rws_kafka_producer::KafkaProducer::new(config).unwrap();
    let handle = poisoned
        .consumer()
        .dead_letter_producer(producer.clone())
        .start(|_: ConsumerContext| Err(HandlerError::new("no").permanent()));
    soon(|| poisoned.scene.committed(0) == Some(2));
    stop(&handle);
    assert_eq!(elsewhere.read(&poisoned.queue).len(), 2);
    producer.send_sync(&poisoned.queue, "still open").unwrap();
}

#[test]
fn a_producer_of_ones_own_that_is_closed_stops_the_worker_and_moves_no_offset() {
    let poisoned = Poisoned::on(Kafka::shared(), 1, 1);
    poisoned.scene.fill(2);
    let config = ProducerConfig::new(Kafka::shared().bootstrap()).unwrap();
    let producer = rws_kafka_producer::KafkaProducer::new(config).unwrap();
    close(&producer);
    let handle = poisoned
        .consumer()
        .dead_letter_producer(producer)
        .start(|_: ConsumerContext| Err(HandlerError::new("no").permanent()));
    let report = handle.join_timeout(SOON).expect("it stops by itself");
    let error = report.error.clone().expect("a reason");
    assert!(
        matches!(error, ConsumerError::DeadLetterRefused { offset: 0, .. }),
        "{error:?}"
    );
    assert_eq!(poisoned.scene.committed(0), None);
}

#[test]
fn a_queue_may_be_named_after_the_topic_and_a_poisoned_one_starves_no_other() {
    let poisoned = Poisoned::without_queue(Kafka::shared(), 3, 1);
    let scene = &poisoned.scene;
    let queue = format!("{}.dlq", scene.topic);
    scene.kafka.create_topic(&queue, 1);
    scene.fill(300);
    let journal = Journal::default();
    let notes = journal.clone();
    // One lane, and two of three partitions are nothing but poison.
    let handle =
        scene
            .consumer()
            .dead_letter_queue("{topic}.dlq")
            .start(move |msg: ConsumerContext| {
                notes.note(&msg);
                if msg.partition() != 1 {
                    return Err(HandlerError::new("no").permanent());
                }
                msg.commit()
            });
    soon(|| scene.all_committed() == [300; 3]);
    stop(&handle);
    assert_eq!(scene.kafka.read(&queue).len(), 600);
    // When the healthy partition was finished, most of the poison was still unhandled.
    let all = journal.all();
    let healthy = all.iter().rposition(|given| given.partition == 1).unwrap();
    assert!(healthy < 700, "{healthy} of {}", all.len());
}

/// A pattern matches the queue only once it exists.
#[test]
fn a_worker_does_not_read_its_own_dead_letters() {
    let poisoned = Poisoned::on(Kafka::shared(), 1, 1);
    let scene = &poisoned.scene;
    let handle = KafkaConsumer::new(scene.config())
        .unwrap()
        .subscribe([
            format!("^{}$", scene.topic),
            format!("^{}$", poisoned.queue),
        ])
        .unwrap()
        .dead_letter_queue(&poisoned.queue)
        .start(|msg: ConsumerContext| msg.commit());
    let report = handle.join_timeout(SOON).expect("it stops by itself");
    let text = report.error.clone().unwrap().to_string();
    assert!(text.contains("its own dead letters"), "{text}");
}
