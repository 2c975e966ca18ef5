use crate::kinds::{Counters, CountersByValue};
use crate::recorder::recorder;

recorder! {
    /// Counts what a group does with its members in this process, and what they commit.
    pub struct MemberOf by ["group"];

    rebalances: CountersByValue {
        name: "rws_kafka_consumer_rebalances_total",
        help: "Partitions given, taken back or lost by the group",
        label: "kind" of ["assigned", "revoked", "lost"],
        /// Counts an assignment: the group gave partitions, or none.
        fn assigned() => inc("assigned");
        /// Counts that the group took partitions back.
        fn revoked() => inc("revoked");
        /// Counts that partitions have gone to others already.
        fn lost() => inc("lost");
    }
    commits: Counters {
        name: "rws_kafka_consumer_commits_total",
        help: "Commits that the broker took",
        /// Counts a commit that the broker took.
        fn committed() => inc();
    }
    commit_failures: Counters {
        name: "rws_kafka_consumer_commit_failures_total",
        help: "Commits that failed and were to be tried again",
        /// Counts a commit that failed; it is tried again.
        fn commit_failed() => inc();
    }
}
