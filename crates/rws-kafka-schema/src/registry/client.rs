//! A registry with its caches. Each schema is fetched once, by one thread, and no lock is held meanwhile.

use super::backend::{Backend, Found, Stored};
use super::error::RegistryError;
use super::id::SchemaId;
use super::latest::{Fetched, Latest, LatestCache};
use super::retry::Retries;
use super::stats::{Counters, RegistryStats};
use crate::schema::{Dependency, Reference, Resolved, Schema};
use moka::sync::Cache;
use rws_kafka_observe::Observer;
use rws_kafka_observe::text::printable;
use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

/// The maximum depth of references; deeper ones are a mistake or an attack.
const DEEPEST: usize = 32;

#[derive(Debug)]
pub(crate) struct Client {
    backend: Box<dyn Backend>,
    retries: Retries,
    normalize: bool,
    counters: Counters,
    /// Never outdated, because an id's schema never changes.
    by_id: Cache<SchemaId, Arc<Resolved>>,
    /// Not outdated either, unless a version is deleted permanently.
    versions: Cache<(String, u32), Arc<Stored>>,
    registered: Cache<(String, Schema), SchemaId>,
    found: Cache<(String, Schema), Found>,
    latest: LatestCache,
}

impl Client {
    pub(crate) fn new(
        backend: Box<dyn Backend>,
        retries: Retries,
        normalize: bool,
        capacity: u64,
        latest_ttl: Duration,
        observer: &Observer,
    ) -> Self {
        Self {
            backend,
            retries,
            normalize,
            counters: Counters::new(observer),
            by_id: Cache::new(capacity),
            versions: Cache::new(capacity),
            registered: Cache::new(capacity),
            found: Cache::new(capacity),
            latest: LatestCache::new(capacity, latest_ttl),
        }
    }

    pub(crate) fn stats(&self) -> RegistryStats {
        self.counters.stats()
    }

    pub(crate) fn ping(&self) -> Result<(), RegistryError> {
        self.ask(|backend| backend.ping())
    }

    /// Returns the schema with this id, and everything that it refers to.
    pub(crate) fn by_id(&self, id: SchemaId) -> Result<Arc<Resolved>, RegistryError> {
        self.kept(&self.by_id, id, || {
            let schema = self.ask(|backend| backend.by_id(id))?;
            self.resolve(schema, &format!("schema {id}")).map(Arc::new)
        })
    }

    /// Returns the latest version of `subject`. While the registry answers, it is at most the TTL old.
    pub(crate) fn latest(&self, subject: &str) -> Result<Latest, RegistryError> {
        self.latest.get(subject, &self.counters, || {
            let stored = self.ask(|backend| backend.version(subject, None))?;
            let resolved = self.resolve(stored.schema, &format!("subject {subject}"))?;
            Ok(Fetched {
                id: stored.id,
                version: stored.version,
                resolved: Arc::new(resolved),
            })
        })
    }

    fn version(&self, subject: &str, version: u32) -> Result<Arc<Stored>, RegistryError> {
        self.kept(&self.versions, (subject.to_owned(), version), || {
            self.ask(|backend| backend.version(subject, Some(version)))
                .map(Arc::new)
        })
    }

    /// Returns the id of `schema` under `subject`. Registers its imports first.
    pub(crate) fn register(
        &self,
        subject: &str,
        schema: &Schema,
    ) -> Result<SchemaId, RegistryError> {
        let key = (subject.to_owned(), schema.clone());
        self.kept(&self.registered, key, || {
            let schema = self.without_imports(schema, |name, import| {
                self.register(name, import)?;
                self.find(name, import)
            })?;
            self.ask(|backend| backend.register(subject, &schema, self.normalize))
        })
    }

    /// Finds `schema` under `subject`, if it and its imports are registered.
    pub(crate) fn find(&self, subject: &str, schema: &Schema) -> Result<Found, RegistryError> {
        let key = (subject.to_owned(), schema.clone());
        self.kept(&self.found, key, || {
            let schema = self.without_imports(schema, |name, import| self.find(name, import))?;
            self.ask(|backend| backend.find(subject, &schema, self.normalize))
        })
    }

    /// Asks each time, because a rule may have changed.
    pub(crate) fn incompatibilities(
        &self,
        subject: &str,
        schema: &Schema,
    ) -> Result<Vec<String>, RegistryError> {
        let schema = self.without_imports(schema, |name, import| self.find(name, import))?;
        self.ask(|backend| backend.incompatibilities(subject, &schema))
    }

    /// Returns the schema in the form that registries accept: with references instead of imports.
    fn without_imports(
        &self,
        schema: &Schema,
        mut found: impl FnMut(&str, &Schema) -> Result<Found, RegistryError>,
    ) -> Result<Schema, RegistryError> {
        if schema.imports().is_empty() {
            return Ok(schema.clone());
        }
        let references = schema.imports().iter().map(|import| {
            let found = found(&import.name, &import.schema)?;
            let version = found.version.ok_or_else(|| RegistryError::References {
                schema: printable(&import.name).into_owned(),
                detail: "cannot be built: the registry returned no version of it".to_owned(),
            })?;
            Ok(Reference::new(&import.name, &import.name, version))
        });
        Ok(schema.with_imports_as(references.collect::<Result<_, RegistryError>>()?))
    }

    /// Returns `schema`, which belongs to `owner`, with everything that it refers to.
    pub(crate) fn resolve(&self, schema: Schema, owner: &str) -> Result<Resolved, RegistryError> {
        let mut dependencies = Vec::new();
        self.collect(
            &schema,
            owner,
            DEEPEST,
            &mut HashSet::new(),
            &mut dependencies,
        )?;
        Ok(Resolved {
            schema,
            dependencies,
        })
    }

    /// Collects depth first, so that a schema comes after those that it needs.
    fn collect(
        &self,
        schema: &Schema,
        owner: &str,
        depth: usize,
        seen: &mut HashSet<String>,
        dependencies: &mut Vec<Dependency>,
    ) -> Result<(), RegistryError> {
        if depth == 0 {
            return Err(RegistryError::References {
                schema: printable(owner).into_owned(),
                detail: format!("are nested deeper than {DEEPEST} schemas, or form a circle"),
            });
        }
        let mut add = |name: &str, schema: &Schema| {
            if !seen.insert(name.to_owned()) {
                return Ok(());
            }
            self.collect(schema, owner, depth - 1, seen, dependencies)?;
            dependencies.push(Dependency {
                name: name.to_owned(),
                text: schema.into(),
            });
            Ok(())
        };
        for import in schema.imports() {
            add(&import.name, &import.schema)?;
        }
        for reference in schema.references() {
            let stored = self.version(reference.subject(), reference.version())?;
            add(reference.name(), &stored.schema)?;
        }
        Ok(())
    }

    /// Returns the cached value of `key`, or fetches it. One thread calls `fetch`; other threads that want
    /// the same key wait and share its result. Errors are not cached.
    fn kept<K, V>(
        &self,
        cache: &Cache<K, V>,
        key: K,
        fetch: impl FnOnce() -> Result<V, RegistryError>,
    ) -> Result<V, RegistryError>
    where
        K: Hash + Eq + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
    {
        if let Some(value) = cache.get(&key) {
            self.counters.hit();
            return Ok(value);
        }
        cache
            .try_get_with(key, fetch)
            .map_err(|error: Arc<RegistryError>| RegistryError::clone(&error))
    }

    fn ask<T>(
        &self,
        ask: impl Fn(&dyn Backend) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        self.retries.run(|| {
            let answer = ask(self.backend.as_ref());
            self.counters.request(answer.is_err());
            // Everything that a registry says passes here.
            answer.map_err(RegistryError::escaped)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Format;

    /// A registry in which subject `n` refers to the subjects that the function returns, even in circles.
    #[derive(Debug)]
    struct Web(fn(u32) -> Vec<u32>);

    impl Web {
        fn schema(&self, number: u32) -> Schema {
            let references = self.0(number);
            references.into_iter().fold(
                Schema::new(Format::Avro, number.to_string()),
                |schema, other| {
                    let subject = other.to_string();
                    schema.with_reference(Reference::new(format!("r{subject}"), subject, 1))
                },
            )
        }
    }

    impl Backend for Web {
        fn by_id(&self, id: SchemaId) -> Result<Schema, RegistryError> {
            match id {
                SchemaId::Number(number) => Ok(self.schema(number)),
                other => panic!("{other}"),
            }
        }

        fn version(&self, subject: &str, version: Option<u32>) -> Result<Stored, RegistryError> {
            let number = subject.parse().unwrap();
            Ok(Stored {
                id: SchemaId::Number(number),
                version: version.unwrap(),
                schema: self.schema(number),
            })
        }

        fn register(&self, _: &str, _: &Schema, _: bool) -> Result<SchemaId, RegistryError> {
            unreachable!("no test here asks for it")
        }

        fn find(&self, _: &str, _: &Schema, _: bool) -> Result<Found, RegistryError> {
            unreachable!("no test here asks for it")
        }

        fn incompatibilities(&self, _: &str, _: &Schema) -> Result<Vec<String>, RegistryError> {
            unreachable!("no test here asks for it")
        }

        fn ping(&self) -> Result<(), RegistryError> {
            unreachable!("no test here asks for it")
        }
    }

    fn dependencies(web: fn(u32) -> Vec<u32>) -> Result<Vec<String>, RegistryError> {
        let retries = Retries {
            most: 0,
            backoff: Duration::ZERO,
            deadline: Duration::ZERO,
        };
        let observer = Observer::new();
        let web = Box::new(Web(web));
        let client = Client::new(web, retries, false, 100, Duration::ZERO, &observer);
        let resolved = client.by_id(SchemaId::Number(0))?;
        let names = resolved.dependencies.iter();
        Ok(names.map(|dependency| dependency.name.clone()).collect())
    }

    #[test]
    fn what_is_needed_comes_first_and_once() {
        let web = |number| match number {
            0 => vec![1, 2],
            1 => vec![3],
            2 => vec![1, 3],
            _ => vec![],
        };
        assert_eq!(dependencies(web).unwrap(), ["r3", "r1", "r2"]);
    }

    #[test]
    fn a_circle_of_references_ends() {
        assert_eq!(
            dependencies(|number| vec![(number + 1) % 3]).unwrap().len(),
            3
        );
    }

    #[test]
    fn references_that_lead_ever_deeper_are_an_error() {
        let error = dependencies(|number| vec![number + 1]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the references of schema 0 are nested deeper than 32 schemas, or form a circle"
        );
    }
}
