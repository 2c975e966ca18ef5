//! Certificates of a registry and of its client.

use super::error::RegistryError;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

/// Which certificates a registry's client trusts, and which it shows. The files are read when the
/// registry is asked first.
///
/// ```
/// use rws_kafka_schema::registry::{RegistryTls, SchemaRegistry};
///
/// let registry = SchemaRegistry::confluent("https://schema-registry:8081").with_tls(
///     RegistryTls::new()
///         .ca_file("/etc/kafka/ca.pem")
///         .client_certificate("/etc/kafka/orders.pem", "/etc/kafka/orders.key"),
/// );
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegistryTls {
    ca_file: Option<PathBuf>,
    client: Option<(PathBuf, PathBuf)>,
}

impl RegistryTls {
    /// Trusts what the system trusts, and shows no certificate.
    pub fn new() -> Self {
        Self::default()
    }

    /// The certificates (PEM) trusted to sign the registry's, in place of the system's.
    #[must_use]
    pub fn ca_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(file.into());
        self
    }

    /// This client's certificate (PEM, with those between it and its CA behind it) and its key (PEM,
    /// not encrypted), for mutual TLS.
    #[must_use]
    pub fn client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.client = Some((certificate.into(), key.into()));
        self
    }

    pub(crate) fn config(&self) -> Result<TlsConfig, RegistryError> {
        let mut config = TlsConfig::builder();
        config = match &self.ca_file {
            None => config.root_certs(RootCerts::PlatformVerifier),
            Some(file) => {
                let certificates = certificates("CA file", file)?;
                config.root_certs(RootCerts::Specific(Arc::new(certificates)))
            }
        };
        if let Some((certificate, key)) = &self.client {
            let chain = certificates("certificate file", certificate)?;
            let key = private_key(key)?;
            config = config.client_cert(Some(ClientCert::new_with_certs(&chain, key)));
        }
        Ok(config.build())
    }
}

fn certificates(
    setting: &'static str,
    file: &Path,
) -> Result<Vec<Certificate<'static>>, RegistryError> {
    let wrong = |why: String| wrong(setting, file, &why, "a PEM file with certificates");
    let pem = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
            Ok(_) => {}
            Err(_) => return Err(wrong("it is not PEM".to_owned())),
        }
    }
    if certificates.is_empty() {
        return Err(wrong("it holds no certificate".to_owned()));
    }
    Ok(certificates)
}

fn private_key(file: &Path) -> Result<PrivateKey<'static>, RegistryError> {
    let wrong = |why: String| wrong("key file", file, &why, "a PEM file with an unencrypted key");
    let pem = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
    // The parser's words could repeat the key.
    PrivateKey::from_pem(&pem).map_err(|_| wrong("it holds no private key".to_owned()))
}

fn wrong(setting: &'static str, file: &Path, why: &str, allowed: &'static str) -> RegistryError {
    RegistryError::Setting {
        setting,
        found: format!("{} cannot be used: {why}", file.display()),
        allowed,
    }
}
