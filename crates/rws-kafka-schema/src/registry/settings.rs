//! The settings of a registry's client.

use super::auth::Auth;
use super::backend::Backend;
use super::client::Client;
use super::confluent::Confluent;
use super::error::RegistryError;
#[cfg(feature = "glue")]
use super::glue::{GlueBackend, GlueSettings};
use super::headers::Headers;
use super::http::Http;
use super::retry::Retries;
use super::subject::{Destination, Role, SubjectNameStrategy};
use super::tls::RegistryTls;
use super::url::without_credentials;
use crate::schema::{Format, Schema};
#[cfg(feature = "glue")]
use crate::wire::glue::Compression;
use rws_kafka_observe::Observer;
use std::any::TypeId;
use std::collections::HashMap;
use std::time::Duration;

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) kind: Kind,
    pub(crate) tls: RegistryTls,
    pub(crate) timeout: Duration,
    pub(crate) retries: Retries,
    pub(crate) auto_register: bool,
    pub(crate) use_latest: bool,
    pub(crate) normalize: bool,
    pub(crate) strategy: SubjectNameStrategy,
    pub(crate) key_strategy: SubjectNameStrategy,
    pub(crate) latest_ttl: Duration,
    pub(crate) capacity: u64,
    pub(crate) observer: Observer,
    pub(crate) declared: HashMap<(TypeId, Format), Declared>,
    /// A method that was called and has no effect on this kind of registry.
    pub(crate) misused: Option<&'static str>,
}

/// The protocol of the registry.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Confluent {
        urls: UrlList,
        auth: Auth,
        headers: Headers,
    },
    #[cfg(feature = "glue")]
    Glue {
        settings: GlueSettings,
        compression: Compression,
    },
}

impl Kind {
    fn name(&self) -> &'static str {
        match self {
            Self::Confluent { .. } => "a registry with Confluent's API",
            #[cfg(feature = "glue")]
            Self::Glue { .. } => "AWS Glue",
        }
    }
}

/// URLs that may contain a password.
#[derive(Clone)]
pub(crate) struct UrlList(pub(crate) String);

impl std::fmt::Debug for UrlList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.0.split(',').map(without_credentials))
            .finish()
    }
}

/// The schema that is declared for a type.
#[derive(Clone, Debug)]
pub(crate) struct Declared {
    pub(crate) schema: Schema,
    /// The name of the schema's record.
    pub(crate) record: Option<String>,
}

impl Settings {
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            kind,
            tls: RegistryTls::new(),
            timeout: Duration::from_secs(10),
            retries: Retries {
                most: 3,
                backoff: Duration::from_millis(100),
                deadline: Duration::from_secs(30),
            },
            auto_register: true,
            use_latest: false,
            normalize: false,
            strategy: SubjectNameStrategy::default(),
            key_strategy: SubjectNameStrategy::default(),
            latest_ttl: Duration::from_secs(60),
            capacity: 1_000,
            observer: Observer::global(),
            declared: HashMap::new(),
            misused: None,
        }
    }

    pub(crate) fn client(&self) -> Result<Client, RegistryError> {
        if let Some(method) = self.misused {
            return Err(RegistryError::Setting {
                setting: method,
                found: format!("has no effect on {}", self.kind.name()),
                allowed: "settings of this kind of registry",
            });
        }
        let (timeout, tls) = (self.timeout, &self.tls);
        let backend: Box<dyn Backend> = match &self.kind {
            Kind::Confluent {
                urls,
                auth,
                headers,
            } => Box::new(Confluent::new(
                Http::new(timeout, tls)?,
                &urls.0,
                auth.clone(),
                headers.clone(),
            )?),
            #[cfg(feature = "glue")]
            Kind::Glue { settings, .. } => Box::new(GlueBackend::new(
                settings.clone(),
                Http::for_signed(timeout, tls)?,
            )?),
        };
        Ok(Client::new(
            backend,
            self.retries,
            self.normalize,
            self.capacity,
            self.latest_ttl,
            &self.observer,
        ))
    }

    pub(crate) fn declared(&self, type_id: TypeId, format: Format) -> Option<&Declared> {
        self.declared.get(&(type_id, format))
    }

    pub(crate) fn strategy(&self, role: Role) -> &SubjectNameStrategy {
        match role {
            Role::Key => &self.key_strategy,
            Role::Value => &self.strategy,
        }
    }

    pub(crate) fn subject(
        &self,
        destination: Destination<'_>,
        record: Option<&str>,
    ) -> Option<String> {
        self.strategy(destination.role)
            .subject(destination, record, |destination| match &self.kind {
                Kind::Confluent { .. } => format!("{}-{}", destination.topic, destination.role),
                #[cfg(feature = "glue")]
                Kind::Glue { .. } => destination.topic.to_owned(),
            })
    }
}

#[cfg(test)]
mod tests {
    use crate::registry::SchemaRegistry;

    #[test]
    fn no_header_is_shown_with_its_value() {
        let registry = SchemaRegistry::confluent("https://registry")
            .with_header("x-api-key", "s3cret")
            .with_bearer_token("t0ken");
        let shown = format!("{registry:?} {registry:#?}");
        assert!(shown.contains("x-api-key"), "{shown}");
        assert!(
            !shown.contains("s3cret") && !shown.contains("t0ken"),
            "{shown}"
        );
    }
}
