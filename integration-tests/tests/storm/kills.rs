//! Workers are killed by SIGKILL, stopped by SIGTERM and started.

use crate::protocol::Weather;
use crate::storm::Storm;
use integration_tests::jobs::stormer::Protocol;

/// Every storm has at least four kills; some may hit a group that is between two assignments.
const OWNERS_KILLED: usize = 3;
/// Messages handled while the storm lasts.
const HANDLED: usize = 100_000;

#[test]
fn nothing_is_lost_when_an_eager_group_is_killed() {
    storm(Protocol::Eager);
}

#[test]
fn nothing_is_lost_when_a_cooperative_group_is_killed() {
    storm(Protocol::Cooperative);
}

#[test]
fn nothing_is_lost_when_a_group_of_the_brokers_protocol_is_killed() {
    storm(Protocol::Broker);
}

fn storm(protocol: Protocol) {
    let mut storm = Storm::gather(protocol, Weather::Kills);
    let (tally, aftermath) = storm.rage();
    let place = storm.place();
    assert_eq!(aftermath.first_loss, None, "{place}");
    assert_eq!(aftermath.first_disorder, None, "{place}");
    assert_eq!(aftermath.handled, Weather::Kills.messages(), "{place}");
    assert!(tally.owners_killed >= OWNERS_KILLED, "{place}: {tally:?}");
    assert!(tally.handled >= HANDLED, "{place}: {tally:?}");
}
