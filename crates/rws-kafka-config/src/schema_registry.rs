//! The settings of the schema registry, and the checks of their combination.

use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;

use crate::check::{Check, spellings};
use crate::files::{self, PrivateKey};
use crate::settings::Key;

/// The configured schema registry and how to connect to it. `Debug` shows secrets as `***`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SchemaRegistryConfig {
    /// The kind of registry, with its address and credentials.
    pub kind: RegistryKind,
    /// A file with the CA certificates (PEM) to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// The files with this client's certificate and its private key (PEM).
    pub client_certificate: Option<(PathBuf, PathBuf)>,
    /// `true` if the schema of a declared type is registered when it is first used to write.
    pub auto_register: bool,
    /// `true` if declared types are also written with the latest version of their subject.
    pub use_latest: bool,
}

/// The kind of a schema registry.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RegistryKind {
    /// A registry with Confluent's API.
    Confluent {
        /// The URLs, separated by commas, without credentials.
        urls: String,
        /// The credentials of this client.
        credentials: RegistryCredentials,
    },
    /// AWS Glue, with the credentials that AWS's default chain finds.
    Glue {
        /// The region, such as `eu-central-1`.
        region: String,
        /// The registry's name; default `default-registry`.
        name: Option<String>,
    },
}

/// The credentials of a client at a registry.
#[derive(Clone)]
#[non_exhaustive]
pub enum RegistryCredentials {
    /// No credentials.
    None,
    /// A user and a password (HTTP Basic).
    Basic {
        /// The user's name.
        username: String,
        /// The user's password.
        password: SecretString,
    },
    /// A bearer token.
    Token(SecretString),
}

impl fmt::Debug for RegistryCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Basic { username, .. } => write!(f, "Basic {{ {username:?}, *** }}"),
            Self::Token(_) => f.write_str("Token(***)"),
        }
    }
}

/// Returns the registry, or `None` if none is configured or a problem was reported.
pub(crate) fn check(check: &mut Check<'_>) -> Option<SchemaRegistryConfig> {
    let values = check.values;
    let url = &values.schema_registry_url;
    let region = &values.schema_registry_glue_region;
    if url.is_explicit() && region.is_explicit() {
        check.conflict(
            region.origin(),
            format!("is set, and so is {}: keep one", url.origin()),
        );
        return None;
    }
    if !url.is_explicit() {
        let unused = unused(Key::SchemaRegistryUrl);
        check.refuse_explicit(&values.schema_registry_username, &unused);
        check.refuse_explicit(&values.schema_registry_password, &unused);
        check.refuse_explicit(&values.schema_registry_password_file, &unused);
        check.refuse_explicit(&values.schema_registry_token_file, &unused);
    }
    if !region.is_explicit() {
        let unused = unused(Key::SchemaRegistryGlueRegion);
        check.refuse_explicit(&values.schema_registry_glue_name, &unused);
    }
    let kind = match (url.value(), region.value()) {
        (Some(urls), _) => RegistryKind::Confluent {
            urls: urls.clone(),
            credentials: credentials(check)?,
        },
        (None, Some(region)) => RegistryKind::Glue {
            region: region.clone(),
            name: values.schema_registry_glue_name.value().cloned(),
        },
        (None, None) => return None,
    };
    Some(SchemaRegistryConfig {
        kind,
        ca_file: ca_file(check),
        client_certificate: client_certificate(check),
        auto_register: values.schema_registry_auto_register.value().copied()?,
        use_latest: values.schema_registry_use_latest.value().copied()?,
    })
}

fn credentials(check: &mut Check<'_>) -> Option<RegistryCredentials> {
    let values = check.values;
    let token = &values.schema_registry_token_file;
    let username = &values.schema_registry_username;
    let password = check.one_of(
        &values.schema_registry_password,
        &values.schema_registry_password_file,
    );
    if let Some(path) = token.value() {
        let unused = format!("is set, and so is {}: keep one", token.origin());
        check.refuse_explicit(username, &unused);
        check.refuse_explicit(&values.schema_registry_password, &unused);
        check.refuse_explicit(&values.schema_registry_password_file, &unused);
        return check
            .file(token, path, files::read_password)
            .map(RegistryCredentials::Token);
    }
    match (username.value(), password) {
        (Some(username), Some(password)) => Some(RegistryCredentials::Basic {
            username: username.clone(),
            password,
        }),
        (None, None) => Some(RegistryCredentials::None),
        (Some(_), None) => {
            let has_wrong_file = values.schema_registry_password_file.is_explicit();
            if !has_wrong_file {
                let setting = Key::SchemaRegistryPassword.setting();
                check.conflict(
                    username.origin(),
                    format!("is set without its password: set {}", spellings(setting)),
                );
            }
            None
        }
        (None, Some(_)) => {
            let setting = Key::SchemaRegistryUsername.setting();
            let origin = if values.schema_registry_password.is_explicit() {
                values.schema_registry_password.origin()
            } else {
                values.schema_registry_password_file.origin()
            };
            check.conflict(
                origin,
                format!("is set without its user: set {}", spellings(setting)),
            );
            None
        }
    }
}

fn ca_file(check: &mut Check<'_>) -> Option<PathBuf> {
    let slot = &check.values.schema_registry_ca_file;
    let path = slot.value()?;
    check.file(slot, path, files::check_certificate)?;
    Some(path.clone())
}

fn client_certificate(check: &mut Check<'_>) -> Option<(PathBuf, PathBuf)> {
    let certificate = &check.values.schema_registry_certificate_file;
    let key = &check.values.schema_registry_key_file;
    match (certificate.value(), key.value()) {
        (Some(certificate_path), Some(key_path)) => {
            check.file(certificate, certificate_path, files::check_certificate)?;
            let kind = check.file(key, key_path, files::check_private_key)?;
            if kind == PrivateKey::Encrypted {
                check.conflict(
                    key.origin(),
                    format!(
                        "the private key in {} is encrypted, which is not supported here: decrypt it",
                        files::shown(key_path)
                    ),
                );
                return None;
            }
            Some((certificate_path.clone(), key_path.clone()))
        }
        (Some(_), None) => {
            let needed = spellings(Key::SchemaRegistryKeyFile.setting());
            check.conflict(
                certificate.origin(),
                format!("is set without its private key: set {needed}"),
            );
            None
        }
        (None, Some(_)) => {
            let needed = spellings(Key::SchemaRegistryCertificateFile.setting());
            check.conflict(
                key.origin(),
                format!("is set without its certificate: set {needed}"),
            );
            None
        }
        (None, None) => None,
    }
}

fn unused(needed: Key) -> String {
    format!(
        "is set, but {} is not, and nothing else uses it",
        spellings(needed.setting())
    )
}
