//! A worker in a process of its own, to be killed, and what it writes down.

use crate::support::{due_ms, now_ms};
use integration_tests::ChildTest;
use rws_kafka_consumer::{ConsumerConfig, ConsumerContext, HandlerError, KafkaConsumer};
use rws_kafka_observe::Observer;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::thread;
use std::time::Duration;

const VARIABLE: &str = "RWS_KAFKA_RETRY_WORKER";

pub(crate) const DELAYS: [u64; 3] = [1000, 2000, 3000];

/// A power of two, so that no line crosses a page: there a SIGKILL could tear the write.
const LINE: usize = 64;

/// What a worker is told.
pub(crate) struct Order {
    pub(crate) brokers: String,
    pub(crate) group: String,
    pub(crate) topic: String,
    /// The journal.
    pub(crate) path: String,
    /// How many workers there were before.
    pub(crate) generation: u32,
}

/// That a worker had a message in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) generation: u32,
    /// 0 for the topic, else which retry topic.
    pub(crate) level: u32,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) number: usize,
    pub(crate) attempt: u32,
    /// Milliseconds since 1970, when it was begun with.
    pub(crate) at_ms: i64,
    /// The same of its header; 0 without one.
    pub(crate) due_ms: i64,
}

/// How often message `number` fails: a third of them, 0 to 4 times.
pub(crate) fn fails(number: usize) -> u32 {
    match number % 3 {
        0 => (number / 3 % 5) as u32,
        _ => 0,
    }
}

impl Entry {
    fn line(self) -> String {
        let line = format!(
            "{:>3} {} {:>2} {:>7} {:>6} {:>3} {:>16} {:>16} \n",
            self.generation,
            self.level,
            self.partition,
            self.offset,
            self.number,
            self.attempt,
            self.at_ms,
            self.due_ms
        );
        format!("{:<63}\n", line.trim_end())
    }

    fn read(line: &str) -> Option<Self> {
        let mut fields = line.split_whitespace();
        Some(Self {
            generation: fields.next()?.parse().ok()?,
            level: fields.next()?.parse().ok()?,
            partition: fields.next()?.parse().ok()?,
            offset: fields.next()?.parse().ok()?,
            number: fields.next()?.parse().ok()?,
            attempt: fields.next()?.parse().ok()?,
            at_ms: fields.next()?.parse().ok()?,
            due_ms: fields.next()?.parse().ok()?,
        })
    }
}

/// How many entries there are.
pub(crate) fn written(path: &Path) -> usize {
    std::fs::metadata(path).map_or(0, |data| data.len() as usize / LINE)
}

/// All that was written so far.
pub(crate) fn read(path: &Path) -> Vec<Entry> {
    let text = std::fs::read_to_string(path).expect("the journal can be read");
    assert_eq!(text.len() % LINE, 0, "the journal has a torn line");
    text.lines()
        .map(|line| Entry::read(line).unwrap_or_else(|| panic!("a line of the journal: {line:?}")))
        .collect()
}

impl Order {
    fn work(&self) {
        let file = File::options().append(true).create(true).open(&self.path);
        let file = file.expect("the journal opens");
        let config = ConsumerConfig::new(&self.brokers, &self.group)
            .expect("valid settings")
            .observer(Observer::new())
            // The next process takes its place at once.
            .property("group.instance.id", "worker");
        let (topic, generation) = (self.topic.clone(), self.generation);
        let report = KafkaConsumer::new(config)
            .and_then(|consumer| consumer.subscribe([&self.topic]))
            .expect("a valid consumer")
            .concurrency(3)
            .retry_topics(DELAYS.map(Duration::from_millis))
            .retry_topic_names("{topic}.retry.{attempt}")
            .dead_letter_queue("{topic}.dlq")
            .start(move |msg: ConsumerContext| {
                let number: usize = msg.payload_str()?.parse()?;
                let entry = Entry {
                    generation,
                    level: match msg.topic().strip_prefix(&*topic) {
                        Some("") => 0,
                        Some(retry) => retry.trim_start_matches(".retry.").parse()?,
                        None => panic!("it reads {}", msg.topic()),
                    },
                    partition: msg.partition(),
                    offset: msg.offset(),
                    number,
                    attempt: msg.attempt(),
                    at_ms: now_ms(),
                    due_ms: due_ms(&msg).unwrap_or(0),
                };
                let line = entry.line();
                assert_eq!((&file).write(line.as_bytes())?, LINE);
                // A little work, so that a kill meets some of it.
                thread::sleep(Duration::from_micros(500));
                if msg.attempt() <= fails(number) {
                    return Err(HandlerError::new("busy"));
                }
                msg.commit()
            })
            .join();
        panic!("it ended by itself: {report:?}");
    }

    fn write(&self) -> String {
        let generation = self.generation.to_string();
        let fields = [
            &self.brokers,
            &self.group,
            &self.topic,
            &self.path,
            &generation,
        ];
        fields.map(String::as_str).join("\n")
    }

    fn read(text: &str) -> Self {
        let fields: Vec<&str> = text.split('\n').collect();
        let [brokers, group, topic, path, generation] = fields[..] else {
            panic!("{VARIABLE} is {text:?}");
        };
        Self {
            brokers: brokers.to_owned(),
            group: group.to_owned(),
            topic: topic.to_owned(),
            path: path.to_owned(),
            generation: generation.parse().expect("a number"),
        }
    }
}

/// A worker process; its log is added to `log`.
pub(crate) fn start_worker(order: &Order, log: &Path) -> ChildTest {
    let test = "process::a_worker_in_a_process_of_its_own";
    ChildTest::start(test, VARIABLE, &order.write(), log)
}

#[test]
#[ignore = "run by other tests, as a process that they kill"]
fn a_worker_in_a_process_of_its_own() {
    let Some(text) = ChildTest::order(VARIABLE) else {
        return;
    };
    Order::read(&text).work();
}

#[test]
fn an_entry_is_read_as_it_was_written() {
    let entry = Entry {
        generation: 12,
        level: 3,
        partition: 2,
        offset: 123_456,
        number: 9_999,
        attempt: 4,
        at_ms: 1_700_000_000_000,
        due_ms: 0,
    };
    let line = entry.line();
    assert_eq!(line.len(), LINE);
    assert_eq!(Entry::read(&line), Some(entry));
}
