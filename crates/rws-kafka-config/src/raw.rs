use secrecy::SecretString;

use crate::error::Problem;
use crate::origin::Origin;
use crate::settings::Key;

/// What a layer says, before it is checked. Text is kept as a secret whatever
/// the setting, so that nothing here can show one.
#[derive(Debug, Clone)]
pub(crate) enum RawValue {
    Text(SecretString),
    NotUnicode,
    /// A TOML value of another type, which is named.
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

/// What all layers say, the lowest layer first.
#[derive(Debug, Default)]
pub(crate) struct Raw {
    pub(crate) entries: Vec<Entry>,
    pub(crate) properties: Vec<PropertyEntry>,
    pub(crate) problems: Vec<Problem>,
}
