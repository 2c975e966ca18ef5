//! On a broker that librdkafka simulates, so that they also run under valgrind.

use crate::{MainQueue, Message, PartitionQueue, detach, layout};
use rdkafka::bindings::{rd_kafka_producev, rd_kafka_vtype_t};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer as _};
use rdkafka::{Offset, Timestamp, TopicPartitionList};
use std::ffi::{CStr, c_int};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

const TOPIC: &str = "topic";
const SOON: Duration = Duration::from_secs(60);

struct Scene {
    cluster: MockCluster<'static, DefaultProducerContext>,
    producer: BaseProducer,
}

impl Scene {
    fn new() -> Self {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic(TOPIC, 2, 1).unwrap();
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", cluster.bootstrap_servers());
        let producer = config.create().unwrap();
        Self { cluster, producer }
    }

    fn fill(&self, partition: i32, payloads: impl IntoIterator<Item = usize>) {
        for number in payloads {
            let payload = number.to_string();
            let record = BaseRecord::<str, str>::to(TOPIC).partition(partition);
            self.producer.send(record.payload(&payload)).unwrap();
        }
        self.producer.flush(SOON).unwrap();
    }

    /// Header names are bytes for librdkafka, and strings for rdkafka.
    fn send_with_headers(&self, headers: [(&CStr, Option<&[u8]>); 3]) {
        let client = self.producer.client().native_ptr();
        let header = rd_kafka_vtype_t::RD_KAFKA_VTYPE_HEADER as c_int;
        let [one, two, three] = headers.map(|(name, value)| {
            let start = value.map_or(std::ptr::null(), <[u8]>::as_ptr);
            (name.as_ptr(), start, value.map_or(0, <[u8]>::len))
        });
        // SAFETY: each tag is followed by the arguments that librdkafka documents for it, and the last one
        // ends the list. It copies the headers.
        let result = unsafe {
            rd_kafka_producev(
                client,
                rd_kafka_vtype_t::RD_KAFKA_VTYPE_TOPIC as c_int,
                c"topic".as_ptr(),
                rd_kafka_vtype_t::RD_KAFKA_VTYPE_PARTITION as c_int,
                0 as c_int,
                header,
                one.0,
                one.1,
                one.2,
                header,
                two.0,
                two.1,
                two.2,
                header,
                three.0,
                three.1,
                three.2,
                rd_kafka_vtype_t::RD_KAFKA_VTYPE_END as c_int,
            )
        };
        assert_eq!(RDKafkaErrorCode::from(result), RDKafkaErrorCode::NoError);
        self.producer.flush(SOON).unwrap();
    }

    fn consumer(&self) -> BaseConsumer {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.cluster.bootstrap_servers());
        config.set("group.id", "group");
        config.set("auto.offset.reset", "error");
        config.create().unwrap()
    }
}

/// Assigns the partitions from `offset`, detached from the consumer's queue.
fn assign(consumer: &BaseConsumer, partitions: &[i32], offset: i64) {
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        list.add_partition_offset(TOPIC, *partition, Offset::Offset(offset))
            .unwrap();
    }
    let detached: Vec<_> = partitions
        .iter()
        .map(|partition| detach(consumer, TOPIC, *partition).unwrap())
        .collect();
    consumer.assign(&list).unwrap();
    drop(detached);
}

fn open<'a>(consumer: &'a BaseConsumer, partition: i32) -> (PartitionQueue<'a>, Arc<AtomicUsize>) {
    let wakes = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&wakes);
    let wake = move || {
        count.fetch_add(1, Ordering::Relaxed);
    };
    let queue = PartitionQueue::open(consumer, TOPIC, partition, wake).unwrap();
    (queue, wakes)
}

fn text(message: &Message<'_>) -> String {
    assert_eq!(message.error(), None);
    String::from_utf8(message.payload().unwrap().to_vec()).unwrap()
}

/// Reads `count` messages, at most `most` at once. Polls the consumer's queue meanwhile, which must be empty.
fn read(
    consumer: &BaseConsumer,
    queue: &mut PartitionQueue<'_>,
    count: usize,
    most: usize,
) -> Vec<String> {
    let until = Instant::now() + SOON;
    let mut texts = Vec::new();
    while texts.len() < count {
        assert!(Instant::now() < until, "{} of {count}", texts.len());
        assert!(consumer.poll(Duration::ZERO).is_none());
        if queue.read(most) {
            sleep(Duration::from_millis(1));
        }
        assert!(queue.unread() <= most);
        while let Some(message) = queue.first() {
            texts.push(text(&message));
            queue.advance();
        }
    }
    texts
}

fn texts(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    numbers.into_iter().map(|it| it.to_string()).collect()
}

#[test]
fn all_messages_of_a_partition_come_in_order_and_none_of_another() {
    let scene = Scene::new();
    scene.fill(0, 0..5000);
    scene.fill(1, 5000..6000);
    let consumer = scene.consumer();
    assign(&consumer, &[0, 1], 0);
    let (mut one, _) = open(&consumer, 0);
    let (mut two, _) = open(&consumer, 1);
    assert_eq!(read(&consumer, &mut one, 5000, 999), texts(0..5000));
    assert_eq!(read(&consumer, &mut two, 1000, 1), texts(5000..6000));
}

#[test]
fn an_empty_queue_wakes_when_messages_arrive() {
    let scene = Scene::new();
    let consumer = scene.consumer();
    assign(&consumer, &[0], 0);
    let (mut queue, wakes) = open(&consumer, 0);
    assert!(queue.read(10), "found empty");
    scene.fill(0, 0..3);
    let until = Instant::now() + SOON;
    while wakes.load(Ordering::Relaxed) == 0 {
        assert!(Instant::now() < until);
        sleep(Duration::from_millis(1));
    }
    assert_eq!(read(&consumer, &mut queue, 3, 10), texts(0..3));
    let woken = wakes.load(Ordering::Relaxed);
    assert!((1..=3).contains(&woken), "{woken}");
    drop(queue);
    assert_eq!(Arc::strong_count(&wakes), 1, "the callback is dropped");
}

#[test]
fn unread_messages_stay_until_there_is_room_for_them() {
    let scene = Scene::new();
    scene.fill(0, 0..10);
    let consumer = scene.consumer();
    assign(&consumer, &[0], 0);
    let (mut queue, _) = open(&consumer, 0);
    assert_eq!(read(&consumer, &mut queue, 1, 1), texts(0..1));
    let until = Instant::now() + SOON;
    while queue.read(5) && queue.unread() < 5 {
        assert!(Instant::now() < until);
        queue.clear();
        consumer.seek(TOPIC, 0, Offset::Offset(1), SOON).unwrap();
    }
    queue.advance();
    assert!(!queue.read(5), "there are unread ones");
    assert_eq!(
        (queue.unread(), text(&queue.first().unwrap()).as_str()),
        (4, "2")
    );
    assert_eq!(read(&consumer, &mut queue, 8, 5), texts(2..10));
}

#[test]
fn a_partition_that_is_assigned_again_begins_where_it_is_told() {
    let scene = Scene::new();
    scene.fill(0, 0..1000);
    let consumer = scene.consumer();
    for offset in [0, 500, 10] {
        assign(&consumer, &[0], offset);
        let (mut queue, _) = open(&consumer, 0);
        let from = offset as usize;
        assert_eq!(
            read(&consumer, &mut queue, 100, 50),
            texts(from..from + 100)
        );
        consumer.unassign().unwrap();
    }
}

#[test]
fn a_message_has_what_was_sent() {
    let scene = Scene::new();
    scene.fill(0, 7..8);
    let headers: [(&CStr, Option<&[u8]>); 3] =
        [(c"a", Some(b"1")), (c"\xff\xfe", None), (c"", Some(b""))];
    scene.send_with_headers(headers);
    let consumer = scene.consumer();
    assign(&consumer, &[0], 0);
    let (mut queue, _) = open(&consumer, 0);
    let until = Instant::now() + SOON;
    let mut seen = Vec::new();
    while seen.len() < 2 {
        assert!(Instant::now() < until);
        if queue.read(10) {
            sleep(Duration::from_millis(1));
        }
        while let Some(message) = queue.first() {
            let mut headers = Vec::new();
            assert!(message.for_each_header(|name, value| {
                headers.push((name.to_vec(), value.map(<[u8]>::to_vec)));
            }));
            let created = matches!(message.timestamp(), Timestamp::CreateTime(ms) if ms > 0);
            assert!(created, "{:?}", message.timestamp());
            let payload = message.payload().map(<[u8]>::to_vec);
            seen.push((message.offset(), message.key().is_some(), payload, headers));
            queue.advance();
        }
    }
    let sent: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.to_bytes().to_vec(), value.map(<[u8]>::to_vec)))
        .collect();
    let first = (0, false, Some(b"7".to_vec()), Vec::new());
    assert_eq!(seen, [first, (1, false, None, sent)]);
}

/// If this fails after an update of librdkafka, compare the struct in `layout` with its `rd_kafka_msg_t`.
#[test]
fn the_layout_of_this_version_is_known() {
    assert!(layout::is_known());
}

#[test]
fn an_error_of_a_partition_comes_in_its_queue() {
    let scene = Scene::new();
    scene.fill(0, 0..1);
    let consumer = scene.consumer();
    assign(&consumer, &[0], 99);
    let (mut queue, _) = open(&consumer, 0);
    let until = Instant::now() + SOON;
    while queue.unread() == 0 {
        assert!(Instant::now() < until);
        assert!(consumer.poll(Duration::ZERO).is_none());
        if queue.read(10) {
            sleep(Duration::from_millis(1));
        }
    }
    let error = queue.first().unwrap();
    assert_eq!(error.error(), Some(RDKafkaErrorCode::AutoOffsetReset));
    let detail = String::from_utf8_lossy(error.payload().unwrap()).into_owned();
    assert!(detail.contains("out of range"), "{detail}");
    assert!(format!("{error:?}").contains("topic"));
}

#[test]
fn the_main_queue_tells_whether_there_is_something_to_poll() {
    let scene = Scene::new();
    let consumer = scene.consumer();
    let wakes = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&wakes);
    let wake = move || {
        count.fetch_add(1, Ordering::Relaxed);
    };
    let main = MainQueue::open(&consumer, wake).unwrap();
    consumer.subscribe(&[TOPIC]).unwrap();
    let until = Instant::now() + SOON;
    // The first event is the assignment.
    while wakes.load(Ordering::Relaxed) == 0 || main.is_empty() {
        assert!(Instant::now() < until);
        sleep(Duration::from_millis(1));
    }
    while consumer.assignment().unwrap().count() == 0 {
        assert!(Instant::now() < until);
        sleep(Duration::from_millis(1));
        assert!(consumer.poll(Duration::ZERO).is_none());
    }
    assert!(PartitionQueue::open(&consumer, "a\0b", 0, || {}).is_none());
}
