use std::{
    fs,
    path::{Path, PathBuf},
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use tempfile::TempDir;

/// A private certificate authority for one broker, and a second, unrelated one. Their files are
/// deleted when this value is dropped.
#[derive(Debug)]
pub struct Certificates {
    directory: TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
    ca_file: PathBuf,
    other_ca_file: PathBuf,
}

impl Certificates {
    /// Makes both authorities.
    ///
    /// # Panics
    ///
    /// Panics if a file cannot be written.
    pub fn new() -> Self {
        let directory = tempfile::Builder::new()
            .prefix("rws-kafka-certificates-")
            .tempdir()
            .expect("a directory for certificates");
        let authority = make_authority("rws-kafka test CA");
        let other = make_authority("another test CA");
        let ca_file = write(&directory, "ca.pem", &authority.pem());
        let other_ca_file = write(&directory, "other-ca.pem", &other.pem());
        Self {
            directory,
            authority,
            ca_file,
            other_ca_file,
        }
    }

    /// Returns the PEM file of the authority that signed the broker's certificate.
    pub fn ca_file(&self) -> &Path {
        &self.ca_file
    }

    /// Returns the PEM file of an authority that signed nothing here.
    pub fn other_ca_file(&self) -> &Path {
        &self.other_ca_file
    }

    /// Returns a client's certificate and its key, signed by the authority, as two PEM
    /// files: certificate first. `name` must suit a file name.
    ///
    /// # Panics
    ///
    /// Panics if a file cannot be written.
    pub fn client(&self, name: &str) -> (PathBuf, PathBuf) {
        let (certificate, key) = self.sign(name, Vec::new(), ExtendedKeyUsagePurpose::ClientAuth);
        (
            write(&self.directory, &format!("{name}.pem"), &certificate),
            write(&self.directory, &format!("{name}.key.pem"), &key),
        )
    }

    pub(crate) fn ca_pem(&self) -> String {
        self.authority.pem()
    }

    /// Returns a server's key and certificate in one PEM text, as a broker wants them.
    pub(crate) fn server_pem(&self, host: &str) -> String {
        let (certificate, key) = self.sign(
            host,
            vec![host.to_owned()],
            ExtendedKeyUsagePurpose::ServerAuth,
        );
        key + &certificate
    }

    fn sign(
        &self,
        name: &str,
        hosts: Vec<String>,
        usage: ExtendedKeyUsagePurpose,
    ) -> (String, String) {
        let key = KeyPair::generate().expect("a key pair");
        let mut params = CertificateParams::new(hosts).expect("valid host names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        let certificate = params
            .signed_by(&key, &self.authority)
            .expect("the authority signs");
        (certificate.pem(), key.serialize_pem())
    }
}

impl Default for Certificates {
    fn default() -> Self {
        Self::new()
    }
}

fn make_authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate().expect("a key pair");
    CertifiedIssuer::self_signed(params, key).expect("an authority signs itself")
}

fn write(directory: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = directory.path().join(name);
    fs::write(&path, text).unwrap_or_else(|error| panic!("writing {}: {error}", path.display()));
    path
}
