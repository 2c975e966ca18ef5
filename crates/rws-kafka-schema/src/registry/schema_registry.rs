use super::auth::{Auth, OAuth};
use super::client::Client;
use super::codec::{Codecs, Typed};
use super::error::RegistryError;
use super::headers::Headers;
use super::id::SchemaId;
use super::settings::{Declared, Kind, Settings, UrlList};
use super::stats::RegistryStats;
use super::subject::SubjectNameStrategy;
use super::tls::RegistryTls;
use crate::schema::{Format, Schema};
use rws_kafka_observe::Observer;
use std::any::TypeId;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// A schema registry, and what is known of it. Cheap to clone; clones share connections and caches.
///
/// Nothing is asked when it is made: a wrong setting shows at the first use, as
/// [`RegistryError::Setting`]. Settings come first: each `with_…` gives a registry with caches of its
/// own.
///
/// Schemas are kept by id, for good, and the latest version of a subject for
/// [`with_latest_ttl`](Self::with_latest_ttl); 1,000 of each sort at most
/// ([`with_cache_capacity`](Self::with_cache_capacity)). Threads that want the same at the same time
/// make one request, and hold up nobody who wants something else. A failure is not kept.
///
/// Its methods block while they ask: not for async tasks.
#[derive(Clone)]
pub struct SchemaRegistry {
    inner: Arc<Inner>,
}

struct Inner {
    number: u64,
    settings: Settings,
    client: OnceLock<Client>,
    codecs: Codecs,
}

/// One version of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Version {
    /// The id of its schema.
    pub id: SchemaId,
    /// Its number, from 1.
    pub version: u32,
    /// The schema.
    pub schema: Schema,
}

impl SchemaRegistry {
    /// A registry with Confluent's API: Confluent's own, Apicurio (`…/apis/ccompat/v7`), Karapace,
    /// Redpanda. `urls`: `http` or `https`, several separated by commas, of which the next is asked
    /// where one cannot answer. User and password in a URL are taken for
    /// [`with_basic_auth`](Self::with_basic_auth).
    pub fn confluent(urls: impl Into<String>) -> Self {
        Self::of(Settings::new(Kind::Confluent {
            urls: UrlList(urls.into()),
            auth: Auth::None,
            headers: Headers::default(),
        }))
    }

    pub(super) fn of(settings: Settings) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let codecs = Codecs::new(settings.capacity);
        Self {
            inner: Arc::new(Inner {
                number: NUMBER.fetch_add(1, Ordering::Relaxed),
                settings,
                client: OnceLock::new(),
                codecs,
            }),
        }
    }

    /// The same with other settings, and nothing known yet.
    pub(crate) fn with(self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.inner.settings.clone();
        change(&mut settings);
        Self::of(settings)
    }

    /// A change to what only registries with Confluent's API have.
    fn with_confluent(
        self,
        #[cfg_attr(not(feature = "glue"), allow(unused_variables))] method: &'static str,
        change: impl FnOnce(&mut Auth, &mut Headers),
    ) -> Self {
        self.with(|settings| match &mut settings.kind {
            Kind::Confluent { auth, headers, .. } => change(auth, headers),
            #[cfg(feature = "glue")]
            Kind::Glue { .. } => settings.misused = Some(method),
        })
    }

    /// HTTP Basic authentication.
    #[must_use]
    pub fn with_basic_auth(self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.with_confluent("with_basic_auth", |auth, _| {
            *auth = Auth::Basic {
                user: user.into(),
                password: password.into().into(),
            };
        })
    }

    /// A token that does not change (RFC 6750).
    #[must_use]
    pub fn with_bearer_token(self, token: impl Into<String>) -> Self {
        self.with_confluent("with_bearer_token", |auth, _| {
            *auth = Auth::Bearer(token.into().into());
        })
    }

    /// Tokens of an OAuth 2.0 server, renewed before they expire.
    #[must_use]
    pub fn with_oauth(self, oauth: OAuth) -> Self {
        self.with_confluent("with_oauth", |auth, _| *auth = Auth::OAuth(oauth))
    }

    /// One more header in each request, such as Confluent Cloud's `target-sr-cluster`. Its value is
    /// treated as a secret: it is never shown, and does not follow a redirect to another origin.
    #[must_use]
    pub fn with_header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.with_confluent("with_header", |_, headers| {
            headers.0.push((name.into(), value.into().into()));
        })
    }

    /// Which certificates are trusted, and which is shown.
    #[must_use]
    pub fn with_tls(self, tls: RegistryTls) -> Self {
        self.with(|settings| settings.tls = tls)
    }

    /// How long one request may take. Default 10 s.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        self.with(|settings| settings.timeout = timeout)
    }

    /// How often a request is tried again that was not answered, or with 408, 429 or 5xx, and how long
    /// before the first of these tries; the wait doubles from there, with half of it by chance, and is
    /// at least what `Retry-After` asks for. Default: 3 times, 100 ms. No try begins later than
    /// 30 s after the first.
    #[must_use]
    pub fn with_retries(self, most: u32, backoff: Duration) -> Self {
        self.with(|settings| {
            settings.retries.most = most;
            settings.retries.backoff = backoff;
        })
    }

    /// Whether the schema of a type is registered when it is first written with: the one that it has
    /// itself, or that is declared here. Default yes; otherwise it must be registered already.
    #[must_use]
    pub fn with_auto_register(self, auto_register: bool) -> Self {
        self.with(|settings| settings.auto_register = auto_register)
    }

    /// Whether types that have a schema, of their own or declared here, are written with the latest
    /// version of their subject too. Default no.
    #[must_use]
    pub fn with_use_latest(self, use_latest: bool) -> Self {
        self.with(|settings| settings.use_latest = use_latest)
    }

    /// Whether the registry compares schemas by what they say, not by how: without spaces, properties
    /// in order. Default no.
    #[must_use]
    pub fn with_normalize(self, normalize: bool) -> Self {
        self.with(|settings| settings.normalize = normalize)
    }

    /// Under which subjects the schemas of values are. Default:
    /// [`TopicName`](SubjectNameStrategy::TopicName).
    #[must_use]
    pub fn with_subject_name_strategy(self, strategy: SubjectNameStrategy) -> Self {
        self.with(|settings| settings.strategy = strategy)
    }

    /// Under which subjects the schemas of keys are. Default:
    /// [`TopicName`](SubjectNameStrategy::TopicName).
    #[must_use]
    pub fn with_key_subject_name_strategy(self, strategy: SubjectNameStrategy) -> Self {
        self.with(|settings| settings.key_strategy = strategy)
    }

    /// How long the latest version of a subject is taken for the latest. Default 1 min. Where the
    /// registry does not answer then, the old one serves on.
    #[must_use]
    pub fn with_latest_ttl(self, ttl: Duration) -> Self {
        self.with(|settings| settings.latest_ttl = ttl)
    }

    /// How many schemas, versions and codecs are kept, of each. Default 1,000.
    #[must_use]
    pub fn with_cache_capacity(self, capacity: u64) -> Self {
        self.with(|settings| settings.capacity = capacity)
    }

    /// Whose metrics count the requests and what the caches answer. Default: [`Observer::global`], as
    /// of producers and consumers.
    #[must_use]
    pub fn with_observer(self, observer: Observer) -> Self {
        self.with(|settings| settings.observer = observer)
    }

    #[cfg_attr(
        not(any(feature = "avro", feature = "json-schema", feature = "protobuf")),
        allow(dead_code)
    )]
    pub(crate) fn with_declared(self, type_id: TypeId, format: Format, declared: Declared) -> Self {
        self.with(|settings| {
            settings.declared.insert((type_id, format), declared);
        })
    }

    /// The schema of this id.
    ///
    /// # Errors
    ///
    /// [`RegistryError::UnknownId`], and all that tell why the registry could not be asked.
    pub fn schema(&self, id: SchemaId) -> Result<Schema, RegistryError> {
        Ok(self.client()?.by_id(id)?.schema.clone())
    }

    /// The latest version of `subject`.
    ///
    /// # Errors
    ///
    /// [`RegistryError::UnknownSubject`], and all that tell why the registry could not be asked.
    pub fn latest(&self, subject: &str) -> Result<Version, RegistryError> {
        let latest = self.client()?.latest(subject)?;
        Ok(Version {
            id: latest.id,
            version: latest.version,
            schema: latest.resolved.schema.clone(),
        })
    }

    /// The id of `schema` under `subject`, registered where it was not.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Incompatible`], [`RegistryError::InvalidSchema`], and all that tell why the
    /// registry could not be asked.
    pub fn register(&self, subject: &str, schema: &Schema) -> Result<SchemaId, RegistryError> {
        self.client()?.register(subject, schema)
    }

    /// The id of `schema` under `subject`, where it is registered.
    ///
    /// # Errors
    ///
    /// [`RegistryError::UnknownSubject`], and as [`register`](Self::register).
    pub fn find(&self, subject: &str, schema: &Schema) -> Result<SchemaId, RegistryError> {
        Ok(self.client()?.find(subject, schema)?.id)
    }

    /// What the compatibility rule of `subject` has against `schema`, in the registry's words; nothing
    /// where it may be registered. For the tests of a build, before a schema is deployed.
    ///
    /// # Errors
    ///
    /// [`RegistryError::InvalidSchema`], and all that tell why the registry could not be asked.
    pub fn incompatibilities(
        &self,
        subject: &str,
        schema: &Schema,
    ) -> Result<Vec<String>, RegistryError> {
        self.client()?.incompatibilities(subject, schema)
    }

    /// Asks the registry whether it is there.
    ///
    /// # Errors
    ///
    /// All that tell why the registry could not be asked.
    pub fn ping(&self) -> Result<(), RegistryError> {
        self.client()?.ping()
    }

    /// What was asked so far, and what the caches answered.
    pub fn stats(&self) -> RegistryStats {
        self.inner
            .client
            .get()
            .map(Client::stats)
            .unwrap_or_default()
    }

    fn client(&self) -> Result<&Client, RegistryError> {
        match self.inner.client.get() {
            Some(client) => Ok(client),
            None => {
                let client = self
                    .inner
                    .settings
                    .client()
                    .map_err(RegistryError::escaped)?;
                Ok(self.inner.client.get_or_init(|| client))
            }
        }
    }

    #[cfg_attr(
        not(any(feature = "avro", feature = "json-schema", feature = "protobuf")),
        allow(dead_code)
    )]
    pub(super) fn kind(&self) -> &Kind {
        &self.inner.settings.kind
    }

    #[cfg_attr(
        not(any(feature = "avro", feature = "json-schema", feature = "protobuf")),
        allow(dead_code)
    )]
    pub(crate) fn typed(&self) -> Result<Typed<'_>, RegistryError> {
        Ok(Typed {
            number: self.inner.number,
            settings: &self.inner.settings,
            client: self.client()?,
            codecs: &self.inner.codecs,
        })
    }
}

impl fmt::Debug for SchemaRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.settings.fmt(f)
    }
}
