use secrecy::SecretString;

use crate::error::Problem;
use crate::origin::Origin;
use crate::settings::Key;

/// A value as a layer has it, before it is checked. Every text is kept as a secret, so that nothing can show
/// one by mistake.
#[derive(Debug, Clone)]
pub(crate) enum RawValue {
    Text(SecretString),
    NotUnicode,
    /// A TOML value of another type, with the type's name.
    WrongType(&'static str),
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) value: RawValue,
    pub(crate) origin: Origin,
}

#[derive(Debug, Clone)]
pub(crate) struct PropertyEntry {
    pub(crate) name: String,
    pub(crate) value: RawValue,
    pub(crate) origin: Origin,
}

/// The values of all layers, the lowest layer first.
#[derive(Debug, Default)]
pub(crate) struct Raw {
    pub(crate) entries: Vec<Entry>,
    pub(crate) properties: Vec<PropertyEntry>,
    pub(crate) problems: Vec<Problem>,
}
