use rws_kafka_dispatch::TopicPartition;
use rws_kafka_observe::panics;
use std::fmt;
use std::sync::Arc;

/// The partitions that an [`on_assign`](crate::KafkaConsumer::on_assign) hook is called for.
#[derive(Clone)]
#[non_exhaustive]
pub struct Assigned {
    partitions: Vec<AssignedPartition>,
}

/// A partition that was assigned to a worker.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AssignedPartition {
    /// The partition's topic and number.
    pub partition: TopicPartition,
    /// The committed offset of the group, where reading begins. `None` if the group has committed none, or if
    /// the broker did not answer in time.
    pub committed: Option<i64>,
}

/// The partitions that an [`on_revoke`](crate::KafkaConsumer::on_revoke) or
/// [`on_lost`](crate::KafkaConsumer::on_lost) hook is called for.
#[derive(Clone)]
#[non_exhaustive]
pub struct Revoked {
    partitions: Vec<TopicPartition>,
}

impl Assigned {
    pub(crate) fn new(partitions: Vec<AssignedPartition>) -> Self {
        Self { partitions }
    }

    /// Returns the newly assigned partitions. Those that the worker already had are not included.
    pub fn partitions(&self) -> &[AssignedPartition] {
        &self.partitions
    }
}

impl Revoked {
    pub(crate) fn new(partitions: Vec<TopicPartition>) -> Self {
        Self { partitions }
    }

    /// Returns the revoked or lost partitions.
    pub fn partitions(&self) -> &[TopicPartition] {
        &self.partitions
    }
}

impl fmt::Debug for Assigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.partitions).finish()
    }
}

impl fmt::Debug for AssignedPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.committed {
            Some(offset) => write!(f, "{} from {offset}", self.partition),
            None => write!(f, "{}", self.partition),
        }
    }
}

impl fmt::Debug for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.partitions).finish()
    }
}

type OnAssign = dyn Fn(&Assigned) + Send + Sync;
type OnRevoke = dyn Fn(&Revoked) + Send + Sync;

/// The user's hooks for assigned, revoked and lost partitions.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    pub(crate) on_assign: Option<Arc<OnAssign>>,
    pub(crate) on_revoke: Option<Arc<OnRevoke>>,
    pub(crate) on_lost: Option<Arc<OnRevoke>>,
}

impl Hooks {
    pub(crate) fn assigned(&self, assigned: &Assigned) {
        if let Some(hook) = &self.on_assign {
            contain("on_assign", || hook(assigned));
        }
    }

    pub(crate) fn revoked(&self, revoked: &Revoked) {
        if let Some(hook) = &self.on_revoke {
            contain("on_revoke", || hook(revoked));
        }
    }

    /// Without an `on_lost` hook, a loss is treated as a revoke, as in Kafka's own clients.
    pub(crate) fn lost(&self, lost: &Revoked) {
        match &self.on_lost {
            Some(hook) => contain("on_lost", || hook(lost)),
            None => self.revoked(lost),
        }
    }
}

fn contain(name: &str, hook: impl FnOnce()) {
    if let Err(panic) = panics::catch(hook) {
        tracing::error!(target: "rws_kafka", %panic, "{name} panicked; the rebalance continues");
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("on_assign", &self.on_assign.is_some())
            .field("on_revoke", &self.on_revoke.is_some())
            .field("on_lost", &self.on_lost.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn a_loss_without_a_hook_of_its_own_is_a_revoke() {
        let calls = Arc::new(AtomicUsize::new(0));
        let count = |by: usize| -> Option<Arc<OnRevoke>> {
            let calls = Arc::clone(&calls);
            Some(Arc::new(move |_| {
                calls.fetch_add(by, Ordering::Relaxed);
            }))
        };
        let revoked = Revoked::new(vec![TopicPartition::new("topic", 1)]);
        let mut hooks = Hooks {
            on_revoke: count(1),
            ..Hooks::default()
        };
        hooks.lost(&revoked);
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        hooks.on_lost = count(10);
        hooks.lost(&revoked);
        assert_eq!(calls.load(Ordering::Relaxed), 11);
    }

    #[test]
    fn a_panic_stays_in_its_hook() {
        let hooks = Hooks {
            on_assign: Some(Arc::new(|_| panic!("no"))),
            on_revoke: Some(Arc::new(|_| panic!("no"))),
            on_lost: None,
        };
        hooks.assigned(&Assigned::new(Vec::new()));
        hooks.lost(&Revoked::new(Vec::new()));
    }

    #[test]
    fn they_are_shown_as_lists() {
        let partition = TopicPartition::new("orders", 3);
        let at = |committed| AssignedPartition {
            partition: partition.clone(),
            committed,
        };
        let assigned = Assigned::new(vec![at(Some(42)), at(None)]);
        assert_eq!(format!("{assigned:?}"), "[orders-3 from 42, orders-3]");
        let revoked = Revoked::new(vec![partition.clone()]);
        assert_eq!(format!("{revoked:?}"), "[orders-3]");
    }
}
