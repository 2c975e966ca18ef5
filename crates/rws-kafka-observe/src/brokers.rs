//! The brokers, as the clients' statistics describe them.

use crate::status::BrokerStatus;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

/// The brokers of all live clients.
#[derive(Debug, Default)]
pub(crate) struct Brokers {
    clients: Mutex<Vec<Weak<Client>>>,
}

#[derive(Debug)]
struct Client {
    name: String,
    brokers: Mutex<Vec<BrokerStatus>>,
}

impl Brokers {
    pub(crate) fn of(&self, client: &str) -> BrokersOf {
        let client = Arc::new(Client {
            name: client.to_owned(),
            brokers: Mutex::default(),
        });
        let mut clients = self.clients.lock();
        clients.retain(|client| client.strong_count() > 0);
        clients.push(Arc::downgrade(&client));
        BrokersOf { client }
    }

    /// Returns the brokers by client and name. Clients of one name are merged: the worst value counts.
    pub(crate) fn list(&self) -> Vec<BrokerStatus> {
        let clients: Vec<_> = self
            .clients
            .lock()
            .iter()
            .filter_map(Weak::upgrade)
            .collect();
        let mut all: BTreeMap<(String, String), BrokerStatus> = BTreeMap::new();
        for broker in clients
            .iter()
            .flat_map(|client| client.brokers.lock().clone())
        {
            let known = all.entry((broker.client.clone(), broker.name.clone()));
            known
                .and_modify(|known| known.merge(&broker))
                .or_insert(broker);
        }
        all.into_values().collect()
    }
}

impl BrokerStatus {
    fn merge(&mut self, other: &Self) {
        if badness(&other.state) > badness(&self.state) {
            self.state.clone_from(&other.state);
        }
        self.round_trip_ms = larger(self.round_trip_ms, other.round_trip_ms);
        self.throttle_ms = larger(self.throttle_ms, other.throttle_ms);
    }
}

/// Ranks a connection's state. `INIT` ranks lowest: a client that needs no connection says least.
fn badness(state: &str) -> u8 {
    match state {
        "INIT" => 0,
        "UP" => 1,
        "DOWN" => 3,
        _ => 2,
    }
}

fn larger(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    one.into_iter().chain(other).reduce(f64::max)
}

/// The brokers that one client knows. Dropping it removes them from the status and the metrics.
#[derive(Debug)]
pub struct BrokersOf {
    client: Arc<Client>,
}

impl BrokersOf {
    /// Replaces the brokers by those in the client's latest statistics, and sets the client's name.
    pub fn set(&self, mut brokers: Vec<BrokerStatus>) {
        for broker in &mut brokers {
            broker.client.clone_from(&self.client.name);
        }
        *self.client.brokers.lock() = brokers;
    }
}
