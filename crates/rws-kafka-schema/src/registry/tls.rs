//! The TLS certificates of a registry and its client.

use super::error::RegistryError;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

/// The maximum size of a file in bytes: much more than any chain or key.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// The certificates that a registry's client trusts, and the one that it presents.
///
/// The files are read when the registry is first used. `SchemaRegistry::from_config` and `from_env` read them
/// at once. If a file cannot be used, or a certificate and a key do not belong together, the error is
/// [`RegistryError::Setting`].
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
    /// Returns settings that trust the system's certificates and present none.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts the CA certificates in this file (PEM) instead of the system's.
    #[must_use]
    pub fn ca_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(file.into());
        self
    }

    /// Presents a client certificate, for mutual TLS. The certificate file (PEM) also contains the
    /// intermediate certificates; the key file (PEM) must not be encrypted.
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
            let (key_file, key) = (key, private_key(key)?);
            belong_together((certificate, &chain), (key_file, &key))?;
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
    let pem = read(file).map_err(wrong)?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
            Ok(_) => {}
            Err(_) => return Err(wrong("it is not PEM".to_owned())),
        }
    }
    if certificates.is_empty() {
        return Err(wrong("it contains no certificate".to_owned()));
    }
    Ok(certificates)
}

/// Reads a regular file. Opening a pipe would block until something writes to it.
fn read(file: &Path) -> Result<Vec<u8>, String> {
    let about = std::fs::metadata(file).map_err(|error| error.to_string())?;
    if !about.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    if about.len() > MOST_BYTES {
        return Err(format!("it is larger than {MOST_BYTES} bytes"));
    }
    std::fs::read(file).map_err(|error| error.to_string())
}

fn private_key(file: &Path) -> Result<PrivateKey<'static>, RegistryError> {
    let wrong = |why: String| wrong("key file", file, &why, "a PEM file with an unencrypted key");
    let pem = read(file).map_err(wrong)?;
    // Without the parser's message, which could repeat the key.
    PrivateKey::from_pem(&pem).map_err(|_| wrong("it contains no private key".to_owned()))
}

/// Checks that certificate and key belong together, because ureq panics if they do not.
fn belong_together(
    (certificate, chain): (&Path, &[Certificate<'static>]),
    (key_file, key): (&Path, &PrivateKey<'static>),
) -> Result<(), RegistryError> {
    let refused = |why: String| RegistryError::Setting {
        setting: "certificate file and key file",
        found: format!(
            "{} and {} cannot be used together: {why}",
            certificate.display(),
            key_file.display()
        ),
        allowed: "a certificate, and the private key (RSA, ECDSA or Ed25519) that it was made for",
    };
    let chain = chain
        .iter()
        .map(|one| CertificateDer::from(one.der()).into_owned());
    let key = PrivateKeyDer::try_from(key.der().to_vec())
        .map_err(|_| refused("the key has an unknown format".to_owned()))?;
    let provider = CryptoProvider::get_default()
        .cloned()
        .unwrap_or_else(|| Arc::new(ring::default_provider()));
    match CertifiedKey::from_der(chain.collect(), key, &provider) {
        Ok(_) => Ok(()),
        Err(rustls::Error::InconsistentKeys(_)) => {
            Err(refused("the certificate belongs to another key".to_owned()))
        }
        Err(error) => Err(refused(error.to_string())),
    }
}

fn wrong(setting: &'static str, file: &Path, why: &str, allowed: &'static str) -> RegistryError {
    RegistryError::Setting {
        setting,
        found: format!("{} cannot be used: {why}", file.display()),
        allowed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertifiedKey, generate_simple_self_signed};

    /// Writes a certificate and its key to files.
    fn pair(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["orders".to_owned()]).unwrap();
        let (certificate, key) = (
            folder.join(format!("{name}.pem")),
            folder.join(format!("{name}.key")),
        );
        std::fs::write(&certificate, cert.pem()).unwrap();
        std::fs::write(&key, signing_key.serialize_pem()).unwrap();
        (certificate, key)
    }

    #[test]
    fn a_certificate_and_a_key_that_do_not_belong_together_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (pair(folder.path(), "a"), pair(folder.path(), "b"));
        RegistryTls::new()
            .client_certificate(&a.0, &a.1)
            .config()
            .unwrap();
        let error = RegistryTls::new()
            .client_certificate(&a.0, &b.1)
            .config()
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "the schema registry's certificate file and key file {} and {} cannot be used \
                 together: the certificate belongs to another key; allowed: a certificate, and the \
                 private key (RSA, ECDSA or Ed25519) that it was made for",
                a.0.display(),
                b.1.display()
            )
        );
    }

    #[test]
    fn a_registry_from_settings_refuses_them_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (pair(folder.path(), "a"), pair(folder.path(), "b"));
        let config = rws_kafka_config::KafkaConfig::builder()
            .brokers("unused:9092")
            .schema_registry_url("https://registry:8081")
            .schema_registry_certificate_file(&a.0)
            .schema_registry_key_file(&b.1)
            .build()
            .unwrap();
        let error = crate::registry::SchemaRegistry::from_config(&config).unwrap_err();
        assert!(
            error.to_string().contains("cannot be used together"),
            "{error}"
        );
    }
}
