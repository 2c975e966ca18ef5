use rws_kafka_observe::{Observer, RegistryRequests};
use std::sync::atomic::{AtomicU64, Ordering};

/// The number of requests and cache hits of a registry's client since it was created. All clones of a
/// [`SchemaRegistry`](super::SchemaRegistry) are counted together.
///
/// ```
/// use rws_kafka_schema::registry::SchemaRegistry;
///
/// let registry = SchemaRegistry::confluent("http://schema-registry:8081");
/// assert_eq!(registry.stats().requests, 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RegistryStats {
    /// The number of requests sent. Each try counts.
    pub requests: u64,
    /// The number of requests that got no answer or were refused.
    pub failures: u64,
    /// The number of lookups that the caches answered. Lookups that a thread answered from its own memory of
    /// its last schemas are not counted.
    pub hits: u64,
    /// The number of lookups that returned an outdated latest version because the registry was
    /// unavailable.
    pub stale: u64,
}

#[derive(Debug)]
pub(crate) struct Counters {
    recorder: RegistryRequests,
    requests: AtomicU64,
    failures: AtomicU64,
    hits: AtomicU64,
    stale: AtomicU64,
}

impl Counters {
    pub(crate) fn new(observer: &Observer) -> Self {
        Self {
            recorder: observer.metrics().registry_requests(),
            requests: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            hits: AtomicU64::new(0),
            stale: AtomicU64::new(0),
        }
    }

    pub(crate) fn request(&self, failed: bool) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.failures.fetch_add(failed.into(), Ordering::Relaxed);
        if failed {
            self.recorder.failed();
        } else {
            self.recorder.answered();
        }
    }

    pub(crate) fn hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
        self.recorder.hit();
    }

    pub(crate) fn stale(&self) {
        self.stale.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn stats(&self) -> RegistryStats {
        RegistryStats {
            requests: self.requests.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            hits: self.hits.load(Ordering::Relaxed),
            stale: self.stale.load(Ordering::Relaxed),
        }
    }
}
