//! Reading and checking the files that settings name.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use secrecy::{ExposeSecret as _, SecretSlice, SecretString};

use crate::secrets::one_line;

/// No password is longer, and no bundle of certificates.
const MAX_PASSWORD: u64 = 64 * 1024;
const MAX_PEM: u64 = 16 * 1024 * 1024;

/// The password in a file, without one line break at its end.
pub(crate) fn read_password(path: &Path) -> Result<SecretString, String> {
    let bytes = read(path, MAX_PASSWORD)?;
    let text = std::str::from_utf8(bytes.expose_secret())
        .map_err(|_| format!("{} is not UTF-8 text", shown(path)))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(format!("{} holds no password", shown(path)));
    }
    if text.contains('\0') {
        return Err(format!("{} holds a NUL character", shown(path)));
    }
    Ok(SecretString::from(text))
}

/// Checks that a file holds a certificate.
pub(crate) fn check_certificate(path: &Path) -> Result<(), String> {
    let labels = ["CERTIFICATE", "TRUSTED CERTIFICATE", "X509 CERTIFICATE"];
    let bytes = read(path, MAX_PEM)?;
    if blocks(&String::from_utf8_lossy(bytes.expose_secret()))
        .any(|block| labels.contains(&block.label) && block.is_sound())
    {
        return Ok(());
    }
    Err(format!(
        "{} holds no PEM certificate (-----BEGIN CERTIFICATE-----)",
        shown(path)
    ))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PrivateKey {
    Plain,
    Encrypted,
}

/// Checks that a file holds a private key, and says whether it needs a
/// password.
pub(crate) fn check_private_key(path: &Path) -> Result<PrivateKey, String> {
    let bytes = read(path, MAX_PEM)?;
    let text = String::from_utf8_lossy(bytes.expose_secret());
    let Some(block) = blocks(&text).find(|block| block.label.ends_with("PRIVATE KEY")) else {
        return Err(format!(
            "{} holds no PEM private key (-----BEGIN PRIVATE KEY-----)",
            shown(path)
        ));
    };
    if block.label.starts_with("ENCRYPTED") || block.body.contains("Proc-Type: 4,ENCRYPTED") {
        return Ok(PrivateKey::Encrypted);
    }
    if !block.is_sound() {
        return Err(format!("the private key in {} is damaged", shown(path)));
    }
    Ok(PrivateKey::Plain)
}

fn read(path: &Path, limit: u64) -> Result<SecretSlice<u8>, String> {
    let cannot = |error: io::Error| format!("cannot read {}: {error}", shown(path));
    let file = File::open(path).map_err(cannot)?;
    if file.metadata().map_err(cannot)?.is_dir() {
        return Err(format!("{} is a directory, not a file", shown(path)));
    }
    let mut bytes = Vec::new();
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(cannot)?;
    if bytes.len() as u64 > limit {
        return Err(format!("{} is larger than {limit} bytes", shown(path)));
    }
    Ok(SecretSlice::from(bytes))
}

/// A path for an error.
pub(crate) fn shown(path: &Path) -> String {
    one_line(&path.to_string_lossy())
}

/// One `-----BEGIN …-----` to `-----END …-----` of a PEM file (RFC 7468).
struct Block<'a> {
    label: &'a str,
    body: &'a str,
}

impl Block<'_> {
    /// Whether the body can be what OpenSSL reads: base64, where an empty body
    /// or one of other characters is a file cut short or edited.
    fn is_sound(&self) -> bool {
        let is_base64 = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
        let mut digits = self.body.bytes().filter(|b| !b.is_ascii_whitespace());
        let count = digits.clone().count();
        count >= 4 && count % 4 == 0 && digits.all(is_base64)
    }
}

fn blocks(text: &str) -> impl Iterator<Item = Block<'_>> {
    text.split("-----BEGIN ").skip(1).filter_map(|rest| {
        let (label, rest) = rest.split_once("-----")?;
        let (body, end) = rest.split_once("-----END ")?;
        end.starts_with(label).then_some(Block { label, body })
    })
}
