use integration_tests::Kafka;
use std::sync::OnceLock;
use std::time::Duration;

/// Returns a broker that gives a silent member's partitions to others after `session`: with KIP-848
/// that is its own setting, as is the heartbeat.
fn start(session: Duration, heartbeat: Duration) -> Kafka {
    Kafka::start_with(&[
        ("group.min.session.timeout.ms", "1000"),
        ("group.consumer.min.session.timeout.ms", "1000"),
        (
            "group.consumer.session.timeout.ms",
            &session.as_millis().to_string(),
        ),
        ("group.consumer.min.heartbeat.interval.ms", "100"),
        (
            "group.consumer.heartbeat.interval.ms",
            &heartbeat.as_millis().to_string(),
        ),
    ])
}

/// The signals that workers get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weather {
    /// SIGKILL, SIGTERM and starts.
    Kills,
    /// SIGTERM and starts.
    Stops,
}

impl Weather {
    pub(crate) fn messages(self) -> usize {
        match self {
            Self::Kills => 200_000,
            Self::Stops => 100_000,
        }
    }

    pub(crate) fn time(self) -> Duration {
        match self {
            Self::Kills => Duration::from_secs(60),
            Self::Stops => Duration::from_secs(40),
        }
    }

    /// A member that is silent for this time is considered dead.
    pub(crate) fn session(self) -> Duration {
        match self {
            // Less than the pause between two moves, otherwise the group never starts to work.
            Self::Kills => Duration::from_millis(2500),
            // No worker must be considered dead because the machine is busy.
            Self::Stops => Duration::from_secs(30),
        }
    }

    /// Returns how often a member reports with KIP-848. librdkafka waits no longer for the answer,
    /// and a member that misses the answer with its new assignment is fenced.
    fn heartbeat(self) -> Duration {
        match self {
            Self::Kills => Duration::from_millis(500),
            Self::Stops => Duration::from_secs(2),
        }
    }

    /// Returns the broker for it, shared by the tests of this binary.
    pub(crate) fn broker(self) -> &'static Kafka {
        static KILLS: OnceLock<Kafka> = OnceLock::new();
        static STOPS: OnceLock<Kafka> = OnceLock::new();
        let shared = match self {
            Self::Kills => &KILLS,
            Self::Stops => &STOPS,
        };
        shared.get_or_init(|| start(self.session(), self.heartbeat()))
    }
}
