use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::error::{Problem, ProblemKind};
use crate::options::{OffsetReset, SaslMechanism, SecurityProtocol};
use crate::origin::{Layer, Origin};
use crate::parse::Invalid;
use crate::setting::Setting;
use crate::settings::{Key, Shown};

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

impl Raw {
    /// Takes the value of the highest layer that gives one, and checks it.
    pub(crate) fn slot<T: Render>(
        &self,
        key: Key,
        parse: fn(&str) -> Result<T, Invalid>,
        problems: &mut Vec<Problem>,
    ) -> Slot<T> {
        let setting = key.setting();
        let default = Origin::Default {
            key: setting.key().to_owned(),
        };
        let winner = self.entries.iter().rev().find(|entry| entry.key == key);
        let (origin, checked) = match (winner, setting.default_value()) {
            (Some(entry), _) => (entry.origin.clone(), check(setting, &entry.value, parse)),
            (None, Some(text)) => (
                default,
                parse(text).map_err(|why| why.message(setting, text)),
            ),
            (None, None) => return Slot::absent(default),
        };
        let state = match checked {
            Ok(value) => State::Valid(value),
            Err(message) => {
                problems.push(Problem::new(ProblemKind::Invalid, &origin, message));
                State::Invalid
            }
        };
        Slot { origin, state }
    }
}

fn check<T>(
    setting: &Setting,
    value: &RawValue,
    parse: fn(&str) -> Result<T, Invalid>,
) -> Result<T, String> {
    let allowed = setting.allowed();
    let text = match value {
        RawValue::Text(text) => text.expose_secret(),
        RawValue::NotUnicode => {
            return Err(format!("found text that is not UTF-8; allowed: {allowed}"));
        }
        RawValue::WrongType(found) => {
            return Err(format!("found {found}; allowed: {allowed}"));
        }
    };
    // Blanks around a password may belong to it.
    let text = if setting.is_secret() {
        text
    } else {
        text.trim()
    };
    if text.is_empty() {
        return Err(format!(
            "found an empty value, which is not the same as none: leave it out, or give {allowed}"
        ));
    }
    if text.contains('\0') {
        return Err(format!(
            "found a NUL character; allowed: {allowed} without one"
        ));
    }
    parse(text).map_err(|why| why.message(setting, text))
}

/// One setting after its own check.
#[derive(Debug)]
pub(crate) struct Slot<T> {
    origin: Origin,
    state: State<T>,
}

#[derive(Debug)]
enum State<T> {
    Absent,
    /// Its problem is already told: what follows from it need not be.
    Invalid,
    Valid(T),
}

impl<T> Slot<T> {
    fn absent(origin: Origin) -> Self {
        Self {
            origin,
            state: State::Absent,
        }
    }

    pub(crate) fn value(&self) -> Option<&T> {
        match &self.state {
            State::Valid(value) => Some(value),
            State::Absent | State::Invalid => None,
        }
    }

    pub(crate) fn into_value(self) -> Option<T> {
        match self.state {
            State::Valid(value) => Some(value),
            State::Absent | State::Invalid => None,
        }
    }

    pub(crate) fn is_absent(&self) -> bool {
        matches!(self.state, State::Absent)
    }

    /// Whether a layer above the defaults names it, rightly or wrongly.
    pub(crate) fn is_explicit(&self) -> bool {
        self.origin.layer() != Layer::Default
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl<T: Render> Shown for Slot<T> {
    fn shown(&self) -> Option<String> {
        self.value().map(Render::render)
    }

    fn origin(&self) -> &Origin {
        &self.origin
    }
}

/// The text of a checked value in the describe table.
pub(crate) trait Render {
    fn render(&self) -> String;
}

impl Render for SecretString {
    fn render(&self) -> String {
        crate::secrets::REDACTED.to_owned()
    }
}

impl Render for String {
    fn render(&self) -> String {
        self.clone()
    }
}

impl Render for PathBuf {
    fn render(&self) -> String {
        self.display().to_string()
    }
}

impl Render for bool {
    fn render(&self) -> String {
        self.to_string()
    }
}

impl Render for Duration {
    fn render(&self) -> String {
        self.as_millis().to_string()
    }
}

macro_rules! render_by_name {
    ($($type:ty),+) => {$(
        impl Render for $type {
            fn render(&self) -> String {
                self.as_str().to_owned()
            }
        }
    )+};
}

render_by_name!(SecurityProtocol, SaslMechanism, OffsetReset);
