//! Three brokers, of which one is killed.

use crate::dead_letter_trouble::assert_all_dead_lettered;
use crate::dead_letters::Poisoned;
use crate::late_commits::assert_history;
use integration_tests::{Cluster, Journal, SOON, Scene, eventually, soon, stop};
use rws_kafka_consumer::{ConsumerContext, HandlerError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// One of three brokers may be down, but not two.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

const COUNT: usize = 4000;
const END: i64 = COUNT as i64;

#[test]
fn a_group_whose_coordinator_dies_goes_on_and_takes_no_commit_back() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let cluster = Cluster::shared();
    let scene = Scene::on(cluster, 3);
    scene.fill(COUNT);
    let journal = Journal::default();
    let notes = journal.clone();
    let config = scene.config().commit_interval(Duration::from_millis(20));
    let handle = scene
        .consumer_of(config)
        .concurrency(3)
        .start(move |msg: ConsumerContext| {
            notes.note(&msg);
            thread::sleep(Duration::from_millis(2));
            msg.commit()
        });
    soon(|| scene.all_committed().iter().all(|offset| *offset > 200));
    let coordinator = cluster.broker(cluster.coordinator_of(&scene.group));
    coordinator.kill();
    // The others take over, with the committed offsets.
    let before = journal.len();
    journal.wait_for(before + 1500, &handle);
    coordinator.restart();
    cluster.wait_until_in_sync(&scene.topic);
    journal.wait_for(3 * COUNT, &handle);
    eventually(2 * SOON, || scene.all_committed() == [END; 3]);
    stop(&handle);
    journal.assert_none_lost(&[END; 3]);
    assert_history(&scene, &[END; 3]);
}

#[test]
fn letters_outlive_the_leader_of_their_queue() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let cluster = Cluster::shared();
    let poisoned = Poisoned::on(cluster, 2, 1);
    poisoned.scene.fill(COUNT);
    let handle = poisoned
        .consumer()
        .concurrency(2)
        .start(|msg: ConsumerContext| {
            if msg.offset() % 2 == 0 {
                return Err(HandlerError::new("poison").permanent());
            }
            msg.commit()
        });
    soon(|| poisoned.letters().len() > 100);
    let leader = cluster.broker(cluster.leader_of(&poisoned.queue, 0));
    leader.kill();
    eventually(3 * SOON, || poisoned.scene.all_committed() == [END; 2]);
    stop(&handle);
    leader.restart();
    cluster.wait_until_in_sync(&poisoned.queue);
    assert_all_dead_lettered(&poisoned, END);
    assert_history(&poisoned.scene, &[END; 2]);
}
