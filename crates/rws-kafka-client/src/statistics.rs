use rdkafka::statistics::{Broker, Statistics, Window};
use rws_kafka_observe::BrokerStatus;

/// What a client's statistics say of its brokers: of those that it was told of, else, as long as it
/// knows nobody, of those that it was configured with.
pub fn brokers(statistics: &Statistics) -> Vec<BrokerStatus> {
    // There are logical ones as well: a group's coordinator is one of the brokers once more.
    let is_one = |broker: &&Broker| matches!(&*broker.source, "learned" | "configured");
    let all = || statistics.brokers.values().filter(is_one);
    let is_known = |broker: &&Broker| broker.nodeid >= 0;
    if all().any(|broker| is_known(&broker)) {
        all().filter(is_known).map(status).collect()
    } else {
        all().map(status).collect()
    }
}

fn status(broker: &Broker) -> BrokerStatus {
    let average = |window: &Option<Window>| {
        let window = window.as_ref().filter(|window| window.cnt > 0)?;
        Some(window.avg as f64)
    };
    let round_trip_us = average(&broker.rtt);
    let mut status = BrokerStatus::default();
    status.name.clone_from(&broker.name);
    status.state.clone_from(&broker.state);
    status.round_trip_ms = round_trip_us.map(|us| us / 1000.0);
    // Only answers that were held back are in this window, in milliseconds.
    status.throttle_ms = average(&broker.throttle).or(round_trip_us.map(|_| 0.0));
    status
}
