//! Workers are killed by SIGKILL, stopped by SIGTERM and started.

use crate::order::Order;
use crate::protocol::{Protocol, Weather};
use crate::storm::Storm;
use crate::worker;

/// Every storm has at least four kills; some may hit a group that is between two assignments.
const OWNERS_KILLED: usize = 3;
/// Messages handled while the storm lasts.
const HANDLED: usize = 100_000;

#[test]
fn nothing_is_lost_when_an_eager_group_is_killed() {
    storm(
        "kills::nothing_is_lost_when_an_eager_group_is_killed",
        Protocol::Eager,
    );
}

#[test]
fn nothing_is_lost_when_a_cooperative_group_is_killed() {
    storm(
        "kills::nothing_is_lost_when_a_cooperative_group_is_killed",
        Protocol::Cooperative,
    );
}

#[test]
fn nothing_is_lost_when_a_group_of_the_brokers_protocol_is_killed() {
    storm(
        "kills::nothing_is_lost_when_a_group_of_the_brokers_protocol_is_killed",
        Protocol::Broker,
    );
}

fn storm(test: &'static str, protocol: Protocol) {
    if let Some(order) = Order::of_this_process() {
        return worker::run(&order);
    }
    let mut storm = Storm::gather(test, protocol, Weather::Kills);
    let (tally, aftermath) = storm.rage();
    let place = storm.place();
    assert_eq!(aftermath.first_loss, None, "{place}");
    assert_eq!(aftermath.first_disorder, None, "{place}");
    assert_eq!(aftermath.handled, Weather::Kills.messages(), "{place}");
    assert!(tally.owners_killed >= OWNERS_KILLED, "{place}: {tally:?}");
    assert!(tally.handled >= HANDLED, "{place}: {tally:?}");
}
