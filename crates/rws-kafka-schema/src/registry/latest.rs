//! Caches the latest versions of subjects, which become outdated.

use super::error::RegistryError;
use super::id::SchemaId;
use super::stats::Counters;
use crate::schema::Resolved;
use moka::sync::Cache;
use parking_lot::Mutex;
use rws_kafka_observe::causes::with_causes;
use rws_kafka_observe::text::printable;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long an outdated version is used before the registry is asked again after an error.
const HOLD_OFF: Duration = Duration::from_secs(5);

/// The latest version of a subject when it was fetched.
#[derive(Clone, Debug)]
pub(crate) struct Latest {
    pub(crate) id: SchemaId,
    pub(crate) version: u32,
    pub(crate) resolved: Arc<Resolved>,
    /// When it is fetched again.
    pub(crate) due: Instant,
}

/// A subject's latest version, as the registry returned it.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) id: SchemaId,
    pub(crate) version: u32,
    pub(crate) resolved: Arc<Resolved>,
}

#[derive(Debug)]
struct Entry {
    fetched: Fetched,
    due: Mutex<Instant>,
}

impl Entry {
    fn latest(&self) -> Latest {
        Latest {
            id: self.fetched.id,
            version: self.fetched.version,
            resolved: Arc::clone(&self.fetched.resolved),
            due: *self.due.lock(),
        }
    }
}

#[derive(Debug)]
pub(crate) struct LatestCache {
    entries: Cache<String, Arc<Entry>>,
    ttl: Duration,
}

impl LatestCache {
    pub(crate) fn new(capacity: u64, ttl: Duration) -> Self {
        Self {
            entries: Cache::new(capacity),
            ttl,
        }
    }

    /// Returns the latest version of `subject`, and fetches it if it is unknown or due. One thread fetches
    /// it; the others keep using the old one. If the registry is unavailable, that thread does the same.
    pub(crate) fn get(
        &self,
        subject: &str,
        counters: &Counters,
        fetch: impl Fn() -> Result<Fetched, RegistryError>,
    ) -> Result<Latest, RegistryError> {
        let Some(entry) = self.entries.get(subject) else {
            let entry = self
                .entries
                .try_get_with(subject.to_owned(), || {
                    fetch().map(|latest| self.entry(latest))
                })
                .map_err(|error: Arc<RegistryError>| RegistryError::clone(&error))?;
            return Ok(entry.latest());
        };
        if !self.is_ours_to_renew(&entry) {
            counters.hit();
            return Ok(entry.latest());
        }
        match fetch() {
            Ok(latest) => {
                let entry = self.entry(latest);
                self.entries.insert(subject.to_owned(), Arc::clone(&entry));
                Ok(entry.latest())
            }
            Err(error) if error.is_transient() => {
                tracing::warn!(
                    target: "rws_kafka",
                    subject = &*printable(subject),
                    "cannot look up the latest schema; still using the cached one: {}",
                    with_causes(&error)
                );
                counters.stale();
                *entry.due.lock() = Instant::now() + HOLD_OFF.min(self.ttl);
                Ok(entry.latest())
            }
            Err(error) => {
                self.entries.invalidate(subject);
                Err(error)
            }
        }
    }

    fn entry(&self, fetched: Fetched) -> Arc<Entry> {
        Arc::new(Entry {
            fetched,
            due: Mutex::new(self.next()),
        })
    }

    fn next(&self) -> Instant {
        // Limited to a year, so that the instant stays in range.
        Instant::now() + self.ttl.min(Duration::from_secs(365 * 24 * 3600))
    }

    /// Returns `true` to the first caller that finds the entry due, and to no other until it is due again.
    fn is_ours_to_renew(&self, entry: &Entry) -> bool {
        let mut due = entry.due.lock();
        let is_due = Instant::now() >= *due;
        if is_due {
            *due = self.next().max(Instant::now() + HOLD_OFF);
        }
        is_due
    }
}
