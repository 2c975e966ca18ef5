//! Hooks for partitions that are assigned, revoked or lost.

use super::consumer::KafkaConsumer;
use crate::handler::hooks::{Assigned, Revoked};
use std::sync::Arc;

/// # When partitions move
impl KafkaConsumer {
    /// Sets a hook that is called when partitions are assigned to this worker, before their first message is
    /// handled.
    ///
    /// The hook runs on the worker's poll thread, and the group's rebalance waits for it: it should take much
    /// less than `max.poll.interval.ms` (5 minutes). A panic in the hook is caught and logged.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rws_kafka_consumer::KafkaConsumer;
    /// let consumer = KafkaConsumer::from_env()?
    ///     .on_assign(|partitions| println!("assigned: {partitions:?}"))
    ///     .on_revoke(|partitions| println!("revoking: {partitions:?}"))
    ///     .subscribe(["events.v1"])?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_assign<F>(mut self, hook: F) -> Self
    where
        F: Fn(&Assigned) + Send + Sync + 'static,
    {
        self.hooks.on_assign = Some(Arc::new(hook));
        self
    }

    /// Sets a hook that is called when partitions are revoked, by a rebalance or when the worker stops.
    ///
    /// The worker first waits for the messages in flight, for at most the
    /// [`drain_timeout`](crate::ConsumerConfig::drain_timeout). Then it calls the hook, and then it commits. That
    /// commit includes every [`commit`](crate::ConsumerContext::commit) that the hook calls.
    ///
    /// The hook runs on the worker's poll thread, as [`on_assign`](Self::on_assign) does.
    pub fn on_revoke<F>(mut self, hook: F) -> Self
    where
        F: Fn(&Revoked) + Send + Sync + 'static,
    {
        self.hooks.on_revoke = Some(Arc::new(hook));
        self
    }

    /// Sets a hook that is called when partitions were lost: the group gave them to other consumers without a
    /// revoke, for example after a session timeout. Their offsets can no longer be committed.
    ///
    /// Without this hook, [`on_revoke`](Self::on_revoke) is called instead. The hook runs on the worker's
    /// poll thread, as [`on_assign`](Self::on_assign) does.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rws_kafka_consumer::KafkaConsumer;
    /// let consumer = KafkaConsumer::from_env()?
    ///     .on_lost(|lost| println!("lost, no commit possible: {:?}", lost.partitions()))
    ///     .subscribe(["events.v1"])?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_lost<F>(mut self, hook: F) -> Self
    where
        F: Fn(&Revoked) + Send + Sync + 'static,
    {
        self.hooks.on_lost = Some(Arc::new(hook));
        self
    }
}
