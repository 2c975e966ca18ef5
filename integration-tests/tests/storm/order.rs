use crate::protocol::Protocol;
use std::path::PathBuf;
use std::time::Duration;

const VARIABLE: &str = "RWS_KAFKA_STORM_WORKER";

/// What a worker process is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) worker: usize,
    pub(crate) protocol: Protocol,
    pub(crate) session: Duration,
    pub(crate) brokers: String,
    pub(crate) group: String,
    pub(crate) topic: String,
    pub(crate) journal: PathBuf,
}

impl Order {
    /// The order of this process, if it is a worker.
    pub(crate) fn of_this_process() -> Option<Self> {
        let text = std::env::var(VARIABLE).ok()?;
        Some(Self::read(&text))
    }

    /// Name and value of the variable that carries it.
    pub(crate) fn variable(&self) -> (&'static str, String) {
        let fields = [
            &self.worker.to_string(),
            self.protocol.name(),
            &self.session.as_millis().to_string(),
            &self.brokers,
            &self.group,
            &self.topic,
            self.journal.to_str().expect("a path in UTF-8"),
        ];
        (VARIABLE, fields.join("\n"))
    }

    fn read(text: &str) -> Self {
        let fields: Vec<&str> = text.split('\n').collect();
        let [worker, protocol, session, brokers, group, topic, journal] = fields[..] else {
            panic!("{VARIABLE} is {text:?}");
        };
        Self {
            worker: worker.parse().expect("a number"),
            protocol: Protocol::by_name(protocol),
            session: Duration::from_millis(session.parse().expect("a number")),
            brokers: brokers.to_owned(),
            group: group.to_owned(),
            topic: topic.to_owned(),
            journal: PathBuf::from(journal),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_reads_the_order_that_was_written() {
        let order = Order {
            worker: 7,
            protocol: Protocol::Cooperative,
            session: Duration::from_millis(2500),
            brokers: "localhost:1,localhost:2".to_owned(),
            group: "a group".to_owned(),
            topic: "topic".to_owned(),
            journal: PathBuf::from("a folder/journal"),
        };
        assert_eq!(Order::read(&order.variable().1), order);
    }
}
