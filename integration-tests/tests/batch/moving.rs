//! Partitions that are revoked while their batches are in flight.

use crate::support::{Journal, Scene};
use integration_tests::{Gate, SOON, soon, stop};
use rws_kafka_consumer::{ConsumerHandle, GroupProtocol};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A second worker joins while each lane of the first has a batch in flight.
fn check(protocol: &str) {
    const PARTITIONS: i32 = 4;
    let scene = Scene::new(PARTITIONS);
    scene.fill(100);
    let (journal, gate) = (Journal::default(), Gate::default());
    let handled = Arc::new(AtomicUsize::new(0));
    let start = || -> ConsumerHandle {
        let config = match protocol {
            "the broker's" => {
                let config =
                    rws_kafka_consumer::ConsumerConfig::new(scene.kafka.bootstrap(), &scene.group);
                let config = config.unwrap().observer(scene.observer.clone());
                config.group_protocol(GroupProtocol::Consumer)
            }
            strategy => scene
                .config()
                .property("partition.assignment.strategy", strategy),
        };
        let (notes, wait, count) = (journal.clone(), gate.clone(), Arc::clone(&handled));
        scene
            .consumer_of(config)
            .batch_max_messages(10)
            .concurrency(PARTITIONS as usize)
            .start_batch(move |batch| {
                notes.note(batch);
                wait.pass();
                count.fetch_add(batch.len(), Ordering::Relaxed);
                batch.commit()
            })
    };
    let first = start();
    soon(|| first.status().in_flight == 40);
    let second = start();
    soon(|| first.status().rebalancing);
    // The group waits for the batches in flight.
    assert!(second.status().assignment.is_empty(), "{protocol}");
    assert_eq!(journal.messages(), 40);
    gate.open();
    assert!(second.wait_ready(SOON));
    soon(|| scene.all_committed() == [100; PARTITIONS as usize]);
    assert!(!second.status().assignment.is_empty(), "{protocol}");
    stop(&first);
    stop(&second);
    // No message is lost or repeated, and each partition is in order.
    for partition in 0..PARTITIONS {
        let offsets = journal.offsets(partition);
        assert_eq!(offsets, (0..100).collect::<Vec<_>>(), "{protocol}");
    }
    assert_eq!(handled.load(Ordering::Relaxed), 400);
}

#[test]
fn a_batch_in_hand_is_finished_before_its_partition_goes() {
    check("range");
}

#[test]
fn a_batch_in_hand_is_finished_before_its_partition_goes_step_by_step() {
    check("cooperative-sticky");
}

#[test]
fn a_batch_in_hand_is_finished_before_the_broker_moves_its_partition() {
    check("the broker's");
}
