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

/// A client of a schema registry, with its caches. Cloning is cheap; clones share connections and caches.
///
/// Creating one sends no request. An invalid setting is reported at the first use, as
/// [`RegistryError::Setting`]. Call all `with_…` methods before the first use: each returns a client with its
/// own empty caches.
///
/// Schemas are cached by id permanently, and the latest version of a subject for
/// [`with_latest_ttl`](Self::with_latest_ttl). Each cache has at most 1,000 entries
/// ([`with_cache_capacity`](Self::with_cache_capacity)). Threads that need the same schema at the same time
/// make one request, and do not delay threads that need another one. Errors are not cached.
///
/// Its methods block while they send requests, so do not call them in async tasks.
///
/// ```
/// use rws_kafka_schema::registry::SchemaRegistry;
/// use std::time::Duration;
///
/// let registry = SchemaRegistry::confluent("https://registry-1:8081,https://registry-2:8081")
///     .with_basic_auth("user", "password")
///     .with_timeout(Duration::from_secs(5));
/// ```
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
    /// The id of the schema.
    pub id: SchemaId,
    /// The number of the version, from 1.
    pub version: u32,
    /// The schema.
    pub schema: Schema,
}

impl SchemaRegistry {
    /// Returns a client of a registry with Confluent's API: Confluent's own, Apicurio (`…/apis/ccompat/v7`),
    /// Karapace or Redpanda.
    ///
    /// `urls` is one or more `http` or `https` URLs, separated by commas. If one cannot answer, the next is
    /// tried. A user and password in a URL are used unless [`with_basic_auth`](Self::with_basic_auth) or
    /// another method sets credentials.
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

    /// Returns a client with other settings and empty caches.
    pub(crate) fn with(self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.inner.settings.clone();
        change(&mut settings);
        Self::of(settings)
    }

    /// Changes settings that only registries with Confluent's API have.
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

    /// Authenticates with HTTP Basic.
    #[must_use]
    pub fn with_basic_auth(self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.with_confluent("with_basic_auth", |auth, _| {
            *auth = Auth::Basic {
                user: user.into(),
                password: password.into().into(),
            };
        })
    }

    /// Authenticates with a fixed bearer token (RFC 6750).
    #[must_use]
    pub fn with_bearer_token(self, token: impl Into<String>) -> Self {
        self.with_confluent("with_bearer_token", |auth, _| {
            *auth = Auth::Bearer(token.into().into());
        })
    }

    /// Authenticates with tokens of an OAuth 2.0 server, which are renewed before they expire.
    #[must_use]
    pub fn with_oauth(self, oauth: OAuth) -> Self {
        self.with_confluent("with_oauth", |auth, _| *auth = Auth::OAuth(oauth))
    }

    /// Adds a header to each request, such as Confluent Cloud's `target-sr-cluster`.
    ///
    /// The value is treated as a secret: it is never shown, and is not sent to another origin after a
    /// redirect.
    #[must_use]
    pub fn with_header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.with_confluent("with_header", |_, headers| {
            headers.0.push((name.into(), value.into().into()));
        })
    }

    /// Sets the trusted certificates and the client certificate.
    #[must_use]
    pub fn with_tls(self, tls: RegistryTls) -> Self {
        self.with(|settings| settings.tls = tls)
    }

    /// Sets how long one request may take. Default: 10 s.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        self.with(|settings| settings.timeout = timeout)
    }

    /// Sets how often a failed request is repeated, and the wait before the first repetition. Default: 3
    /// times, 100 ms.
    ///
    /// A request is repeated if there was no answer, or status 408, 429 or 5xx. The wait doubles with each
    /// repetition, half of it is random, and it is at least as long as `Retry-After` asks. No try starts
    /// later than 30 s after the first one.
    #[must_use]
    pub fn with_retries(self, most: u32, backoff: Duration) -> Self {
        self.with(|settings| {
            settings.retries.most = most;
            settings.retries.backoff = backoff;
        })
    }

    /// Sets whether the schema of a type, its own or a declared one, is registered when it is first used to
    /// write. Default: yes. Otherwise it must be registered already.
    #[must_use]
    pub fn with_auto_register(self, auto_register: bool) -> Self {
        self.with(|settings| settings.auto_register = auto_register)
    }

    /// Sets whether types with a schema, their own or a declared one, are also written with the latest
    /// version of their subject. Default: no.
    #[must_use]
    pub fn with_use_latest(self, use_latest: bool) -> Self {
        self.with(|settings| settings.use_latest = use_latest)
    }

    /// Sets whether the registry normalizes schemas before it compares them, so that spaces and the order of
    /// properties do not matter. Default: no.
    #[must_use]
    pub fn with_normalize(self, normalize: bool) -> Self {
        self.with(|settings| settings.normalize = normalize)
    }

    /// Sets how the subjects of values' schemas are named. Default:
    /// [`TopicName`](SubjectNameStrategy::TopicName).
    #[must_use]
    pub fn with_subject_name_strategy(self, strategy: SubjectNameStrategy) -> Self {
        self.with(|settings| settings.strategy = strategy)
    }

    /// Sets how the subjects of keys' schemas are named. Default:
    /// [`TopicName`](SubjectNameStrategy::TopicName).
    #[must_use]
    pub fn with_key_subject_name_strategy(self, strategy: SubjectNameStrategy) -> Self {
        self.with(|settings| settings.key_strategy = strategy)
    }

    /// Sets how long the latest version of a subject is cached. Default: 1 min.
    ///
    /// If the registry is unavailable after that time, the cached version stays in use.
    #[must_use]
    pub fn with_latest_ttl(self, ttl: Duration) -> Self {
        self.with(|settings| settings.latest_ttl = ttl)
    }

    /// Sets how many schemas, versions and codecs are cached, of each kind. Default: 1,000.
    #[must_use]
    pub fn with_cache_capacity(self, capacity: u64) -> Self {
        self.with(|settings| settings.capacity = capacity)
    }

    /// Sets the observer that counts requests and cache hits. Default: [`Observer::global`], as for producers
    /// and consumers.
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

    /// Returns the schema with this id.
    ///
    /// # Errors
    ///
    /// [`RegistryError::UnknownId`] if there is none, and every error of a request.
    pub fn schema(&self, id: SchemaId) -> Result<Schema, RegistryError> {
        Ok(self.client()?.by_id(id)?.schema.clone())
    }

    /// Returns the latest version of `subject`, which may be cached.
    ///
    /// # Errors
    ///
    /// [`RegistryError::UnknownSubject`] if there is none, and every error of a request.
    pub fn latest(&self, subject: &str) -> Result<Version, RegistryError> {
        let latest = self.client()?.latest(subject)?;
        Ok(Version {
            id: latest.id,
            version: latest.version,
            schema: latest.resolved.schema.clone(),
        })
    }

    /// Returns the id of `schema` under `subject`, and registers it if necessary.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Incompatible`] or [`RegistryError::InvalidSchema`] if the registry refuses the
    /// schema, and every error of a request.
    pub fn register(&self, subject: &str, schema: &Schema) -> Result<SchemaId, RegistryError> {
        self.client()?.register(subject, schema)
    }

    /// Returns the id of `schema` under `subject`, where it must be registered.
    ///
    /// # Errors
    ///
    /// [`RegistryError::UnknownSubject`] if it is not, and those of [`register`](Self::register).
    pub fn find(&self, subject: &str, schema: &Schema) -> Result<SchemaId, RegistryError> {
        Ok(self.client()?.find(subject, schema)?.id)
    }

    /// Returns the objections of `subject`'s compatibility rule to `schema`, in the registry's words. The
    /// result is empty if the schema may be registered.
    ///
    /// Use it in tests, to check a schema before it is deployed.
    ///
    /// # Errors
    ///
    /// [`RegistryError::InvalidSchema`] if the registry considers the schema invalid, and every error of a
    /// request.
    pub fn incompatibilities(
        &self,
        subject: &str,
        schema: &Schema,
    ) -> Result<Vec<String>, RegistryError> {
        self.client()?.incompatibilities(subject, schema)
    }

    /// Checks that the registry answers.
    ///
    /// # Errors
    ///
    /// Every error of a request.
    pub fn ping(&self) -> Result<(), RegistryError> {
        self.client()?.ping()
    }

    /// Returns the number of requests and cache hits so far.
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
