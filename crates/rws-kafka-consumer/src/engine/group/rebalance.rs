//! Assignments, revokes and losses of partitions.

use super::left::Left;
use crate::engine::commits::committer;
use crate::engine::letters::dead_letters::DeadLetters;
use crate::engine::shared::Engine;
use crate::error::ConsumerError;
use crate::handler::hooks::{Assigned, AssignedPartition, Revoked};
use crate::partition::{Partition, Recorders};
use rws_kafka_client::Deadline;
use rws_kafka_dispatch::{Phase, TopicPartition};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How often a drain tries to commit, and the pause in between. A coordinator that is moving, or that has
/// just begun a new generation of the group, refuses commits for a moment.
const DRAIN_COMMITS: usize = 10;
const DRAIN_PAUSE: Duration = Duration::from_millis(50);

impl Engine {
    /// Handles an assignment of `assigned`, in addition to the present partitions.
    pub(crate) fn assign(&self, assigned: Vec<AssignedPartition>) {
        self.member.assigned();
        let assigned = Assigned::new(assigned);
        tracing::info!(target: "rws_kafka", group = self.group(), partitions = ?assigned, "assigned");
        let mut assignment = self.assignment.lock();
        for AssignedPartition { partition, .. } in assigned.partitions() {
            let state = self.partition_anew(partition);
            assignment.partitions.insert(partition.clone(), state);
        }
        assignment.epoch += 1;
        drop(assignment);
        self.refuse_own_dead_letters();
        // The broker that sent the assignment is available.
        self.health.reachable();
        self.group_accepted();
        self.settings.hooks.assigned(&assigned);
        self.settle();
    }

    /// Fails the worker if a subscribed pattern matches the dead letter queue, because it would read its own
    /// dead letters. This is known only after the assignment.
    fn refuse_own_dead_letters(&self) {
        let Some(queue) = self.letters().and_then(DeadLetters::queue) else {
            return;
        };
        if self.settings.ladder.is_some() {
            // The settings of retry topics exclude patterns.
            return;
        }
        let partitions = self.partitions();
        let names = partitions.iter().map(|partition| partition.name.topic());
        let topics: BTreeSet<&str> = names.collect();
        let mut queues = topics.iter().map(|topic| queue.of(topic));
        if let Some(queue) = queues.find(|queue| topics.contains(queue.as_ref())) {
            self.fail(ConsumerError::Setting {
                setting: "dead_letter_queue",
                problem: format!(
                    "is {queue:?}, which a subscribed pattern matches: the worker would read its \
                     own dead letters; choose a name that the pattern does not match"
                ),
            });
        }
    }

    /// Records that the rebalance is over.
    pub(crate) fn settle(&self) {
        self.assignment.lock().settled = true;
        self.health.assigned();
        self.assigned.notify_all();
    }

    fn unsettle(&self) {
        self.assignment.lock().settled = false;
        self.health.rebalancing();
    }

    /// Handles a revoke of `names`: hands out none of their messages any more, waits for those in flight, and
    /// commits. Returns when that is done or `time` is over. The caller then releases the partitions.
    pub(in crate::engine) fn revoke_within(&self, names: &[TopicPartition], time: Duration) {
        self.member.revoked();
        tracing::info!(target: "rws_kafka", group = self.group(), partitions = ?names, "revoking");
        self.unsettle();
        let partitions = self.those_of(names);
        let drained = Deadline::after(time).instant();
        let until = self.stop.until().map_or(drained, |stop| stop.min(drained));
        let left = self.drain(&partitions, until);
        if left.unfinished > 0 || left.uncommitted > 0 {
            tracing::warn!(
                target: "rws_kafka",
                group = self.group(),
                unfinished = left.unfinished,
                uncommitted = left.uncommitted,
                "partitions revoked before all messages were finished: the unfinished ones are \
                 delivered again"
            );
        }
        if self.stop.is_asked() {
            self.left_behind.lock().add(&left);
        }
    }

    /// Handles the loss of partitions, which belong to other consumers already: they cannot be committed.
    pub(crate) fn lose(&self, names: &[TopicPartition]) {
        self.member.lost();
        tracing::warn!(target: "rws_kafka", group = self.group(), partitions = ?names, "lost");
        self.unsettle();
        let partitions = self.those_of(names);
        for partition in &partitions {
            partition.advance(Phase::Released);
            self.scheduler.drop_queued(partition);
        }
        if !partitions.is_empty() {
            self.settings
                .hooks
                .lost(&Revoked::new(names_of(&partitions)));
        }
        self.release(
            &partitions,
            Deadline::after(Duration::from_secs(1)).instant(),
        );
    }

    /// Handles the end of the membership: all partitions are lost.
    pub(in crate::engine) fn expelled(&self) {
        let names = names_of(&self.partitions());
        if self.is_settled() {
            self.lose(&names);
        }
    }

    /// The partitions to read again, once none of their messages is in flight.
    pub(in crate::engine) fn to_rewind(&self) -> Vec<Arc<Partition>> {
        let mut partitions = self.partitions();
        partitions.retain(|partition| partition.phase() == Phase::Released);
        partitions
    }

    /// Replaces each of `partitions` that is still assigned by a new epoch.
    pub(in crate::engine) fn renew(&self, partitions: &[Arc<Partition>]) {
        let mut assignment = self.assignment.lock();
        assignment.epoch += 1;
        for old in partitions {
            let Some(present) = assignment.partitions.get_mut(&old.name) else {
                continue;
            };
            if present.id == old.id {
                *present = Arc::new(self.partition_of(&old.name).succeeding(old));
            }
        }
    }

    fn partition_anew(&self, name: &TopicPartition) -> Arc<Partition> {
        Arc::new(self.partition_of(name))
    }

    fn partition_of(&self, name: &TopicPartition) -> Partition {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let observer = &self.settings.observer;
        let recorders = Recorders::new(name, self.group(), observer);
        let partition = Partition::new(id, name.clone(), recorders).ringing(&self.bell);
        partition.of_retries(self.is_retry(name.topic()))
    }

    fn those_of(&self, names: &[TopicPartition]) -> Vec<Arc<Partition>> {
        let assignment = self.assignment.lock();
        names
            .iter()
            .filter_map(|name| assignment.partitions.get(name).cloned())
            .collect()
    }

    /// Stops handing out messages, waits for those in flight, commits the finished ones, and releases the
    /// partitions.
    pub(in crate::engine) fn drain(&self, partitions: &[Arc<Partition>], until: Instant) -> Left {
        for partition in partitions {
            partition.advance(Phase::Draining);
            self.scheduler.drop_queued(partition);
        }
        *self.draining.lock() = Some(until);
        let unfinished = self.scheduler.wait_until_settled(partitions, until);
        let left = partitions
            .iter()
            .map(|partition| partition.tracker().unfinished());
        let unstarted = left.sum::<usize>().saturating_sub(unfinished);
        if !partitions.is_empty() {
            self.settings
                .hooks
                .revoked(&Revoked::new(names_of(partitions)));
        }
        for _ in 0..DRAIN_COMMITS {
            if committer::due(partitions).is_empty()
                || self.committer.wait(self.commit_now(), until).is_ok()
            {
                break;
            }
            let left = until.saturating_duration_since(Instant::now());
            std::thread::sleep(DRAIN_PAUSE.min(left));
        }
        let uncommitted = partitions
            .iter()
            .filter(|partition| partition.tracker().to_commit().is_some())
            .count();
        self.release(partitions, until);
        *self.draining.lock() = None;
        Left {
            unfinished,
            unstarted,
            uncommitted,
        }
    }

    /// Removes the partitions from the assignment permanently, before other consumers get them.
    fn release(&self, partitions: &[Arc<Partition>], until: Instant) {
        let mut assignment = self.assignment.lock();
        for partition in partitions {
            partition.advance(Phase::Released);
            assignment.partitions.remove(&partition.name);
        }
        assignment.epoch += 1;
        drop(assignment);
        if self.commits.carries_outputs() {
            // If a transaction still contains their messages, it is aborted now.
            let _ = self.committer.wait(self.commit_now(), until);
        }
        // A commit in flight may contain their offsets.
        self.committer.wait_until_quiet(until);
    }
}

fn names_of(partitions: &[Arc<Partition>]) -> Vec<TopicPartition> {
    let names = partitions.iter().map(|partition| partition.name.clone());
    names.collect()
}
