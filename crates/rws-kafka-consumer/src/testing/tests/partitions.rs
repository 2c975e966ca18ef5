use super::*;
use crate::{ConsumerError, Ordering, TopicPartition};

#[test]
fn what_a_revoked_partition_had_not_committed_comes_again() {
    let told: Seen<String> = Arc::default();
    let note = |what: &'static str| {
        let told = Arc::clone(&told);
        move |partitions: String| told.lock().push(format!("{what} {partitions}"))
    };
    let (assigned, revoked, lost) = (note("assigned"), note("revoked"), note("lost"));
    let consumer = consumer(&["a"])
        .retry_backoff_ms(1000)
        .on_assign(move |partitions| assigned(format!("{partitions:?}")))
        .on_revoke(move |partitions| revoked(format!("{partitions:?}")))
        .on_lost(move |partitions| lost(format!("{partitions:?}")));
    let mut worker = TestWorker::new(consumer, handle_as_it_says).unwrap();
    worker.give_all(["0", "1", "0"].map(|payload| TestMessage::new("a", payload)));
    worker.run();
    worker.revoke("a", 0);
    assert_eq!(
        (worker.committed("a", 0), worker.next_due()),
        (Some(1), None),
        "{worker}"
    );
    // The partition belongs to another consumer, and so do the messages that arrive meanwhile.
    worker.give(TestMessage::new("a", "0"));
    worker.advance(SECOND);
    assert_eq!(handled(&worker).len(), 2, "{worker}");

    worker.assign("a", [0]);
    worker.run_to_end();
    let expected = ["a-0@1#1", "a-0@1#2", "a-0@2#1", "a-0@3#1"];
    let again: Vec<String> = handled(&worker)
        .split_off(2)
        .into_iter()
        .map(|(_, what)| what)
        .collect();
    assert_eq!(again, expected);
    worker.lose("a", 0);
    let expected = [
        "assigned [a-0]",
        "revoked [a-0]",
        "assigned [a-0 from 1]",
        "lost [a-0]",
    ];
    assert_eq!(*told.lock(), expected);
}

#[test]
fn a_commit_for_a_partition_that_is_gone_is_refused() {
    let kept: Arc<Mutex<Option<ConsumerContext>>> = Arc::default();
    let handler = {
        let kept = Arc::clone(&kept);
        move |msg: ConsumerContext| {
            *kept.lock() = Some(msg);
            Ok(())
        }
    };
    let mut worker = TestWorker::new(consumer(&["a"]), handler).unwrap();
    worker.give(TestMessage::new("a", ""));
    worker.run();
    let msg = kept.lock().take().unwrap();
    // An `Ok` without a commit finishes the message and commits nothing.
    assert_eq!(worker.committed("a", 0), None);
    worker.revoke("a", 0);
    let error = msg.commit().unwrap_err();
    assert!(matches!(
        error.downcast_ref(),
        Some(ConsumerError::PartitionLost { .. })
    ));
    worker.run();
    assert_eq!(worker.committed("a", 0), None, "{worker}");
}

#[test]
fn a_late_commit_and_a_synchronous_one_are_taken() {
    let kept: Seen<ConsumerContext> = Arc::default();
    let handler = {
        let kept = Arc::clone(&kept);
        move |msg: ConsumerContext| {
            match msg.offset() {
                2 => msg.commit_sync()?,
                _ => kept.lock().push(msg),
            }
            Ok(())
        }
    };
    let mut worker = TestWorker::new(consumer(&["a"]), handler).unwrap();
    worker.give_all(["", ""].map(|payload| TestMessage::new("a", payload)));
    worker.run();
    kept.lock()[0].commit().unwrap();
    worker.run();
    assert_eq!(worker.committed("a", 0), Some(1), "{worker}");
    worker.refuse_commits();
    worker.give(TestMessage::new("a", ""));
    worker.run();
    let shown = worker.to_string();
    assert!(
        shown.contains("attempt 1: Err(the broker refused the offsets: refused by the test)"),
        "{shown}"
    );
    worker.accept_commits();
    worker.run_to_end();
    assert_eq!(
        (worker.committed("a", 0), worker.attempts("a", 0, 2)),
        (Some(3), 2),
        "{worker}"
    );
}

#[test]
fn a_killed_process_handles_again_what_it_had_not_committed() {
    let consumer = consumer(&["a"])
        .dead_letter_queue("dlq")
        .retry_backoff_ms(1000);
    let mut worker = TestWorker::new(consumer, handle_as_it_says).unwrap();
    worker.give_all(["0", "-1", "2"].map(|payload| TestMessage::new("a", payload)));
    worker.sent().hold();
    worker.run();
    worker.restart();
    assert!(worker.sent().held().is_empty(), "{worker}");
    worker.sent().release();
    worker.run();
    worker.advance(SECOND);
    worker.restart();
    worker.run_to_end();
    let attempts = [0, 1, 2].map(|offset| worker.attempts("a", 0, offset));
    // The two earlier attempts at the last message are not counted any more.
    assert_eq!(
        (attempts, worker.committed("a", 0)),
        ([1, 2, 5], Some(3)),
        "{worker}"
    );
    assert_eq!(worker.dead_letters().len(), 1);
}

#[test]
fn a_pause_and_a_stop_leave_what_was_not_begun() {
    let mut worker = TestWorker::new(consumer(&["a"]), handle_as_it_says).unwrap();
    worker.pause();
    worker.give(TestMessage::new("a", "0"));
    worker.run();
    assert!(
        worker.status().paused && handled(&worker).is_empty(),
        "{worker}"
    );
    worker.resume();
    worker.run();
    worker.give_all(["1", "0"].map(|payload| TestMessage::new("a", payload)));
    worker.run();
    let report = worker.stop();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!((report.unstarted, worker.committed("a", 0)), (2, Some(1)));
    worker.run_to_end();
    assert_eq!(worker.committed("a", 0), Some(1), "{worker}");
}

#[test]
fn a_worker_holds_no_more_than_it_may() {
    let config = crate::ConsumerConfig::from(config()).max_in_flight(4);
    let consumer = KafkaConsumer::new(config)
        .unwrap()
        .subscribe(["a"])
        .unwrap();
    let consumer = consumer.ordering(Ordering::None).retry_backoff_ms(1000);
    let mut worker = TestWorker::new(consumer, handle_as_it_says).unwrap();
    worker.give(TestMessage::new("a", "1"));
    worker.give_all((0..9).map(|_| TestMessage::new("a", "0")));
    worker.run();
    // The first one uses the memory of the others.
    assert_eq!(handled(&worker).len(), 4, "{worker}");
    assert_eq!(worker.status().fetched(), 4);
    worker.run_to_end();
    assert_eq!(worker.committed("a", 0), Some(10), "{worker}");
}

#[test]
fn messages_of_several_partitions_come_as_they_were_given() {
    let mut worker = TestWorker::new(consumer(&["a", "b"]), handle_as_it_says).unwrap();
    for (topic, partition) in [("a", 0), ("a", 0), ("b", 0), ("a", 1), ("a", 0)] {
        worker.give(TestMessage::new(topic, "0").partition(partition));
    }
    worker.run();
    let order: Vec<String> = handled(&worker).into_iter().map(|(_, what)| what).collect();
    assert_eq!(
        order,
        ["a-0@0#1", "a-0@1#1", "b-0@0#1", "a-1@0#1", "a-0@2#1"]
    );
    let commits = worker.commits();
    assert_eq!(commits.len(), 3);
    assert!(commits.contains(&(TopicPartition::new("b", 0), 1)));
}

#[test]
#[should_panic(expected = "the message is for \"b\", but the consumer is subscribed to [\"a\"]")]
fn a_topic_that_nobody_reads_is_a_mistake() {
    let mut worker = TestWorker::new(consumer(&["a"]), handle_as_it_says).unwrap();
    worker.give(TestMessage::new("b", ""));
}

#[test]
fn a_topic_that_is_subscribed_to_twice_is_read_once() {
    let twice = consumer(&["a", "^b", "a"]).subscribe(["^b", "c"]).unwrap();
    assert_eq!(twice.topics, ["a", "^b", "c"]);
    let mut worker = TestWorker::new(twice, handle_as_it_says).unwrap();
    give(&mut worker, &["0"]);
    worker.run();
    assert_eq!(handled(&worker).len(), 1, "{worker}");
}

#[test]
#[should_panic(expected = "a message for a-0 has offset 6, but the offsets below 8 are taken")]
fn an_offset_that_is_taken_is_a_mistake() {
    let mut worker = TestWorker::new(consumer(&["^a"]), handle_as_it_says).unwrap();
    assert_eq!(worker.give(TestMessage::new("a", "").offset(7)), 7);
    worker.give(TestMessage::new("a", "").offset(6));
}

fn consumer_of(observer: &Observer) -> KafkaConsumer {
    let config = crate::ConsumerConfig::from(config()).observer(observer.clone());
    let consumer = KafkaConsumer::new(config).unwrap();
    consumer.subscribe(["a"]).unwrap().max_retries(0)
}

#[test]
fn the_dead_letter_producer_has_another_name_than_the_services() {
    let observer = Observer::new();
    let consumer = consumer_of(&observer).dead_letter_queue("dlq");
    let _worker = TestWorker::new(consumer, handle_as_it_says).unwrap();
    let producers = observer.status().producers;
    let clients: Vec<&str> = producers.iter().map(|one| one.client.as_str()).collect();
    assert_eq!(clients, ["rws-kafka-dlq"]);
}

#[test]
fn a_worker_that_failed_is_no_matter_of_readiness_once_the_test_has_seen_it() {
    let observer = Observer::new();
    let consumer = consumer_of(&observer).on_failure(crate::FailurePolicy::Stop);
    let mut worker = TestWorker::new(consumer, handle_as_it_says).unwrap();
    worker.give(TestMessage::new("a", "1"));
    worker.run();
    assert!(worker.error().is_some(), "{worker}");
    assert!(!observer.readiness().is_ready());
    drop(worker);
    assert!(observer.readiness().is_ready());
}
