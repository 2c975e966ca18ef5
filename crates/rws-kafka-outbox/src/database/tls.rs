use crate::error::OutboxError;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use std::path::Path;
use std::sync::Arc;
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres_rustls::MakeRustlsConnect;

/// The server name when there is none, which is only without TLS: tokio-postgres always asks for a connector,
/// and rustls creates none without a name.
const NO_NAME: &str = "no-name.invalid";

/// The maximum size of a file with certificates, in bytes.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// Encrypts connections, unless TLS is off.
#[derive(Clone)]
pub(crate) struct Tls {
    rustls: MakeRustlsConnect,
    is_off: bool,
}

impl<S> MakeTlsConnect<S> for Tls
where
    MakeRustlsConnect: MakeTlsConnect<S>,
{
    type Stream = <MakeRustlsConnect as MakeTlsConnect<S>>::Stream;
    type TlsConnect = <MakeRustlsConnect as MakeTlsConnect<S>>::TlsConnect;
    type Error = <MakeRustlsConnect as MakeTlsConnect<S>>::Error;

    fn make_tls_connect(&mut self, name: &str) -> Result<Self::TlsConnect, Self::Error> {
        // A Unix socket has no name. A TLS handshake with this name would fail.
        let name = if self.is_off || name.is_empty() {
            NO_NAME
        } else {
            name
        };
        self.rustls.make_tls_connect(name)
    }
}

/// Creates TLS that checks the server's certificate and name. The authorities are those in `ca_file` (PEM),
/// otherwise the system's.
pub(crate) fn connector(ca_file: Option<&Path>, config: &Config) -> Result<Tls, OutboxError> {
    let tls = |detail: String| OutboxError::Tls { detail };
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(file) => {
            let shown = file.display();
            let pem = read(file).map_err(|why| tls(format!("{shown} {why}")))?;
            let certificates = CertificateDer::pem_slice_iter(&pem)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| {
                    tls(format!(
                        "{shown} is not a PEM file of certificates: {error}"
                    ))
                })?;
            let (added, _) = roots.add_parsable_certificates(certificates);
            if added == 0 {
                return Err(tls(format!("{shown} contains no certificate")));
            }
        }
        // An empty list is not an error here: a server without TLS needs no authorities.
        None => {
            let system = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(system.certs);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls_config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| tls(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Tls {
        rustls: MakeRustlsConnect::new(tls_config),
        is_off: config.get_ssl_mode() == SslMode::Disable,
    })
}

/// Reads a regular file: opening a pipe would block until another process writes to it.
fn read(file: &Path) -> Result<Vec<u8>, String> {
    let cannot = |error: std::io::Error| format!("cannot be read: {error}");
    let about = std::fs::metadata(file).map_err(cannot)?;
    if !about.is_file() {
        return Err("is not a regular file".to_owned());
    }
    if about.len() > MOST_BYTES {
        return Err(format!("is larger than {MOST_BYTES} bytes"));
    }
    std::fs::read(file).map_err(cannot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connector_is_made_where_there_is_no_name_or_no_tls() {
        let make = |url: &str, name: &str| {
            let config: Config = url.parse().unwrap();
            let mut tls = connector(None, &config).unwrap();
            MakeTlsConnect::<tokio_postgres::Socket>::make_tls_connect(&mut tls, name).is_ok()
        };
        assert!(make("host=/run/postgresql", ""));
        assert!(make("host=/run/postgresql sslmode=disable", ""));
        assert!(make("host=a sslmode=disable", "not a name"));
        assert!(make("host=10.0.0.7", "10.0.0.7"));
        assert!(!make("host=a sslmode=require", "not a name"));
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_refused_rather_than_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("ca.pem");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let refused = connector(Some(&pipe), &Config::new()).err().unwrap();
        assert!(
            refused.to_string().ends_with("is not a regular file"),
            "{refused}"
        );
        let folder = connector(Some(folder.path()), &Config::new())
            .err()
            .unwrap();
        assert!(
            folder.to_string().ends_with("is not a regular file"),
            "{folder}"
        );
    }
}
