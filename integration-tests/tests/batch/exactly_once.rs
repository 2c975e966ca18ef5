//! Batches whose outputs and offsets are committed together.

use crate::support::{Journal, Scene};
use integration_tests::{soon, stop, unique, unique_topic};
use rws_kafka_consumer::{ConsumerError, HandlerError, HandlerResult, MessageBatch, Outputs};
use rws_kafka_producer::Record;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Sends each message to the same partition of another topic.
fn copy(batch: &MessageBatch, out: &mut Outputs, sink: &str) -> HandlerResult {
    for msg in batch {
        let record = Record::to(sink).partition(msg.partition());
        out.send_record(record.payload(msg.payload_str()?))?;
    }
    Ok(())
}

/// Returns the numbers in each partition of the sink, in their order.
fn results(scene: &Scene<'_>, sink: &str) -> Vec<Vec<i64>> {
    let mut found = vec![Vec::new(); scene.partitions as usize];
    for record in scene.kafka.read(sink) {
        let number = record.payload_text().parse().unwrap();
        found[record.partition as usize].push(number);
    }
    found
}

fn sink(scene: &Scene<'_>) -> String {
    let sink = unique_topic("sink");
    scene.kafka.create_topic(&sink, scene.partitions);
    sink
}

/// Every fifth batch first fails as a whole, after it has sent all its outputs. Two of a hundred
/// messages fail permanently, and nothing is sent for them.
#[test]
fn each_result_is_read_once_though_batches_fail_in_whole_and_in_part() {
    let scene = Scene::new(3);
    scene.fill(1000);
    let sink = sink(&scene);
    let attempts = AtomicUsize::new(0);
    let to = sink.clone();
    let handle = scene
        .consumer()
        .concurrency(3)
        .exactly_once(unique("batches"))
        .producer(scene.producer_config())
        .start_batch(move |batch, out| {
            for msg in batch {
                if msg.offset() % 50 == 7 {
                    batch.fail(msg, HandlerError::new("no such order").permanent());
                    continue;
                }
                let record = Record::to(&to).partition(msg.partition());
                out.send_record(record.payload(msg.payload_str()?))?;
            }
            // No batch fails so often that its messages are handed out alone and one is
            // dead-lettered.
            if batch.attempt() == 1 && attempts.fetch_add(1, Ordering::Relaxed) % 5 == 4 {
                return Err(HandlerError::new("not yet"));
            }
            Ok(())
        });
    soon(|| scene.all_committed() == [1000; 3]);
    stop(&handle);
    let expected: Vec<i64> = (0..1000).filter(|number| number % 50 != 7).collect();
    soon(|| results(&scene, &sink).concat().len() == 3 * expected.len());
    assert_eq!(results(&scene, &sink), vec![expected; 3]);
    let mut letters = scene.origins();
    letters.sort_unstable();
    let of = |partition| (7..1000).step_by(50).map(move |offset| (partition, offset));
    let expected: Vec<(i32, i64)> = (0..3).flat_map(of).collect();
    assert_eq!(letters, expected);
}

#[test]
fn partitions_that_move_take_no_result_with_them() {
    let scene = Scene::new(4);
    scene.fill(1500);
    let sink = sink(&scene);
    let handled = Arc::new(AtomicUsize::new(0));
    let start = || {
        let (to, count) = (sink.clone(), Arc::clone(&handled));
        scene
            .consumer()
            .concurrency(2)
            .exactly_once(unique("batches"))
            .producer(scene.producer_config())
            .start_batch(move |batch, out| {
                thread::sleep(Duration::from_millis(20));
                copy(batch, out, &to)?;
                count.fetch_add(batch.len(), Ordering::Relaxed);
                Ok(())
            })
    };
    let first = start();
    soon(|| handled.load(Ordering::Relaxed) > 500);
    let second = start();
    soon(|| !second.status().assignment.is_empty());
    let before = handled.load(Ordering::Relaxed);
    soon(|| handled.load(Ordering::Relaxed) > before + 500);
    stop(&first);
    soon(|| scene.all_committed() == [1500; 4]);
    stop(&second);
    soon(|| results(&scene, &sink).concat().len() >= 6000);
    assert_eq!(
        results(&scene, &sink),
        vec![(0..1500).collect::<Vec<_>>(); 4]
    );
}

#[test]
fn a_part_of_a_batch_is_not_committed_by_itself() {
    let scene = Scene::new(1);
    scene.fill(10);
    let sink = sink(&scene);
    let journal = Journal::default();
    let (notes, to) = (journal.clone(), sink.clone());
    let handle = scene
        .consumer()
        .exactly_once(unique("batches"))
        .producer(scene.producer_config())
        .start_batch(move |batch, out| {
            notes.note(batch);
            let error = batch.commit_up_to(3).unwrap_err();
            let cause = error.downcast_ref::<ConsumerError>();
            let is_it = matches!(cause, Some(ConsumerError::ExactlyOnce { .. }));
            assert!(is_it, "{error}");
            copy(batch, out, &to)
        });
    soon(|| scene.committed(0) == Some(10));
    stop(&handle);
    assert_eq!(journal.all().len(), 1, "{:?}", journal.all());
    assert_eq!(results(&scene, &sink), [(0..10).collect::<Vec<_>>()]);
}
