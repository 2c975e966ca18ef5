//! From the settings of a service to its registry.

use super::error::RegistryError;
use super::schema_registry::SchemaRegistry;
use super::tls::RegistryTls;
use rws_kafka_config::{
    ConfigError, KafkaConfig, RegistryCredentials, RegistryKind, SchemaRegistryConfig,
};
use secrecy::ExposeSecret;

/// Why the settings of a service give no registry.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum FromEnvError {
    /// Settings are wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),

    /// A file for TLS cannot be used, or a certificate and a key do not belong together.
    #[error(transparent)]
    Tls(Box<RegistryError>),

    /// None of them tells of a registry.
    #[error(
        "no schema registry is set: set schema_registry_url (RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_URL) or \
         schema_registry_glue_region (RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_GLUE_REGION)"
    )]
    NoRegistry,

    /// They tell of one that this build has no client for.
    #[error("the settings tell of a {what}, and this build is without the feature {feature}")]
    NoFeature {
        /// Of what.
        what: &'static str,
        /// The feature that it takes.
        feature: &'static str,
    },
}

impl std::fmt::Debug for FromEnvError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        rws_kafka_observe::causes::debug(self, f)
    }
}

impl SchemaRegistry {
    /// The registry that the settings of all layers tell of: `RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_URL` and
    /// what belongs to it; see [`rws_kafka_config`].
    ///
    /// # Errors
    ///
    /// [`FromEnvError`] lists the settings that are wrong, or tells that there is no registry in them.
    pub fn from_env() -> Result<Self, FromEnvError> {
        Self::from_config(&KafkaConfig::from_env()?)
    }

    /// The registry that a configuration tells of.
    ///
    /// # Errors
    ///
    /// [`FromEnvError::NoRegistry`] where it tells of none.
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
