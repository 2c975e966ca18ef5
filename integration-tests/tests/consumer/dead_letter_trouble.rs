//! Dead letter queues that cannot be written to, and workers that are killed meanwhile.

use crate::dead_letters::Poisoned;
use integration_tests::jobs::{Job, Poison};
use integration_tests::{Child, Gate, Journal, Kafka, SOON, SaslOptions, soon, stop};
use rws_kafka_config::{KafkaConfig, SaslMechanism, SecurityProtocol};
use rws_kafka_consumer::{
    ConsumerConfig, ConsumerContext, ConsumerError, ConsumerHandle, HandlerError, HandlerResult,
};
use rws_kafka_producer::ProducerError;
use std::time::{Duration, Instant};

const NO_TOPICS_BY_THEMSELVES: (&str, &str) = ("auto.create.topics.enable", "false");

/// Everything at offset 2 is poison.
fn picky(journal: &Journal) -> impl Fn(ConsumerContext) -> HandlerResult + Send + Sync + 'static {
    let journal = journal.clone();
    move |msg: ConsumerContext| {
        journal.note(&msg);
        if msg.offset() == 2 && msg.partition() == 0 {
            return Err(HandlerError::new("poison").permanent());
        }
        msg.commit()
    }
}

/// Returns why the last dead letter was refused.
fn refusal(handle: &ConsumerHandle) -> Option<ProducerError> {
    match handle.status().last_error? {
        ConsumerError::DeadLetterRefused { source, .. } => Some(*source),
        _ => None,
    }
}

#[test]
fn a_queue_that_does_not_exist_yet_loses_nothing_and_holds_up_no_other_partition() {
    let kafka = Kafka::start_with(&[NO_TOPICS_BY_THEMSELVES]);
    let poisoned = Poisoned::without_queue(&kafka, 2, 1);
    poisoned.scene.fill(5);
    let journal = Journal::default();
    let handle = poisoned.consumer().start(picky(&journal));
    soon(|| poisoned.scene.all_committed() == [2, 5]);
    soon(|| matches!(refusal(&handle), Some(ProducerError::UnknownTopic { .. })));
    let error = handle.status().last_error.unwrap();
    let expected = format!(
        "the dead letter of {}-0 offset 2 was not delivered",
        poisoned.scene.topic
    );
    assert_eq!(error.to_string(), expected);
    assert_eq!(poisoned.scene.all_committed(), [2, 5]);
    poisoned.create_queue();
    let letters = poisoned.letters_of(1);
    assert_eq!(letters[0].origin(), (0, 2));
    soon(|| poisoned.scene.all_committed() == [5; 2]);
    stop(&handle);
    // The handler was not called again while only the dead letter was in flight.
    journal.assert_each_once(&[5; 2]);
    assert_eq!(poisoned.letters().len(), 1);
}

#[test]
fn a_user_who_may_not_write_to_the_queue_loses_nothing_and_goes_on_when_allowed() {
    const USER: &str = "worker";
    const PASSWORD: &str = "secret";
    let options = SaslOptions::new()
        .user(USER, PASSWORD)
        .authorizer(["nobody"]);
    let kafka = Kafka::start_sasl_ssl(options);
    let poisoned = Poisoned::without_queue(&kafka, 1, 1);
    let scene = &poisoned.scene;
    poisoned.create_queue();
    kafka.allow(USER, &["Read"], &scene.topic);
    kafka.allow_group(USER, &["Read"], &scene.group);
    scene.fill(5);
    let config = KafkaConfig::builder()
        .brokers(kafka.bootstrap())
        .consumer_group(&scene.group)
        .security_protocol(SecurityProtocol::SaslSsl)
        .sasl_mechanism(SaslMechanism::ScramSha256)
        .sasl_username(USER)
        .sasl_password(PASSWORD)
        .ssl_ca_file(kafka.certificates().ca_file())
        .build()
        .unwrap();
    let config = ConsumerConfig::from(config).observer(scene.observer.clone());
    let journal = Journal::default();
    let handle = scene
        .consumer_of(config)
        .dead_letter_queue(&poisoned.queue)
        .start(picky(&journal));
    // A user without any write permission gets no producer id, so the producer retries with a new
    // client.
    soon(|| {
        refusal(&handle).is_some_and(|error| {
            !error.is_fatal() && error.to_string().contains("it needs Write on a topic")
        })
    });
    soon(|| scene.committed(0) == Some(2));
    let text = format!(
        "{:?}{}",
        handle.status(),
        handle.status().last_error.unwrap()
    );
    assert!(!text.contains(PASSWORD), "{text}");
    kafka.allow(USER, &["Write"], &poisoned.queue);
    let letters = poisoned.letters_of(1);
    assert_eq!(letters[0].origin(), (0, 2));
    soon(|| scene.committed(0) == Some(5));
    stop(&handle);
    journal.assert_each_once(&[5]);
}

#[test]
fn a_broker_that_goes_away_while_letters_are_on_their_way_loses_none() {
    const COUNT: usize = 3000;
    let kafka = Kafka::start_for_kill();
    let poisoned = Poisoned::on(&kafka, 3, 2);
    poisoned.scene.fill(COUNT);
    let journal = Journal::default();
    let notes = journal.clone();
    let handle = poisoned
        .consumer()
        .concurrency(2)
        .start(move |msg: ConsumerContext| {
            notes.note(&msg);
            if msg.offset() % 2 == 0 {
                return Err(HandlerError::new("poison").permanent());
            }
            msg.commit()
        });
    soon(|| poisoned.letters().len() > 50);
    kafka.kill();
    soon(|| handle.status().connection.is_some());
    kafka.restart();
    journal.wait_for(3 * COUNT, &handle);
    let end = COUNT as i64;
    soon(|| poisoned.scene.all_committed() == [end; 3]);
    stop(&handle);
    assert_all_dead_lettered(&poisoned, end);
    journal.assert_none_lost(&[end; 3]);
}

/// Asserts that each even offset of each partition has a dead letter.
#[track_caller]
pub(crate) fn assert_all_dead_lettered(poisoned: &Poisoned<'_>, end: i64) {
    let mut origins: Vec<(i32, i64)> = poisoned.letters().iter().map(|l| l.origin()).collect();
    origins.sort_unstable();
    origins.dedup();
    let partitions = 0..poisoned.scene.partitions;
    let expected: Vec<(i32, i64)> = partitions
        .flat_map(|partition| (0..end).step_by(2).map(move |offset| (partition, offset)))
        .collect();
    assert_eq!(origins.len(), expected.len());
    assert_eq!(origins, expected);
}

#[test]
fn a_stop_waits_for_the_letter_on_its_way() {
    let kafka = Kafka::start();
    let poisoned = Poisoned::on(&kafka, 1, 1);
    poisoned.scene.fill(5);
    let journal = Journal::default();
    let (begun, gate) = (Gate::default(), Gate::default());
    let (begins, wait) = (begun.clone(), gate.clone());
    let poison = picky(&journal);
    let handle = poisoned.consumer().start(move |msg: ConsumerContext| {
        if msg.offset() == 2 {
            begins.open();
            wait.pass();
        }
        poison(msg)
    });
    soon(|| poisoned.scene.committed(0) == Some(2));
    begun.pass();
    kafka.pause();
    gate.open();
    // The dead letter is in flight to a broker that does not answer. Its handler has returned.
    soon(|| handle.status().oldest_in_flight.is_none());
    assert_eq!(handle.status().in_flight, 1);
    handle.initiate_stop();
    soon(|| handle.join_timeout(Duration::from_millis(500)).is_none());
    kafka.unpause();
    let report = handle.stop();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.unstarted, 2);
    assert_eq!(poisoned.letters().len(), 1);
    assert_eq!(poisoned.scene.committed(0), Some(3));
}

#[test]
fn a_stop_does_not_wait_for_a_letter_for_ever_and_tells_of_it() {
    let kafka = Kafka::start();
    let poisoned = Poisoned::on(&kafka, 1, 1);
    poisoned.scene.fill(5);
    let (begun, gate) = (Gate::default(), Gate::default());
    let (begins, wait) = (begun.clone(), gate.clone());
    let poison = picky(&Journal::default());
    let handle = poisoned.consumer().start(move |msg: ConsumerContext| {
        if msg.offset() == 2 {
            begins.open();
            wait.pass();
        }
        poison(msg)
    });
    begun.pass();
    kafka.pause();
    gate.open();
    soon(|| handle.status().oldest_in_flight.is_none() && handle.status().in_flight == 1);
    let begun = Instant::now();
    let report = handle.stop_within(Duration::from_secs(2));
    assert!(begun.elapsed() < Duration::from_secs(7), "{report:?}");
    assert_eq!(report.unfinished, 1);
    assert!(!report.is_clean());
    kafka.unpause();

    let handle = poisoned.consumer().start(picky(&Journal::default()));
    soon(|| poisoned.scene.committed(0) == Some(5));
    stop(&handle);
    assert!(!poisoned.letters().is_empty());
}

/// Starts a worker process that dead-letters what `poison` says.
fn start_child(poisoned: &Poisoned<'_>, poison: Poison, commit_interval: Duration) -> Child {
    let job = Job::DeadLetter {
        place: poisoned.place(),
        queue: poisoned.queue.clone(),
        poison,
        commit_interval,
    };
    job.program(env!("CARGO_BIN_EXE_child")).start()
}

#[test]
fn a_worker_that_is_killed_between_letter_and_commit_repeats_the_letter() {
    let poisoned = Poisoned::on(Kafka::shared(), 1, 1);
    let scene = &poisoned.scene;
    scene.fill(5);
    // It is killed before its first commit.
    let mut worker = start_child(&poisoned, Poison::Third, Duration::from_secs(3600));
    poisoned.letters_of(1);
    worker.kill();
    assert_eq!(scene.committed(0), None);

    let journal = Journal::default();
    let handle = poisoned.consumer().start(picky(&journal));
    soon(|| scene.committed(0) == Some(5));
    stop(&handle);
    journal.assert_each_once(&[5]);
    let origins: Vec<(i32, i64)> = poisoned.letters().iter().map(|l| l.origin()).collect();
    assert_eq!(origins, [(0, 2); 2]);
}

#[test]
fn workers_that_are_killed_again_and_again_lose_no_letter() {
    const COUNT: usize = 4000;
    let poisoned = Poisoned::on(Kafka::shared(), 2, 2);
    let scene = &poisoned.scene;
    scene.fill(COUNT);
    let start = || start_child(&poisoned, Poison::EverySecond, Duration::from_millis(100));
    for kills in 1..=4 {
        let mut worker = start();
        let goal = 300 * kills;
        soon(|| poisoned.letters().len() >= goal);
        worker.kill();
    }
    let mut worker = start();
    let end = COUNT as i64;
    integration_tests::eventually(3 * SOON, || scene.all_committed() == [end; 2]);
    worker.kill();
    assert_all_dead_lettered(&poisoned, end);
}
