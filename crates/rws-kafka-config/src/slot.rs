use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use crate::error::{Problem, ProblemKind};
use crate::options::{OffsetReset, SaslMechanism, SecurityProtocol};
use crate::origin::{Layer, Origin};
use crate::parse::Invalid;
use crate::raw::{Raw, RawValue};
use crate::secrets::{REDACTED, quote};
use crate::setting::Setting;
use crate::settings::Key;

/// The value of one setting, after its own check.
#[derive(Debug)]
pub(crate) struct Slot<T> {
    origin: Origin,
    state: State<T>,
}

#[derive(Debug)]
enum State<T> {
    Absent,
    /// The problem is already reported, so its consequences are not.
    Invalid,
    Valid(T),
}

impl<T: Text> Slot<T> {
    /// Takes the value of the highest layer that sets it, and checks it.
    pub(crate) fn read(
        raw: &Raw,
        key: Key,
        parse: fn(&str) -> Result<T, Invalid>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let setting = key.setting();
        let default = Origin::Default {
            key: setting.key().to_owned(),
        };
        let winner = raw.entries.iter().rev().find(|entry| entry.key == key);
        let (origin, checked) = match (winner, setting.default_value()) {
            (Some(entry), _) => (entry.origin.clone(), check(setting, &entry.value, parse)),
            (None, Some(text)) => (
                default,
                parse(text).map_err(|why| message(&why, setting, text)),
            ),
            (None, None) => return Self::absent(default),
        };
        let state = match checked {
            Ok(value) => State::Valid(value),
            Err(message) => {
                problems.push(Problem::new(ProblemKind::Invalid, &origin, message));
                State::Invalid
            }
        };
        Self { origin, state }
    }
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

    /// Sets the value if it comes from elsewhere, such as a file that another setting names.
    pub(crate) fn fill(&mut self, value: Option<T>) {
        if let Some(value) = value {
            self.state = State::Valid(value);
        }
    }

    pub(crate) fn is_absent(&self) -> bool {
        matches!(self.state, State::Absent)
    }

    /// Returns `true` if a layer above the defaults sets it, even to an invalid value.
    pub(crate) fn is_explicit(&self) -> bool {
        self.origin.layer() != Layer::Default
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }
}

/// A slot of any type.
pub(crate) trait AnySlot {
    /// Returns the value, secrets as `***`; `None` if there is none.
    fn shown(&self) -> Option<String>;

    /// Returns the value as librdkafka takes it, secrets in clear text; `None` if there is none.
    fn in_clear(&self) -> Option<SecretString>;

    /// Returns the place that the value came from.
    fn origin(&self) -> &Origin;
}

impl<T: Text> AnySlot for Slot<T> {
    fn shown(&self) -> Option<String> {
        self.value().map(Text::shown)
    }

    fn in_clear(&self) -> Option<SecretString> {
        self.value().map(Text::in_clear)
    }

    fn origin(&self) -> &Origin {
        &self.origin
    }
}

/// A value that can be written as text.
pub(crate) trait Text {
    /// Returns the text for [`Description`](crate::Description).
    fn shown(&self) -> String;

    /// Returns the text for librdkafka.
    fn in_clear(&self) -> SecretString {
        SecretString::from(self.shown())
    }
}

impl Text for SecretString {
    fn shown(&self) -> String {
        REDACTED.to_owned()
    }

    fn in_clear(&self) -> SecretString {
        self.clone()
    }
}

impl Text for String {
    fn shown(&self) -> String {
        self.clone()
    }
}

impl Text for PathBuf {
    fn shown(&self) -> String {
        self.display().to_string()
    }
}

impl Text for bool {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Text for Duration {
    fn shown(&self) -> String {
        self.as_millis().to_string()
    }
}

macro_rules! text_by_name {
    ($($type:ty),+) => {$(
        impl Text for $type {
            fn shown(&self) -> String {
                self.as_str().to_owned()
            }
        }
    )+};
}

text_by_name!(SecurityProtocol, SaslMechanism, OffsetReset);

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
    // Spaces around a password may belong to it.
    let text = if setting.is_secret() {
        text
    } else {
        text.trim()
    };
    if text.is_empty() {
        return Err(format!(
            "found an empty value, which does not unset the setting: leave it out, or give {allowed}"
        ));
    }
    if text.contains('\0') {
        return Err(format!(
            "found a NUL character; allowed: {allowed} without one"
        ));
    }
    parse(text).map_err(|why| message(&why, setting, text))
}

/// Returns the error message for a text that the setting does not allow.
fn message(why: &Invalid, setting: &Setting, text: &str) -> String {
    let found = if setting.is_secret() {
        "a value (not shown)".to_owned()
    } else {
        quote(why.part.as_deref().unwrap_or(text))
    };
    let because = why
        .why
        .map_or_else(String::new, |why| format!(", where {why}"));
    format!("found {found}{because}; allowed: {}", setting.allowed())
}
