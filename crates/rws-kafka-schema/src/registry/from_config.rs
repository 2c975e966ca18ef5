//! Creates a registry from the settings of a service.

use super::error::RegistryError;
use super::schema_registry::SchemaRegistry;
use super::tls::RegistryTls;
use rws_kafka_config::{
    ConfigError, KafkaConfig, RegistryCredentials, RegistryKind, SchemaRegistryConfig,
};
use secrecy::ExposeSecret;

/// The error of creating a registry from settings.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum FromEnvError {
    /// Settings are invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),

    /// A file for TLS cannot be used, or a certificate and a key do not belong together.
    #[error(transparent)]
    Tls(Box<RegistryError>),

    /// No setting configures a registry.
    #[error(
        "no schema registry is configured: set schema_registry_url \
         (RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_URL) or \
         schema_registry_glue_region (RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_GLUE_REGION)"
    )]
    NoRegistry,

    /// A registry is configured that this build has no client for.
    #[error("a {what} is configured, but this build lacks the feature {feature}")]
    NoFeature {
        /// The kind of registry.
        what: &'static str,
        /// The feature that it needs.
        feature: &'static str,
    },
}

impl std::fmt::Debug for FromEnvError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        rws_kafka_observe::causes::debug(self, f)
    }
}

impl SchemaRegistry {
    /// Creates the registry that the settings of this process configure, such as
    /// `RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_URL`; see [`rws_kafka_config`]. Does not connect to it.
    ///
    /// # Errors
    ///
    /// [`FromEnvError`] if settings are invalid or configure no registry.
    pub fn from_env() -> Result<Self, FromEnvError> {
        Self::from_config(&KafkaConfig::from_env()?)
    }

    /// Creates the registry that a configuration contains. Does not connect to it.
    ///
    /// # Errors
    ///
    /// [`FromEnvError::NoRegistry`] if it contains none, [`FromEnvError::NoFeature`] if this build lacks the
    /// feature for it, and [`FromEnvError::Tls`] if a file for TLS cannot be used.
    pub fn from_config(config: &KafkaConfig) -> Result<Self, FromEnvError> {
        config
            .schema_registry()
            .ok_or(FromEnvError::NoRegistry)
            .and_then(registry)
    }
}

fn registry(config: &SchemaRegistryConfig) -> Result<SchemaRegistry, FromEnvError> {
    let mut registry = of_kind(&config.kind)?;
    let mut tls = RegistryTls::new();
    if let Some(file) = &config.ca_file {
        tls = tls.ca_file(file);
    }
    if let Some((certificate, key)) = &config.client_certificate {
        tls = tls.client_certificate(certificate, key);
    }
    tls.config()
        .map_err(|error| FromEnvError::Tls(Box::new(error)))?;
    registry = registry
        .with_tls(tls)
        .with_auto_register(config.auto_register)
        .with_use_latest(config.use_latest);
    Ok(registry)
}

fn of_kind(kind: &RegistryKind) -> Result<SchemaRegistry, FromEnvError> {
    match kind {
        RegistryKind::Confluent { urls, credentials } => {
            let registry = SchemaRegistry::confluent(urls);
            Ok(match credentials {
                RegistryCredentials::Basic { username, password } => {
                    registry.with_basic_auth(username, password.expose_secret())
                }
                RegistryCredentials::Token(token) => {
                    registry.with_bearer_token(token.expose_secret())
                }
                _ => registry,
            })
        }
        #[cfg(feature = "glue")]
        RegistryKind::Glue { region, name } => {
            let registry = SchemaRegistry::glue(region);
            Ok(match name {
                Some(name) => registry.registry_name(name),
                None => registry,
            })
        }
        _ => Err(FromEnvError::NoFeature {
            what: "registry of AWS Glue",
            feature: "glue",
        }),
    }
}
