//! What `/readyz` says in each state.

use rws_kafka_observe::{BrokerState, ConsumerState, Observer, OutboxState};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(3600);

#[test]
fn a_service_without_kafka_parts_is_ready() {
    assert_eq!(
        Observer::new().readiness().to_json(),
        r#"{"status":"ok","kafka_producer":null,"kafka_consumer_lag":null}"#
    );
}

#[test]
fn a_server_that_is_not_ready_degrades_it_whatever_kafka_does() {
    let observer = Observer::new();
    let producer = observer.register_producer();
    producer.reachable();
    assert_eq!(
        observer.readiness().and_server(false).to_json(),
        r#"{"status":"degraded","kafka_producer":"ok","kafka_consumer_lag":null,"cause":"the web server is starting or stopping"}"#
    );
    assert!(observer.readiness().and_server(true).is_ready());
}

#[test]
fn the_bodies_are_those_of_the_roadmap() {
    let observer = Observer::new();
    let producer = observer.register_producer();
    let consumer = observer.register_consumer("g", LONG);
    producer.reachable();
    consumer.reachable();
    consumer.assigned();
    consumer.work(Some(42), 0);
    assert_eq!(
        observer.readiness().to_json(),
        r#"{"status":"ok","kafka_producer":"ok","kafka_consumer_lag":42}"#
    );
    producer.unreachable();
    consumer.unreachable();
    assert_eq!(
        observer.readiness().to_json(),
        r#"{"status":"degraded","kafka_producer":"unreachable","kafka_consumer_lag":null}"#
    );
}

#[test]
fn a_rebalance_and_a_stall_are_named() {
    let observer = Observer::new();
    let consumer = observer.register_consumer("g", Duration::ZERO);
    consumer.reachable();
    assert_eq!(
        observer.readiness().to_json(),
        r#"{"status":"degraded","kafka_producer":null,"kafka_consumer_lag":null,"kafka_consumer":"rebalancing"}"#
    );
    consumer.assigned();
    consumer.work(Some(3), 0);
    std::thread::yield_now();
    while observer.readiness().consumer() != Some(ConsumerState::Stalled) {}
    assert_eq!(
        observer.readiness().to_json(),
        r#"{"status":"degraded","kafka_producer":null,"kafka_consumer_lag":3,"kafka_consumer":"stalled"}"#
    );
}

#[test]
fn a_consumer_that_was_told_to_pause_is_not_stalled() {
    let observer = Observer::new();
    let consumer = observer.register_consumer("g", Duration::ZERO);
    consumer.reachable();
    consumer.assigned();
    consumer.work(Some(3), 0);
    std::thread::yield_now();
    while observer.readiness().consumer() != Some(ConsumerState::Stalled) {}
    consumer.paused(true);
    assert!(observer.readiness().is_ready());
    consumer.paused(false);
    while observer.readiness().consumer() != Some(ConsumerState::Stalled) {}
}

#[test]
fn an_idle_consumer_with_no_lag_is_healthy_however_long() {
    let observer = Observer::new();
    let consumer = observer.register_consumer("g", Duration::ZERO);
    consumer.reachable();
    consumer.assigned();
    consumer.work(Some(0), 0);
    assert!(observer.readiness().is_ready());
}

#[test]
fn the_worst_of_several_decides_and_a_dropped_one_no_longer_counts() {
    let observer = Observer::new();
    let good = observer.register_producer();
    good.reachable();
    let bad = observer.register_producer();
    assert_eq!(
        observer.readiness().producer(),
        Some(BrokerState::Unreachable)
    );
    drop(bad);
    assert_eq!(observer.readiness().producer(), Some(BrokerState::Ok));
}

#[test]
fn a_consumer_that_was_stopped_no_longer_counts_and_one_that_failed_does() {
    let observer = Observer::new();
    let stopped = observer.register_consumer("g", LONG);
    stopped.retired();
    assert!(observer.readiness().is_ready());
    assert_eq!(observer.readiness().consumer(), None);
    let failed = observer.register_consumer("h", LONG);
    failed.failed();
    failed.retired();
    assert_eq!(
        observer.readiness().consumer(),
        Some(ConsumerState::Stalled)
    );
}

#[test]
fn a_consumer_that_failed_counts_without_its_handle_until_someone_was_told() {
    for is_told in [false, true] {
        let observer = Observer::new();
        let state = || observer.readiness().consumer();
        let failed = observer.register_consumer("g", LONG);
        let other = failed.clone();
        failed.failed();
        drop(failed);
        if is_told {
            other.told();
            assert_eq!(state(), Some(ConsumerState::Stalled), "it is there");
        }
        // The same again.
        other.failed();
        drop(other);
        assert_eq!(state(), (!is_told).then_some(ConsumerState::Stalled));
        assert_eq!(observer.status().consumers.len(), usize::from(!is_told));
    }
}

#[test]
fn a_relay_that_failed_counts_without_its_handle_until_someone_was_told() {
    for (is_told_before, is_told) in [(false, false), (false, true), (true, false)] {
        let observer = Observer::new();
        let state = || observer.readiness().outbox();
        let failed = observer.register_outbox(LONG);
        let other = failed.clone();
        if is_told_before {
            other.told();
        }
        failed.failed();
        failed.retired();
        drop(failed);
        if is_told {
            other.told();
        }
        assert_eq!(state(), Some(OutboxState::Stalled), "it is there");
        // The same again.
        other.failed();
        drop(other);
        let is_kept = !is_told_before && !is_told;
        assert_eq!(state(), is_kept.then_some(OutboxState::Stalled));
    }
}

#[test]
fn a_relay_that_was_stopped_no_longer_counts() {
    let observer = Observer::new();
    let stopped = observer.register_outbox(LONG);
    assert_eq!(observer.readiness().outbox(), Some(OutboxState::Ok));
    stopped.retired();
    assert_eq!(observer.readiness().outbox(), None);
}

#[test]
fn lag_is_the_sum_and_unknown_when_one_is_unknown() {
    let observer = Observer::new();
    let one = observer.register_consumer("g", LONG);
    let two = observer.register_consumer("h", LONG);
    one.work(Some(2), 0);
    assert_eq!(observer.readiness().consumer_lag(), None);
    two.work(Some(5), 0);
    assert_eq!(observer.readiness().consumer_lag(), Some(7));
}

#[test]
fn a_producer_that_is_closed_is_no_part_of_readiness_whatever_a_late_probe_finds() {
    let observer = Observer::new();
    let producer = observer.register_producer();
    let probe = producer.clone();
    producer.retired();
    drop(producer);
    probe.unreachable();
    assert_eq!(observer.readiness().producer(), None);
    probe.reachable();
    assert_eq!(observer.readiness().producer(), None);
}

#[test]
fn a_relay_with_events_and_no_progress_is_named_unless_the_broker_is_the_cause() {
    let observer = Observer::new();
    let relay = observer.register_outbox(Duration::ZERO);
    assert!(observer.readiness().is_ready(), "nothing to do yet");
    relay.has_work();
    while observer.readiness().outbox() != Some(OutboxState::Stalled) {}
    assert_eq!(
        observer.readiness().to_json(),
        r#"{"status":"degraded","kafka_producer":null,"kafka_consumer_lag":null,"kafka_outbox":"stalled"}"#
    );
    let producer = observer.register_producer();
    producer.unreachable();
    assert_eq!(
        observer.readiness().to_json(),
        r#"{"status":"degraded","kafka_producer":"unreachable","kafka_consumer_lag":null}"#
    );
    producer.reachable();
    relay.idle();
    assert!(observer.readiness().is_ready());
}

#[test]
fn a_relay_whose_database_lets_no_event_be_deleted_is_named_at_once() {
    let observer = Observer::new();
    let (fine, relay) = (
        observer.register_outbox(LONG),
        observer.register_outbox(LONG),
    );
    relay.cannot_delete(true);
    assert_eq!(
        observer.readiness().to_json(),
        r#"{"status":"degraded","kafka_producer":null,"kafka_consumer_lag":null,"kafka_outbox":"cannot delete events"}"#
    );
    relay.cannot_delete(false);
    assert!(observer.readiness().is_ready());
    drop(fine);
}

#[test]
fn a_relay_that_gets_on_is_healthy_with_events_left() {
    let observer = Observer::new();
    let relay = observer.register_outbox(LONG);
    relay.has_work();
    relay.progressed();
    assert_eq!(observer.readiness().outbox(), Some(OutboxState::Ok));
}

#[test]
fn a_relay_that_was_stopped_no_longer_counts_and_one_that_failed_does() {
    let observer = Observer::new();
    let stopped = observer.register_outbox(LONG);
    stopped.retired();
    assert_eq!(observer.readiness().outbox(), None);
    let failed = observer.register_outbox(LONG);
    failed.failed();
    failed.retired();
    assert_eq!(observer.readiness().outbox(), Some(OutboxState::Stalled));
}
