//! A compiled schema, which maps messages to places.

use super::declared::{Declared, Kind};
use super::error::ProtobufError;
use super::{descriptor, parser};
use crate::schema::Resolved;
use crate::wire::{confluent, glue};
use std::collections::HashMap;

/// The most names in an error.
const SHOWN: usize = 16;

/// The messages of a schema, by name and by the place that payloads contain.
///
/// Confluent's clients count sibling messages in two ways. In a descriptor, map entries and groups count as
/// messages: Java, Go, Python and .NET write so. In a text they do not: Java reads so, and writes so when it
/// normalizes. Here they count for writing. For reading, [`File::confluent_rest`] accepts both, and
/// everything between, because a registry may have moved all fields before the nested messages.
///
/// AWS Glue's clients sort all messages, including nested ones and map entries, by full name.
#[derive(Debug)]
pub(crate) struct File {
    places: Vec<Place>,
    by_name: HashMap<Box<str>, usize>,
    by_indexes: HashMap<Box<[i32]>, usize>,
    /// Sorted by name.
    sorted: Vec<usize>,
}

#[derive(Debug)]
struct Place {
    name: Box<str>,
    parent: Option<usize>,
    indexes: Box<[i32]>,
    /// Its index without messages that fields declare.
    written_index: i32,
    /// How many of its siblings are declared by fields.
    generated_beside: i32,
}

/// The number of messages of one parent.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    written: i32,
    generated: i32,
}

impl File {
    /// Compiles a schema's text: a `.proto` file, or its descriptor in base64. Imports are not needed,
    /// because their messages have no place in this file.
    ///
    /// # Errors
    ///
    /// [`ProtobufError::Schema`] with the place where the text is wrong, or [`ProtobufError::Descriptor`]
    /// with what is wrong in the descriptor. Names over 1,024 bytes and messages nested deeper than 64 levels
    /// are refused.
    pub(crate) fn new(resolved: &Resolved) -> Result<Self, ProtobufError> {
        let text = resolved.schema.text();
        match parser::parse(text) {
            Ok(declared) => Self::of(&declared),
            Err(error) => match descriptor::parse(text) {
                Some(declared) => Self::of(&declared?),
                None => Err(error),
            },
        }
    }

    fn of(declared: &Declared) -> Result<Self, ProtobufError> {
        let messages = declared.messages();
        let mut counts: HashMap<Option<usize>, Count> = HashMap::new();
        let mut places: Vec<Place> = Vec::with_capacity(messages.len());
        let mut by_name = HashMap::with_capacity(messages.len());
        for (number, message) in messages.iter().enumerate() {
            if by_name.insert(message.full_name.clone(), number).is_some() {
                return Err(ProtobufError::Descriptor {
                    detail: format!("{} is declared twice", message.full_name),
                });
            }
            let count = counts.entry(message.parent).or_default();
            let around = message.parent.and_then(|parent| places.get(parent));
            let mut indexes = around.map_or_else(Vec::new, |parent| parent.indexes.to_vec());
            indexes.push(count.written + count.generated);
            places.push(Place {
                name: message.full_name.clone(),
                parent: message.parent,
                indexes: indexes.into(),
                written_index: count.written,
                generated_beside: 0,
            });
            match message.kind {
                Kind::Written => count.written += 1,
                Kind::Group | Kind::MapEntry => count.generated += 1,
            }
        }
        for place in &mut places {
            let count = counts.get(&place.parent).copied().unwrap_or_default();
            place.generated_beside = count.generated;
        }
        let mut sorted: Vec<usize> = (0..places.len()).collect();
        sorted.sort_by_key(|number| places.get(*number).map(|place| &place.name));
        let by_indexes = places
            .iter()
            .enumerate()
            .map(|(number, place)| (place.indexes.clone(), number))
            .collect();
        Ok(Self {
            places,
            by_name,
            by_indexes,
            sorted,
        })
    }

    /// Returns Confluent's indexes of the message `full_name`, one for each level.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn indexes_of(&self, full_name: &str) -> Option<&[i32]> {
        Some(&self.place(full_name)?.indexes)
    }

    /// Returns the full name of the message at Confluent's indexes, which count map entries and groups.
    pub(crate) fn name_at(&self, indexes: &[i32]) -> Option<&str> {
        let number = self.by_indexes.get(indexes)?;
        Some(&self.places.get(*number)?.name)
    }

    /// Returns AWS Glue's index of the message `full_name`.
    pub(crate) fn glue_index_of(&self, full_name: &str) -> Option<u32> {
        let index = self
            .sorted
            .binary_search_by(|number| {
                let name = self.places.get(*number).map_or("", |place| &place.name);
                name.cmp(full_name)
            })
            .ok()?;
        u32::try_from(index).ok()
    }

    /// Returns the full name of the message at AWS Glue's index.
    pub(crate) fn glue_name_at(&self, index: u32) -> Option<&str> {
        let number = self.sorted.get(usize::try_from(index).ok()?)?;
        Some(&self.places.get(*number)?.name)
    }

    /// Returns the bytes that tell Confluent's clients that a `full_name` follows. Callers keep them and
    /// write them before each message.
    ///
    /// # Errors
    ///
    /// [`ProtobufError::UnknownMessage`] with the names that the schema has.
    pub(crate) fn confluent_prefix(&self, full_name: &str) -> Result<Box<[u8]>, ProtobufError> {
        let place = self
            .place(full_name)
            .ok_or_else(|| self.unknown(full_name))?;
        let mut prefix = Vec::new();
        confluent::write_indexes(&place.indexes, &mut prefix);
        Ok(prefix.into())
    }

    /// As [`confluent_prefix`](Self::confluent_prefix), for AWS Glue's clients.
    ///
    /// # Errors
    ///
    /// Those of [`confluent_prefix`](Self::confluent_prefix).
    pub(crate) fn glue_prefix(&self, full_name: &str) -> Result<Box<[u8]>, ProtobufError> {
        let index = self
            .glue_index_of(full_name)
            .ok_or_else(|| self.unknown(full_name))?;
        let mut prefix = Vec::new();
        glue::write_index(index, &mut prefix);
        Ok(prefix.into())
    }

    /// Returns the bytes after Confluent's indexes at the start of `bytes`, if the indexes lead to a
    /// `full_name`. `prefix` is the result of [`confluent_prefix`](Self::confluent_prefix) for that name:
    /// most payloads start with it, and then nothing else is checked.
    ///
    /// # Errors
    ///
    /// [`ProtobufError::Framing`] if the indexes are invalid, and [`ProtobufError::UnknownIndexes`] or
    /// [`ProtobufError::OtherMessage`] if they lead elsewhere.
    pub(crate) fn confluent_rest<'a>(
        &self,
        prefix: &[u8],
        full_name: &str,
        bytes: &'a [u8],
    ) -> Result<&'a [u8], ProtobufError> {
        if let Some(rest) = stripped(prefix, bytes) {
            return Ok(rest);
        }
        let (indexes, rest) = confluent::read_indexes(bytes)?;
        if self.may_be(full_name, &indexes) {
            return Ok(rest);
        }
        Err(match self.name_at(&indexes) {
            Some(found) => other(full_name, found),
            None => ProtobufError::UnknownIndexes {
                indexes: indexes.into_iter().map(i64::from).collect(),
            },
        })
    }

    /// As [`confluent_rest`](Self::confluent_rest), with AWS Glue's index and prefix.
    ///
    /// # Errors
    ///
    /// Those of [`confluent_rest`](Self::confluent_rest).
    pub(crate) fn glue_rest<'a>(
        &self,
        prefix: &[u8],
        full_name: &str,
        bytes: &'a [u8],
    ) -> Result<&'a [u8], ProtobufError> {
        if let Some(rest) = stripped(prefix, bytes) {
            return Ok(rest);
        }
        let (index, rest) = glue::read_index(bytes)?;
        match self.glue_name_at(index) {
            Some(found) if found == full_name => Ok(rest),
            Some(found) => Err(other(full_name, found)),
            None => Err(ProtobufError::UnknownIndexes {
                indexes: vec![index.into()],
            }),
        }
    }

    /// Returns `true` if some way to count leads to `full_name`.
    fn may_be(&self, full_name: &str, indexes: &[i32]) -> bool {
        let mut place = self.place(full_name);
        for index in indexes.iter().rev() {
            let Some(here) = place else {
                return false;
            };
            let beside = index.checked_sub(here.written_index);
            if !beside.is_some_and(|beside| (0..=here.generated_beside).contains(&beside)) {
                return false;
            }
            place = here.parent.and_then(|parent| self.places.get(parent));
        }
        place.is_none() && !indexes.is_empty()
    }

    fn place(&self, full_name: &str) -> Option<&Place> {
        self.places.get(*self.by_name.get(full_name)?)
    }

    fn unknown(&self, asked: &str) -> ProtobufError {
        let found = self.sorted.iter().take(SHOWN);
        ProtobufError::UnknownMessage {
            asked: asked.to_owned(),
            found: found
                .filter_map(|number| Some(self.places.get(*number)?.name.to_string()))
                .collect(),
            more: self.sorted.len().saturating_sub(SHOWN),
        }
    }
}

/// Strips `prefix`. No prefix is the start of another one, because each contains the number of its indexes.
fn stripped<'a>(prefix: &[u8], bytes: &'a [u8]) -> Option<&'a [u8]> {
    if prefix.is_empty() {
        return None;
    }
    bytes.strip_prefix(prefix)
}

fn other(asked: &str, found: &str) -> ProtobufError {
    ProtobufError::OtherMessage {
        asked: asked.to_owned(),
        found: found.to_owned(),
    }
}
