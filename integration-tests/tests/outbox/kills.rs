use crate::support::{Scene, id};
use integration_tests::jobs::Job;
use integration_tests::{Child, Kafka, Postgres, SOON, eventually, soon};
use rws_kafka::outbox::{Outbox, OutboxError};
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const WRITERS: usize = 6;
const KEYS: usize = 200;
const EVENTS_OF_A_WRITER: usize = 10_000;
const EVENTS: usize = WRITERS * EVENTS_OF_A_WRITER;
const MOST_RELAYS: usize = 4;
/// Of a relay that is killed.
const BATCH: usize = 100;
/// The relay's default, and what each may have on the way: a batch consists of equal parts of at
/// most 16 shards.
const WORKERS: usize = 4;
const IN_FLIGHT: usize = WORKERS * (BATCH + 16);
const KILL_EVERY: Duration = Duration::from_secs(2);

/// Starts a relay in its own process.
fn start_relay(scene: &Scene<'_>) -> Child {
    let job = Job::Relay {
        brokers: scene.kafka.bootstrap(),
        database: scene.url.clone(),
        batch: BATCH,
    };
    job.program(env!("CARGO_BIN_EXE_child")).start()
}

/// Enqueues in order, one to three events in a transaction, and before every tenth one that is
/// rolled back.
fn write(scene: &Scene<'_>, writer: usize, committed: &AtomicUsize) {
    let mut number = 0;
    while number < EVENTS_OF_A_WRITER {
        let events = (1 + number % 3).min(EVENTS_OF_A_WRITER - number);
        if number % 10 == 9 {
            let _ = transaction(scene, writer, number..number + events, true);
        }
        // A transaction whose commit is in doubt is written again, and both are compared with the
        // table.
        if transaction(scene, writer, number..number + events, false).is_ok() {
            number += events;
            committed.fetch_add(events, Ordering::SeqCst);
        }
    }
}

fn transaction(
    scene: &Scene<'_>,
    writer: usize,
    numbers: Range<usize>,
    roll_back: bool,
) -> Result<(), OutboxError> {
    let mut connection = scene.pool.get()?;
    let mut tx = connection.transaction()?;
    for number in numbers {
        // Each writer's own, so that the transactions of a key follow one another.
        let own = (KEYS - writer).div_ceil(WRITERS);
        let key = (writer + WRITERS * (number % own)).to_string();
        let text = match roll_back {
            true => "rolled back".to_owned(),
            false => format!("{number:05}"),
        };
        tx.execute(
            "INSERT INTO written SELECT $1, $2 WHERE NOT $3",
            &[&key, &text, &roll_back],
        )?;
        Outbox::new(&mut tx).enqueue_keyed(&scene.topic, key, text)?;
    }
    match roll_back {
        true => tx.rollback(),
        false => tx.commit(),
    }
}

/// Kills one of the relays every two seconds and starts another: one relay at first, two from a
/// third of the events on, four from two thirds on. Returns the kills.
fn kill(scene: &Scene<'_>, committed: &AtomicUsize) -> usize {
    let mut running = vec![start_relay(scene)];
    let mut kills = 0;
    let done = || committed.load(Ordering::SeqCst);
    while done() < EVENTS {
        let due = Instant::now() + KILL_EVERY;
        soon(|| Instant::now() >= due || done() == EVENTS);
        let relays = [1, 2, 4][(3 * done() / EVENTS).min(2)];
        while running.len() < relays {
            running.push(start_relay(scene));
        }
        // Dropped, and so killed.
        running[kills % relays] = start_relay(scene);
        kills += 1;
    }
    kills
}

#[test]
fn relays_killed_again_and_again_lose_nothing_and_keep_the_order() {
    let kafka = Kafka::start_for_kill();
    let postgres = Postgres::start();
    let scene = Scene::on(&kafka, &postgres, 4);
    scene.sql("CREATE TABLE written (key text, event text)");
    let committed = AtomicUsize::new(0);
    let kills = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (scene, committed) = (&scene, &committed);
                scope.spawn(move || write(scene, writer, committed))
            })
            .collect();
        let killer = scope.spawn(|| kill(&scene, &committed));
        let done = || committed.load(Ordering::SeqCst);
        eventually(5 * SOON, || done() > EVENTS / 4);
        kafka.kill();
        kafka.restart();
        eventually(5 * SOON, || done() > EVENTS / 2);
        postgres.kill();
        postgres.restart();
        for writer in writers {
            writer.join().expect("no panic");
        }
        killer.join().expect("no panic")
    });
    assert!(kills >= 3, "only {kills} kills");
    let relay = scene.relay().start(20);
    eventually(2 * SOON, || scene.backlog() == 0);
    assert!(relay.stop_within(SOON).is_clean());
    // The restarts of the broker and of the database end the batches of all relays.
    compare(&scene, (kills + 2 * MOST_RELAYS) * IN_FLIGHT);
}

/// Asserts that every committed event is in the topic and no other, that each key's first
/// deliveries are in order, and that no more events came twice than were in flight when relays
/// were killed.
fn compare(scene: &Scene<'_>, on_the_way: usize) {
    let found = scene.read();
    let rows = scene.sql("SELECT key, event FROM written ORDER BY 1, 2");
    let mut expected: HashMap<String, Vec<String>> = HashMap::new();
    for row in rows.lines() {
        let (key, event) = row.split_once('|').expect("two columns");
        let of_key = expected.entry(key.to_owned()).or_default();
        of_key.push(event.to_owned());
    }
    let mut first: HashMap<String, Vec<String>> = HashMap::new();
    let mut ids = HashSet::new();
    for read in &found {
        if ids.insert(id(read)) {
            let key = read.key_text().expect("a key");
            first.entry(key).or_default().push(read.payload_text());
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
    let twice = found.len() - ids.len();
    println!("{} events, {twice} of them twice", ids.len());
    assert!(
        twice <= on_the_way,
        "{twice} twice, {on_the_way} on the way"
    );
}
