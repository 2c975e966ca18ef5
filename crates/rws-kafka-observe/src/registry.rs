use prometheus::IntCounter;

/// Counts what schema registries are asked.
#[derive(Clone, Debug)]
pub struct RegistryRequests {
    /// Nothing where no metrics are wanted.
    pub(crate) series: Option<RegistrySeries>,
}

#[derive(Clone, Debug)]
pub(crate) struct RegistrySeries {
    pub(crate) ok: IntCounter,
    pub(crate) failed: IntCounter,
    pub(crate) hits: IntCounter,
}

impl RegistryRequests {
    /// A request was answered.
    pub fn answered(&self) {
        if let Some(series) = &self.series {
            series.ok.inc();
        }
    }

    /// A request failed for want of an answer, or was refused.
    pub fn failed(&self) {
        if let Some(series) = &self.series {
            series.failed.inc();
        }
    }

    /// A look-up was answered by a cache.
    pub fn hit(&self) {
        if let Some(series) = &self.series {
            series.hits.inc();
        }
    }
}
