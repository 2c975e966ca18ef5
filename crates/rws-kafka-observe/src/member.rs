use crate::kinds::{Counters, CountersByValue};
use crate::recorder::recorder;

recorder! {
    /// Counts what a group does with its members in this process, and what they commit.
    pub struct MemberOf by ["group"];

    rebalances: CountersByValue {
        name: "rws_kafka_consumer_rebalances_total",
        help: "Rebalances that assigned or revoked partitions, or lost them",
        label: "kind" of ["assigned", "revoked", "lost"],
        /// Counts an assignment, even an empty one.
        fn assigned() => inc("assigned");
        /// Counts a revoke of partitions.
        fn revoked() => inc("revoked");
        /// Counts a loss of partitions, which other members may already have.
        fn lost() => inc("lost");
    }
    commits: Counters {
        name: "rws_kafka_consumer_commits_total",
        help: "Commits that the broker confirmed",
        /// Counts a commit that the broker confirmed.
        fn committed() => inc();
    }
    commit_failures: Counters {
        name: "rws_kafka_consumer_commit_failures_total",
        help: "Commits that failed and are tried again",
        /// Counts a commit that failed; it is tried again.
        fn commit_failed() => inc();
    }
}
