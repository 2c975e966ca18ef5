use crate::support::{Read, SOON, Scene};
use integration_tests::{Kafka, Postgres, eventually};
use rws_kafka::outbox::{Outbox, OutboxError, OutboxRelay, Pool};
use rws_kafka::{KafkaProducer, Observer, ProducerConfig};
use std::collections::HashMap;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const BROKERS: &str = "OUTBOX_TEST_BROKERS";
const DATABASE: &str = "OUTBOX_TEST_DATABASE";
const WRITERS: usize = 6;
/// Each writer's own, so that the transactions of a key follow one another.
const KEYS_OF_A_WRITER: usize = 34;
const EVENTS_OF_A_WRITER: usize = 2_000;
const KILL_EVERY: Duration = Duration::from_secs(2);

/// A relay in a process of its own; killed when it is dropped.
struct Relay(Child);

impl Relay {
    fn start(scene: &Scene<'_>) -> Self {
        let child = Command::new(std::env::current_exe().expect("a test binary"))
            .args([
                "--exact",
                "kills::a_relay_in_a_process_of_its_own",
                "--ignored",
            ])
            .env(BROKERS, scene.kafka.bootstrap())
            .env(DATABASE, &scene.url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the test binary starts");
        Self(child)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "run by the tests below, as a process that they kill"]
fn a_relay_in_a_process_of_its_own() {
    let (Ok(brokers), Ok(url)) = (std::env::var(BROKERS), std::env::var(DATABASE)) else {
        return;
    };
    let config = ProducerConfig::new(brokers).expect("valid settings");
    let producer = KafkaProducer::new(config.observer(Observer::new())).expect("a producer");
    let pool = Pool::from_url(&url, None).expect("a valid URL");
    let _ = OutboxRelay::new(producer, pool)
        .batch_size(100)
        .start(20)
        .join();
}

/// Enqueues in order, each event in a transaction, and before every tenth one that is rolled back.
fn write(scene: &Scene<'_>, writer: usize, committed: &AtomicUsize) {
    let mut number = 0;
    while number < EVENTS_OF_A_WRITER {
        if number % 10 == 9 {
            let _ = transaction(scene, writer, number, true);
        }
        // One whose commit is in doubt is written again, and both are compared with the table.
        if transaction(scene, writer, number, false).is_ok() {
            number += 1;
            committed.fetch_add(1, Ordering::SeqCst);
        }
    }
}

fn transaction(
    scene: &Scene<'_>,
    writer: usize,
    number: usize,
    roll_back: bool,
) -> Result<(), OutboxError> {
    let mut connection = scene.pool.get()?;
    let mut tx = connection.transaction()?;
    let key = format!("{writer}-{}", number % KEYS_OF_A_WRITER);
    let text = match roll_back {
        true => "rolled back".to_owned(),
        false => format!("{number:05}"),
    };
    tx.execute(
        "INSERT INTO written SELECT $1, $2 WHERE NOT $3",
        &[&key, &text, &roll_back],
    )?;
    Outbox::new(&mut tx).enqueue_keyed(&scene.topic, key, text)?;
    match roll_back {
        true => tx.rollback(),
        false => tx.commit(),
    }
}

/// `relays` processes, of which one is killed every two seconds, and a restart each of the database
/// and the broker in the middle.
fn storm(relays: usize) {
    let kafka = Kafka::start_for_kill();
    let postgres = Postgres::start();
    let scene = Scene::on(&kafka, &postgres, 4);
    scene.sql("CREATE TABLE written (key text, event text)");
    let committed = AtomicUsize::new(0);
    let over = AtomicBool::new(false);
    let kills = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (scene, committed) = (&scene, &committed);
                scope.spawn(move || write(scene, writer, committed))
            })
            .collect();
        let killer = scope.spawn(|| {
            let mut running: Vec<_> = (0..relays).map(|_| Relay::start(&scene)).collect();
            let mut kills = 0;
            let mut due = Instant::now() + KILL_EVERY;
            while !over.load(Ordering::SeqCst) {
                eventually(SOON, || {
                    Instant::now() >= due || over.load(Ordering::SeqCst)
                });
                due = Instant::now() + KILL_EVERY;
                running[kills % relays] = Relay::start(&scene);
                kills += 1;
            }
            kills
        });
        let half = WRITERS * EVENTS_OF_A_WRITER / 2;
        eventually(SOON * 3, || committed.load(Ordering::SeqCst) > half / 2);
        kafka.kill();
        kafka.restart();
        eventually(SOON * 3, || committed.load(Ordering::SeqCst) > half);
        postgres.kill();
        postgres.restart();
        for writer in writers {
            writer.join().expect("no panic");
        }
        over.store(true, Ordering::SeqCst);
        killer.join().expect("no panic")
    });
    assert!(kills >= 2, "{kills} kills are no storm");
    let relay = scene.relay().start(20);
    eventually(SOON * 2, || scene.backlog() == 0);
    relay.stop();
    assert!(relay.join().error.is_none());
    compare(&scene);
}

/// Each committed event is there, none other is, and among the first deliveries each key has its
/// order.
fn compare(scene: &Scene<'_>) {
    let found = scene.read();
    let rows = scene.sql("SELECT key, event FROM written ORDER BY 1, 2");
    let mut expected: HashMap<String, Vec<String>> = HashMap::new();
    for row in rows.lines() {
        let (key, event) = row.split_once('|').expect("two columns");
        let of_key = expected.entry(key.to_owned()).or_default();
        of_key.push(event.to_owned());
    }
    let mut first: HashMap<String, Vec<String>> = HashMap::new();
    let mut ids = std::collections::HashSet::new();
    for read in &found {
        if ids.insert(read.id()) {
            let key = read.key.clone().expect("a key");
            first
                .entry(key)
                .or_default()
                .push(Read::text(read).to_owned());
        }
    }
    for (key, expected) in &expected {
        let found = first.get(key).map(Vec::as_slice).unwrap_or_default();
        assert_eq!(found, expected, "key {key}");
    }
    assert_eq!(
        first.len(),
        expected.len(),
        "no event of a key that wrote none"
    );
    println!(
        "{} events, {} of them twice",
        ids.len(),
        found.len() - ids.len()
    );
}

#[test]
fn one_relay_killed_again_and_again_loses_nothing_and_keeps_the_order() {
    storm(1);
}

#[test]
fn of_two_relays_one_killed_again_and_again_loses_nothing_and_keeps_the_order() {
    storm(2);
}
