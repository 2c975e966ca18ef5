//! Three brokers, each in its own container.

use std::{iter, ops::Deref, sync::OnceLock, thread};

use rdkafka::{
    metadata::MetadataPartition,
    producer::{BaseProducer, Producer},
};

use super::{
    Brokers, Kafka,
    setup::{Member, Setup},
};
use crate::{
    container::{OPERATION, PortTaken, until_ports_are_free},
    names::unique,
    network::Network,
    offsets_log::OFFSETS_TOPIC,
    wait::{eventually, eventually_some},
};

/// The number of brokers of a cluster.
pub(super) const SIZE: i32 = 3;

/// Of the topics, the offsets topic and the transaction log alike: one broker may be gone.
const PROPERTIES: &[(&str, &str)] = &[
    ("default.replication.factor", "3"),
    ("min.insync.replicas", "2"),
    ("offsets.topic.replication.factor", "3"),
    ("transaction.state.log.replication.factor", "3"),
    ("transaction.state.log.min.isr", "2"),
    ("share.coordinator.state.topic.replication.factor", "3"),
    ("share.coordinator.state.topic.min.isr", "2"),
    // After which the others take over from one that was killed or paused. The image's default is
    // long for what a broker by itself answers after a pause; here two others answer.
    ("broker.session.timeout.ms", "6000"),
];

/// Three brokers that are controllers, too, removed when this value is dropped. Topics are on all
/// of them, and take messages as long as two are there.
///
/// It shares the methods of [`Brokers`] with [`Kafka`].
#[derive(Debug)]
pub struct Cluster {
    // In the order of the fields: a network is removed once nothing is in it.
    members: Vec<Kafka>,
    _network: Network,
    brokers: Brokers,
}

impl Cluster {
    /// Returns the cluster that the tests of one binary share, started on first use and removed
    /// when the process ends. Don't stop its brokers: start another cluster with
    /// [`Cluster::start`].
    ///
    /// # Panics
    ///
    /// Panics if it cannot be started.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts a cluster.
    ///
    /// # Panics
    ///
    /// Panics if its brokers do not answer, or not know each other, in time.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a cluster with more lines in each broker's `server.properties`.
    ///
    /// # Panics
    ///
    /// Panics if its brokers do not answer, or not know each other, in time.
    pub fn start_with(properties: &[(&str, &str)]) -> Self {
        let cluster = until_ports_are_free(|| Self::try_launch(properties));
        let ids: Vec<_> = cluster.members.iter().map(|broker| broker.id).collect();
        // At the same time: one that has to be started again keeps the others waiting.
        thread::scope(|scope| {
            for broker in &cluster.members {
                scope.spawn(|| broker.wait_until_started(&ids));
            }
        });
        cluster
    }

    /// One of its brokers, from 0 to 2: to [kill](Kafka::kill), [pause](Kafka::pause) or
    /// [restart](Kafka::restart) it. The others take its place about 6 s after a kill or into a
    /// pause, and at once at a [stop](Kafka::stop).
    ///
    /// # Panics
    ///
    /// Panics if there is no such broker.
    pub fn broker(&self, index: usize) -> &Kafka {
        self.members
            .get(index)
            .unwrap_or_else(|| panic!("a cluster has the brokers 0 to 2, not {index}"))
    }

    /// Returns the index of the broker that leads a partition. One that was just killed or paused
    /// leads until the others have noticed.
    ///
    /// # Panics
    ///
    /// Panics if the partition has no leader in time.
    #[track_caller]
    pub fn leader_of(&self, topic: &str, partition: i32) -> usize {
        let leader = eventually_some(OPERATION, || {
            self.partitions(topic, |all| {
                let found = all.iter().find(|p| p.id() == partition);
                found.map(MetadataPartition::leader)
            })?
            .filter(|&leader| leader >= 0)
        });
        let index = self.members.iter().position(|broker| broker.id == leader);
        index.unwrap_or_else(|| {
            panic!("{topic} [{partition}] is led by {leader}, not by a broker of this cluster")
        })
    }

    /// Returns the index of the broker that coordinates a consumer group: it leads the partition of
    /// the offsets topic that has the group's commits.
    ///
    /// # Panics
    ///
    /// Panics if no coordinator answers in time.
    #[track_caller]
    pub fn coordinator_of(&self, group: &str) -> usize {
        // Makes the offsets topic if need be, and waits for a coordinator that answers.
        self.committed_offset(group, OFFSETS_TOPIC, 0);
        let count = eventually_some(OPERATION, || {
            self.partitions(OFFSETS_TOPIC, <[_]>::len)
                .filter(|&count| count > 0)
        });
        let count = i32::try_from(count).expect("a partition count");
        self.leader_of(OFFSETS_TOPIC, partition_of(group, count))
    }

    /// Waits until every broker has all of a topic: then any one may be killed.
    ///
    /// # Panics
    ///
    /// Panics if some broker still lacks something after 30 s.
    #[track_caller]
    pub fn wait_until_in_sync(&self, topic: &str) {
        eventually(OPERATION, || {
            let in_sync = self.partitions(topic, |all| {
                !all.is_empty() && all.iter().all(|p| p.isr().len() == self.members.len())
            });
            in_sync == Some(true)
        });
    }

    fn try_launch(properties: &[(&str, &str)]) -> Result<Self, PortTaken> {
        let network = Network::create();
        let size = usize::try_from(SIZE).expect("positive");
        let containers: Vec<_> = iter::repeat_with(|| unique("rws-kafka-test"))
            .take(size)
            .collect();
        let members = (0..size)
            .map(|index| {
                Kafka::try_launch(&Setup {
                    protocol: "PLAINTEXT",
                    properties: PROPERTIES
                        .iter()
                        .chain(properties)
                        .map(|&(name, value)| (name.to_owned(), value.to_owned()))
                        .collect(),
                    member: Some(Member {
                        network: network.name().to_owned(),
                        containers: containers.clone(),
                        index,
                    }),
                    ..Setup::default()
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let all = |bootstrap: fn(&Brokers) -> String| {
            let addresses = members.iter().map(|broker| bootstrap(broker));
            addresses.collect::<Vec<_>>().join(",")
        };
        let brokers = Brokers::new(all(Brokers::bootstrap), all(Brokers::plain_bootstrap), SIZE);
        Ok(Self {
            members,
            _network: network,
            brokers,
        })
    }

    /// Returns `None` if no broker answers.
    fn partitions<T>(&self, topic: &str, of: impl FnOnce(&[MetadataPartition]) -> T) -> Option<T> {
        let client: BaseProducer = self.client().create().expect("a client");
        let metadata = client.client().fetch_metadata(Some(topic), OPERATION);
        let metadata = metadata.ok()?;
        Some(of(metadata.topics().first()?.partitions()))
    }
}

impl Deref for Cluster {
    type Target = Brokers;

    fn deref(&self) -> &Brokers {
        &self.brokers
    }
}

/// Returns the partition of the offsets topic where a group's commits are: as the broker's
/// `GroupCoordinatorService.partitionFor`, by Java's hash of a string.
fn partition_of(group: &str, partitions: i32) -> i32 {
    let hash = group.encode_utf16().fold(0_i32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    });
    hash.checked_abs().unwrap_or(0) % partitions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_groups_partition_is_the_brokers() {
        // By the Java: Utils.abs("orders".hashCode()) % 50.
        assert_eq!(partition_of("orders", 50), 31);
        assert_eq!(partition_of("größe-😀", 50), 21);
        // Its hash is the one that has no positive counterpart.
        assert_eq!(partition_of("polygenelubricants", 50), 0);
    }
}
