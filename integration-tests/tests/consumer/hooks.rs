//! What a worker reports about partitions that are assigned and revoked.

use integration_tests::{Gate, Journal, Scene, ready, soon, stop};
use rws_kafka_consumer::{AssignedPartition, ConsumerContext, ConsumerError, KafkaConsumer};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the hooks reported, in order.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    fn note(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// Returns a consumer whose hooks all report here.
    fn by(&self, consumer: KafkaConsumer) -> KafkaConsumer {
        let [assigned, revoked, lost] = [self.clone(), self.clone(), self.clone()];
        consumer
            .on_assign(move |partitions| {
                let mut partitions = partitions.partitions().to_vec();
                partitions.sort_by(|one, other| one.partition.cmp(&other.partition));
                assigned.note(format!("assigned {}", numbers(&partitions)));
            })
            .on_revoke(move |partitions| {
                revoked.note(format!("revoked {}", partitions.partitions().len()));
            })
            .on_lost(move |partitions| lost.note(format!("lost {}", partitions.partitions().len())))
    }
}

fn numbers(partitions: &[AssignedPartition]) -> String {
    let shown: Vec<String> = partitions
        .iter()
        .map(|assigned| {
            let number = assigned.partition.partition();
            let committed = assigned.committed.map(|offset| format!("@{offset}"));
            format!("{number}{}", committed.unwrap_or_default())
        })
        .collect();
    shown.join(" ")
}

#[test]
fn an_assignment_is_told_with_committed_offsets_and_a_stop_is_a_revoke() {
    let scene = Scene::new(2);
    scene.fill_partitions(0..1, 5);
    for expected in ["assigned 0 1", "assigned 0@5 1"] {
        let told = Told::default();
        let handle = told
            .by(scene.consumer())
            .start(|msg: ConsumerContext| msg.commit());
        soon(|| scene.committed(0) == Some(5));
        ready(&handle);
        assert_eq!(told.all(), [expected]);
        stop(&handle);
        assert_eq!(told.all(), [expected, "revoked 2"]);
    }
}

#[test]
fn hooks_may_be_set_before_or_after_the_subscription() {
    let scene = Scene::new(1);
    let [before, after] = [Told::default(), Told::default()];
    let consumer = KafkaConsumer::new(scene.config()).unwrap();
    let first = before.by(consumer.clone()).subscribe([&scene.topic]);
    let second = after.by(consumer.subscribe([&scene.topic]).unwrap());
    for (consumer, told) in [(first.unwrap(), before), (second, after)] {
        let handle = consumer.start(|msg: ConsumerContext| msg.commit());
        ready(&handle);
        stop(&handle);
        assert_eq!(told.all(), ["assigned 0", "revoked 1"]);
    }
}

#[test]
fn the_roadmaps_hooks_print() {
    let scene = Scene::new(1);
    let consumer = KafkaConsumer::new(scene.config())
        .unwrap()
        .on_assign(|partitions| {
            println!("assigned: {:?}", partitions);
            // warm up per-partition state
        })
        .on_revoke(|partitions| {
            println!("revoking: {:?}", partitions);
            // flush in-flight work, commit offsets before returning
        })
        .subscribe([&scene.topic])
        .unwrap();
    let handle = consumer.start(|msg: ConsumerContext| msg.commit());
    ready(&handle);
    stop(&handle);
}

/// Messages are gathered, and committed when they are flushed, at the latest on a revoke.
#[test]
fn what_is_committed_in_on_revoke_is_committed_before_the_partition_goes() {
    let scene = Scene::new(2);
    scene.fill(7);
    let journal = Journal::default();
    let start = || {
        let held: Arc<Mutex<Vec<ConsumerContext>>> = Arc::default();
        let (keep, journal) = (Arc::clone(&held), journal.clone());
        scene
            .consumer()
            .on_revoke(move |revoked| {
                let held = std::mem::take(&mut *held.lock().unwrap());
                for (number, msg) in held.iter().enumerate() {
                    assert!(!revoked.partitions().is_empty());
                    // Both kinds of commit, including the one that waits for the broker on the
                    // poll thread.
                    if number == 0 {
                        msg.commit_sync().unwrap();
                    } else {
                        msg.commit().unwrap();
                    }
                }
            })
            .start(move |msg: ConsumerContext| {
                journal.note(&msg);
                keep.lock().unwrap().push(msg);
                Ok(())
            })
    };
    let first = start();
    soon(|| journal.len() == 14);
    assert_eq!(scene.all_committed(), [0; 2]);
    let second = start();
    soon(|| scene.all_committed() == [7; 2]);
    stop(&first);
    scene.fill(1);
    soon(|| journal.len() == 16);
    stop(&second);
    assert_eq!(scene.all_committed(), [8; 2]);
    journal.assert_each_once(&[8; 2]);
}

#[test]
fn a_panic_in_a_hook_stops_nothing() {
    let scene = Scene::new(1);
    scene.fill(3);
    let handle = scene
        .consumer()
        .on_assign(|_| panic!("on assign"))
        .on_revoke(|_| panic!("on revoke"))
        .start(|msg: ConsumerContext| msg.commit());
    soon(|| scene.committed(0) == Some(3));
    stop(&handle);
}

/// The broker reassigns the partitions of a member that was silent for a session.
#[test]
fn partitions_that_are_lost_are_told_as_such_and_take_no_commit() {
    let kafka = integration_tests::Kafka::start();
    let scene = Scene::on(&kafka, 2);
    scene.fill(4);
    let told = Told::default();
    let held: Arc<Mutex<Vec<ConsumerContext>>> = Arc::default();
    let keep = Arc::clone(&held);
    let refused = Told::default();
    let (noting, commits) = (refused.clone(), Arc::clone(&held));
    let lost = told.clone();
    let handle = told
        .by(scene.consumer())
        .on_lost(move |partitions| {
            lost.note(format!("lost {}", partitions.partitions().len()));
            for msg in commits.lock().unwrap().iter() {
                let error = msg.commit().unwrap_err();
                let cause = error.downcast_ref::<ConsumerError>();
                if matches!(cause, Some(ConsumerError::PartitionLost { .. })) {
                    noting.note(format!("{}", msg.partition()));
                }
            }
        })
        .start(move |msg: ConsumerContext| {
            keep.lock().unwrap().push(msg);
            Ok(())
        });
    soon(|| held.lock().unwrap().len() == 8);
    // Longer than the session of 6 s: the coordinator removes the member when it is back.
    kafka.pause();
    let begun = std::time::Instant::now();
    integration_tests::soon(|| begun.elapsed() > Duration::from_secs(9));
    kafka.unpause();
    soon(|| told.all().len() >= 3);
    let all = told.all();
    assert_eq!(all[..2], ["assigned 0 1", "lost 2"], "{all:?}");
    assert!(all[2].starts_with("assigned"), "{all:?}");
    assert_eq!(refused.all().len(), 8);
    stop(&handle);
}

/// With `group.instance.id`, a member that returns within its session gets its partitions back,
/// and no other member notices.
#[test]
fn a_static_member_that_restarts_takes_nothing_from_the_others() {
    let scene = Scene::new(2);
    scene.fill(2);
    let start = |instance: &str, told: &Told| {
        let config = scene.config_of(|config| {
            config
                .group_instance_id(instance)
                .session_timeout(Duration::from_secs(30))
        });
        told.by(scene.consumer_of(config))
            .start(|msg: ConsumerContext| msg.commit())
    };
    let [stays, goes] = [Told::default(), Told::default()];
    let first = start("one", &stays);
    let second = start("two", &goes);
    let shares = |told: &Told| {
        told.all()
            .last()
            .is_some_and(|line| line.starts_with("assigned ") && line.split(' ').count() == 2)
    };
    soon(|| shares(&stays) && shares(&goes));
    soon(|| scene.all_committed() == [2; 2]);
    let before = stays.all();
    stop(&second);
    let comes_back = Told::default();
    let second = start("two", &comes_back);
    soon(|| shares(&comes_back));
    scene.fill(1);
    soon(|| scene.all_committed() == [3; 2]);
    assert_eq!(stays.all(), before);
    let gate = Gate::default();
    gate.open();
    stop(&first);
    stop(&second);
}
