use rdkafka::statistics::{Broker, Statistics, Window};
use rws_kafka_observe::BrokerStatus;

/// Returns the brokers in a client's statistics: those that the cluster has reported or, until it has
/// reported any, those in the configuration.
pub fn brokers(statistics: &Statistics) -> Vec<BrokerStatus> {
    // There are also logical brokers: a group's coordinator, for example, is listed a second time.
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
    // This window contains only throttled answers, in milliseconds.
    status.throttle_ms = average(&broker.throttle).or(round_trip_us.map(|_| 0.0));
    status
}
