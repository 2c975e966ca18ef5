//! Workers are stopped by SIGTERM and started: no message is even repeated.

use crate::protocol::Weather;
use crate::storm::Storm;
use integration_tests::jobs::stormer::Protocol;
use std::time::Duration;

const STOPS: usize = 5;
/// Messages handled while the storm lasts.
const HANDLED: usize = 50_000;

/// Less than the session timeout: the group does not wait for the session of a worker that has
/// stopped.
const SILENCE: Duration = Duration::from_secs(20);

#[test]
fn an_eager_group_handles_each_message_once_while_workers_stop_and_start() {
    storm(Protocol::Eager);
}

#[test]
fn a_cooperative_group_handles_each_message_once_while_workers_stop_and_start() {
    storm(Protocol::Cooperative);
}

#[test]
fn a_group_of_the_brokers_protocol_handles_each_message_once_while_workers_stop_and_start() {
    storm(Protocol::Broker);
}

fn storm(protocol: Protocol) {
    let mut storm = Storm::gather(protocol, Weather::Stops);
    let (tally, aftermath) = storm.rage();
    let place = storm.place();
    assert_eq!(aftermath.first_loss, None, "{place}");
    assert_eq!(aftermath.first_disorder, None, "{place}");
    assert_eq!(aftermath.first_duplicate, None, "{place}");
    assert_eq!(aftermath.handled, Weather::Stops.messages(), "{place}");
    let silence = aftermath.longest_silence;
    assert!(silence.time < SILENCE, "{place}: {silence:?}");
    assert!(tally.stops >= STOPS, "{place}: {tally:?}");
    assert!(tally.handled >= HANDLED, "{place}: {tally:?}");
}
