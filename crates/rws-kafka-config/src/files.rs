//! Reads and checks the files that settings name.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use secrecy::{ExposeSecret as _, SecretSlice, SecretString};

use crate::secrets::one_line;

/// The limits in bytes: no password and no bundle of certificates is larger.
const MAX_PASSWORD: u64 = 64 * 1024;
const MAX_PEM: u64 = 16 * 1024 * 1024;
const MAX_CONFIGURATION: u64 = 16 * 1024 * 1024;

/// The longest path that Linux allows.
const MAX_PATH: usize = 4096;

/// Returns the password in a file, without one line break at its end.
pub(crate) fn read_password(path: &Path) -> Result<SecretString, String> {
    let bytes = read(path, MAX_PASSWORD).map_err(|why| why.without_path(path))?;
    let text = std::str::from_utf8(bytes.expose_secret())
        .map_err(|_| format!("{} is not UTF-8 text", shown(path)))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(format!("{} contains no password", shown(path)));
    }
    if text.contains('\0') {
        return Err(format!("{} contains a NUL character", shown(path)));
    }
    Ok(SecretString::from(text))
}

/// Checks that a file contains a certificate.
pub(crate) fn check_certificate(path: &Path) -> Result<(), String> {
    let labels = ["CERTIFICATE", "TRUSTED CERTIFICATE", "X509 CERTIFICATE"];
    let bytes = read(path, MAX_PEM).map_err(|why| why.message(path))?;
    if blocks(&String::from_utf8_lossy(bytes.expose_secret()))
        .any(|block| labels.contains(&block.label) && block.is_sound())
    {
        return Ok(());
    }
    Err(format!(
        "{} contains no PEM certificate (-----BEGIN CERTIFICATE-----)",
        shown(path)
    ))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PrivateKey {
    Plain,
    Encrypted,
}

/// Checks that a file contains a private key, and returns whether it needs a password.
pub(crate) fn check_private_key(path: &Path) -> Result<PrivateKey, String> {
    let bytes = read(path, MAX_PEM).map_err(|why| why.message(path))?;
    let text = String::from_utf8_lossy(bytes.expose_secret());
    let Some(block) = blocks(&text).find(|block| block.label.ends_with("PRIVATE KEY")) else {
        return Err(format!(
            "{} contains no PEM private key (-----BEGIN PRIVATE KEY-----)",
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

/// Returns the text of a configuration file.
pub(crate) fn read_configuration(path: &Path) -> Result<SecretString, Unreadable> {
    // Users set this path to ignore a file in the working directory.
    if path == Path::new("/dev/null") {
        return Ok(SecretString::default());
    }
    let bytes = read(path, MAX_CONFIGURATION)?;
    std::str::from_utf8(bytes.expose_secret())
        .map(SecretString::from)
        .map_err(|_| Unreadable::Other("is not UTF-8 text".to_owned()))
}

/// Why a file could not be read.
#[derive(Debug)]
pub(crate) enum Unreadable {
    System(io::Error),
    /// The cause without the path, which is written before it.
    Other(String),
}

impl Unreadable {
    fn message(&self, path: &Path) -> String {
        match self {
            Self::System(error) => format!("cannot read {}: {error}", shown(path)),
            Self::Other(why) => format!("{} {why}", shown(path)),
        }
    }

    /// Returns a message for a setting whose value may be the secret itself by mistake, so that an invalid
    /// path is not shown.
    fn without_path(&self, path: &Path) -> String {
        match self {
            Self::System(error) if error.kind() != io::ErrorKind::PermissionDenied => format!(
                "cannot open the file: {error}; this setting takes the path of a file that contains the \
                 secret; the value is not shown because it may be the secret itself"
            ),
            _ => self.message(path),
        }
    }
}

fn read(path: &Path, limit: u64) -> Result<SecretSlice<u8>, Unreadable> {
    let other = |why: &str| Unreadable::Other(why.to_owned());
    // Check before the open, which would block on a pipe until something writes to it.
    let about = std::fs::metadata(path).map_err(Unreadable::System)?;
    if about.is_dir() {
        return Err(other("is a directory, not a file"));
    }
    if !about.is_file() {
        return Err(other(
            "is not a regular file but a pipe, a socket or a device",
        ));
    }
    let file = File::open(path).map_err(Unreadable::System)?;
    let mut bytes = Vec::new();
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(Unreadable::System)?;
    if bytes.len() as u64 > limit {
        return Err(Unreadable::Other(format!("is larger than {limit} bytes")));
    }
    Ok(SecretSlice::from(bytes))
}

/// Returns the path for an error message, unless it looks like a pasted key.
pub(crate) fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    if text.contains("PRIVATE KEY") || text.contains('\n') || text.len() > MAX_PATH {
        return "a value that is not a path (not shown)".to_owned();
    }
    one_line(&text)
}

/// One block of a PEM file, from `-----BEGIN …-----` to `-----END …-----` (RFC 7468).
struct Block<'a> {
    label: &'a str,
    body: &'a str,
}

impl Block<'_> {
    /// Returns `true` if the body can be what OpenSSL reads, which is base64. If it is empty or has other
    /// characters, the file was cut short or edited.
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

/// Returns `true` for a pipe, a socket or a device; `false` if the path does not exist.
pub(crate) fn is_neither_file_nor_folder(path: &str) -> bool {
    std::fs::metadata(path).is_ok_and(|about| !about.is_file() && !about.is_dir())
}
