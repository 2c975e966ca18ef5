use prometheus::IntCounter;

/// Counts what a group does with its members in this process, and what they commit.
#[derive(Clone, Debug)]
pub struct MemberOf {
    /// Nothing where no metrics are wanted.
    pub(crate) series: Option<MemberSeries>,
}

#[derive(Clone, Debug)]
pub(crate) struct MemberSeries {
    pub(crate) assigned: IntCounter,
    pub(crate) revoked: IntCounter,
    pub(crate) lost: IntCounter,
    pub(crate) commits: IntCounter,
    pub(crate) commit_failures: IntCounter,
}

impl MemberOf {
    /// The group gave partitions, or none.
    pub fn assigned(&self) {
        self.count(|series| &series.assigned);
    }

    /// The group took partitions back.
    pub fn revoked(&self) {
        self.count(|series| &series.revoked);
    }

    /// Partitions have gone to others already.
    pub fn lost(&self) {
        self.count(|series| &series.lost);
    }

    /// The broker took a commit.
    pub fn committed(&self) {
        self.count(|series| &series.commits);
    }

    /// A commit failed; it is tried again.
    pub fn commit_failed(&self) {
        self.count(|series| &series.commit_failures);
    }

    fn count(&self, counter: impl FnOnce(&MemberSeries) -> &IntCounter) {
        if let Some(series) = &self.series {
            counter(series).inc();
        }
    }
}
