//! Reads the `[kafka]` table of the configuration file.

use std::sync::Arc;

use secrecy::SecretString;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::error::{Problem, ProblemKind};
use crate::hint;
use crate::kind::Shape;
use crate::origin::Origin;
use crate::raw::{Entry, PropertyEntry, Raw, RawValue};
use crate::settings::Key;

const TABLE: &str = "kafka";
const PROPERTIES: &str = "properties";

pub(crate) fn collect(file: &Arc<str>, text: &str, raw: &mut Raw) {
    let reader = Reader { file, text };
    let document = match DeTable::parse(text) {
        Ok(document) => document.into_inner(),
        Err(error) => {
            // `message` is only about the grammar; the error's own `Display` would print the line, which may
            // contain a password.
            let origin = Origin::WholeFile {
                file: Arc::clone(file),
                line: error.span().map(|span| reader.line(span.start)),
            };
            raw.problems.push(Problem::new(
                ProblemKind::Source,
                &origin,
                format!("is not valid TOML: {}", error.message()),
            ));
            return;
        }
    };
    let has_table = document.iter().any(|(name, _)| name.get_ref() == TABLE);
    for (name, value) in &document {
        let key = name.get_ref();
        if key != TABLE {
            // Other tables belong to the server and the service.
            if !has_table
                && matches!(value.get_ref(), DeValue::Table(_))
                && let Some(hint) = hint::for_table(key, TABLE, "[kafka]")
            {
                let message = format!("is not a known table{hint}");
                reader.refuse(name, key.to_string(), message, raw);
            }
            continue;
        }
        match value.get_ref() {
            DeValue::Table(table) => reader.settings(table, raw),
            other => raw.problems.push(Problem::new(
                ProblemKind::Invalid,
                &reader.origin(name, TABLE.to_owned()),
                format!("found {}; allowed: a table", type_name(other)),
            )),
        }
    }
}

struct Reader<'a> {
    file: &'a Arc<str>,
    text: &'a str,
}

impl Reader<'_> {
    fn settings(&self, table: &DeTable<'_>, raw: &mut Raw) {
        for (name, value) in table {
            let key = name.get_ref();
            let path = format!("{TABLE}.{key}");
            if key == PROPERTIES {
                match value.get_ref() {
                    DeValue::Table(table) => self.properties(table, "", raw),
                    other => raw.problems.push(Problem::new(
                        ProblemKind::Invalid,
                        &self.origin(name, path),
                        format!("found {}; allowed: a table", type_name(other)),
                    )),
                }
            } else if let Some(key) = Key::find(|setting| setting.key() == key) {
                raw.entries.push(Entry {
                    key,
                    value: setting_value(value.get_ref(), key.setting().shape()),
                    origin: self.origin(name, path),
                });
            } else if let DeValue::Table(_) = value.get_ref()
                && let Some(hint) = hint::for_table(key, PROPERTIES, "[kafka.properties]")
            {
                self.refuse(name, path, format!("is not a known table{hint}"), raw);
            } else {
                self.unknown(name, value.get_ref(), &path, raw);
            }
        }
    }

    fn refuse(&self, name: &Spanned<DeString<'_>>, path: String, message: String, raw: &mut Raw) {
        let origin = self.origin(name, path);
        raw.problems
            .push(Problem::new(ProblemKind::Unknown, &origin, message));
    }

    /// Reports an unknown key by its whole name: TOML reads an unquoted `linger.ms = 5` as a table.
    fn unknown(
        &self,
        name: &Spanned<DeString<'_>>,
        value: &DeValue<'_>,
        path: &str,
        raw: &mut Raw,
    ) {
        if let DeValue::Table(table) = value
            && !table.is_empty()
        {
            for (name, value) in table {
                let path = format!("{path}.{}", name.get_ref());
                self.unknown(name, value.get_ref(), &path, raw);
            }
            return;
        }
        let key = path.strip_prefix("kafka.").unwrap_or(path);
        let hint = hint::for_setting(key, |setting| setting.key().to_owned());
        raw.problems.push(Problem::new(
            ProblemKind::Unknown,
            &self.origin(name, path.to_owned()),
            format!("is not a setting{hint}"),
        ));
    }

    /// Reads the properties. `"linger.ms" = 5` and `linger.ms = 5` mean the same here.
    fn properties(&self, table: &DeTable<'_>, prefix: &str, raw: &mut Raw) {
        for (name, value) in table {
            let property = format!("{prefix}{}", name.get_ref());
            if let DeValue::Table(table) = value.get_ref() {
                self.properties(table, &format!("{property}."), raw);
                continue;
            }
            let origin = self.origin(name, format!("{TABLE}.{PROPERTIES}.{property}"));
            if raw.properties.iter().any(|other| other.name == property) {
                raw.problems.push(Problem::new(
                    ProblemKind::Conflict,
                    &origin,
                    "is set twice, with and without quotes: keep one",
                ));
                continue;
            }
            raw.properties.push(PropertyEntry {
                name: property,
                value: property_value(value.get_ref()),
                origin,
            });
        }
    }

    fn origin(&self, name: &Spanned<DeString<'_>>, key: String) -> Origin {
        Origin::File {
            file: Arc::clone(self.file),
            line: self.line(name.span().start),
            key,
        }
    }

    fn line(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().iter().take(offset);
        before.filter(|byte| **byte == b'\n').count() + 1
    }
}

fn setting_value(value: &DeValue<'_>, shape: Shape) -> RawValue {
    match (value, shape) {
        (DeValue::String(text), _) => RawValue::Text(SecretString::from(text.as_ref())),
        (DeValue::Integer(_), Shape::Integer) | (DeValue::Boolean(_), Shape::Boolean) => {
            property_value(value)
        }
        (DeValue::Array(items), Shape::List) => {
            let texts: Option<Vec<&str>> =
                items.iter().map(|item| item.get_ref().as_str()).collect();
            texts.map_or(
                RawValue::WrongType("an array of values that are not all strings"),
                |texts| RawValue::Text(SecretString::from(texts.join(","))),
            )
        }
        (other, _) => RawValue::WrongType(type_name(other)),
    }
}

fn property_value(value: &DeValue<'_>) -> RawValue {
    let text = match value {
        DeValue::String(text) => text.clone().into_owned(),
        DeValue::Float(float) => float.as_str().to_owned(),
        DeValue::Boolean(boolean) => boolean.to_string(),
        DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(integer) => integer.to_string(),
            Err(_) => return RawValue::WrongType("an integer of more than 64 bits"),
        },
        other => return RawValue::WrongType(type_name(other)),
    };
    RawValue::Text(SecretString::from(text))
}

fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
