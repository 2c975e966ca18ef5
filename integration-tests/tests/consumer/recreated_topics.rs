//! A topic that is deleted and created again beside a worker that reads it.

use integration_tests::*;
use rws_kafka_config::OffsetReset;
use rws_kafka_consumer::{ConsumerConfig, ConsumerContext, ConsumerHandle};
use rws_kafka_observe::ConsumerState;

/// Too long for a metadata refresh in between: the group never notices it.
const NO_REFRESH: &str = "60000";

struct Case {
    scene: Scene<'static>,
    journal: Journal,
    strategy: &'static str,
    reset: OffsetReset,
}

impl Case {
    fn new(strategy: &'static str, reset: OffsetReset) -> Self {
        Self {
            scene: Scene::new(1),
            journal: Journal::default(),
            strategy,
            reset,
        }
    }

    fn config(&self, reset: OffsetReset) -> ConsumerConfig {
        let config = self.scene.config_of(|config| {
            config
                .auto_offset_reset(reset)
                .property("partition.assignment.strategy", self.strategy)
        });
        config.property("topic.metadata.refresh.interval.ms", NO_REFRESH)
    }

    fn start(&self, reset: OffsetReset) -> ConsumerHandle {
        let notes = self.journal.clone();
        let consumer = self.scene.consumer_of(self.config(reset));
        consumer.start(move |msg: ConsumerContext| {
            notes.note(&msg);
            msg.commit()
        })
    }

    /// Ten messages are handled and committed, and one more by a worker that keeps running.
    fn begin(&self) -> ConsumerHandle {
        self.scene.fill(10);
        let first = self.start(OffsetReset::Earliest);
        soon(|| self.scene.committed(0) == Some(10));
        stop(&first);
        let handle = self.start(self.reset);
        ready(&handle);
        self.scene.fill(1);
        soon(|| self.scene.committed(0) == Some(11));
        assert_eq!(self.journal.of(0), (0..11).collect::<Vec<_>>());
        handle
    }

    /// Another worker of the group handles what came meanwhile, and repeats nothing.
    fn goes_on_after(&self, handled: usize, committed: i64) {
        self.scene.fill(2);
        let handle = self.start(self.reset);
        soon(|| self.scene.committed(0) == Some(committed + 2));
        stop(&handle);
        let expected: Vec<i64> = (committed..committed + 2).collect();
        assert_eq!(self.journal.of(0)[handled..], expected);
    }
}

fn a_new_history_is_handled_and_committed(strategy: &'static str, reset: OffsetReset) {
    let case = Case::new(strategy, reset);
    let scene = &case.scene;
    let handle = case.begin();
    scene.kafka.recreate_topic(&scene.topic, 1);
    scene.fill(4);
    soon(|| scene.committed(0) == Some(4));
    assert_eq!(case.journal.of(0)[11..], [0, 1, 2, 3]);
    soon(|| {
        let status = handle.status();
        let partition = &status.assignment[0];
        (partition.committed, partition.lag) == (Some(4), Some(0))
    });
    let consumer = scene.observer.readiness().consumer();
    assert_eq!(consumer, Some(ConsumerState::Ok));
    stop(&handle);
    case.goes_on_after(15, 4);
}

#[test]
fn the_messages_of_a_recreated_topic_are_handled_and_committed_range_earliest() {
    a_new_history_is_handled_and_committed("range", OffsetReset::Earliest);
}

#[test]
fn the_messages_of_a_recreated_topic_are_handled_and_committed_range_latest() {
    a_new_history_is_handled_and_committed("range", OffsetReset::Latest);
}

#[test]
fn the_messages_of_a_recreated_topic_are_handled_and_committed_cooperative_earliest() {
    a_new_history_is_handled_and_committed("cooperative-sticky", OffsetReset::Earliest);
}

#[test]
fn the_messages_of_a_recreated_topic_are_handled_and_committed_cooperative_latest() {
    a_new_history_is_handled_and_committed("cooperative-sticky", OffsetReset::Latest);
}

/// Without a message in the new topic nothing is read. Its start is committed nevertheless, so
/// that a group that starts at the end does not skip what comes while no worker runs.
#[test]
fn the_start_of_a_recreated_topic_is_committed_before_its_first_message() {
    let case = Case::new("range", OffsetReset::Latest);
    let scene = &case.scene;
    let handle = case.begin();
    scene.kafka.recreate_topic(&scene.topic, 1);
    soon(|| scene.committed(0) == Some(0));
    stop(&handle);
    case.goes_on_after(11, 0);
}
