//! Reads a file's descriptor in base64, as registries return it for `serialized` or as it was registered.

use super::declared::{Declared, Kind, MOST_LEVELS};
use super::error::ProtobufError;
use prost::Message as _;
use std::collections::{HashSet, VecDeque};

/// The fields of `google.protobuf.FileDescriptorProto` that are needed here.
#[derive(Clone, PartialEq, prost::Message)]
struct FileDescriptor {
    #[prost(string, optional, tag = "2")]
    package: Option<String>,
    #[prost(message, repeated, tag = "4")]
    messages: Vec<MessageDescriptor>,
    #[prost(message, repeated, tag = "7")]
    extensions: Vec<FieldDescriptor>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct MessageDescriptor {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(message, repeated, tag = "2")]
    fields: Vec<FieldDescriptor>,
    #[prost(message, repeated, tag = "3")]
    nested: Vec<MessageDescriptor>,
    #[prost(message, repeated, tag = "6")]
    extensions: Vec<FieldDescriptor>,
    #[prost(message, optional, tag = "7")]
    options: Option<MessageOptions>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct MessageOptions {
    #[prost(bool, optional, tag = "7")]
    map_entry: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct FieldDescriptor {
    #[prost(int32, optional, tag = "5")]
    kind: Option<i32>,
    #[prost(string, optional, tag = "6")]
    type_name: Option<String>,
}

/// `FieldDescriptorProto.TYPE_GROUP`.
const GROUP: i32 = 10;

/// Returns the messages of a descriptor, or `None` if the text is not base64.
pub(super) fn parse(text: &str) -> Option<Result<Declared, ProtobufError>> {
    let bytes = from_base64(text)?;
    Some(declared(&bytes).map_err(|detail| ProtobufError::Descriptor { detail }))
}

fn declared(bytes: &[u8]) -> Result<Declared, String> {
    let file = FileDescriptor::decode(bytes).map_err(|error| error.to_string())?;
    let mut declared = Declared::default();
    if let Some(package) = file.package.filter(|package| !package.is_empty()) {
        declared.set_package(&package)?;
    }
    let mut waiting = VecDeque::from([(None, file.messages, groups_of(&[], &file.extensions))]);
    while let Some((parent, messages, groups)) = waiting.pop_front() {
        for message in messages {
            let name = message.name.unwrap_or_default();
            let kind = if message.options.is_some_and(|options| options.map_entry()) {
                Kind::MapEntry
            } else if groups.contains(&name) {
                Kind::Group
            } else {
                Kind::Written
            };
            if name.is_empty() || name.contains('.') {
                return Err(format!("a message is named {:?}", shortened(&name)));
            }
            let number = declared.add(parent, &name, kind)?;
            let groups = groups_of(&message.fields, &message.extensions);
            waiting.push_back((Some(number), message.nested, groups));
        }
    }
    Ok(declared)
}

/// Returns the simple names of the messages that are groups.
fn groups_of(fields: &[FieldDescriptor], extensions: &[FieldDescriptor]) -> HashSet<String> {
    fields
        .iter()
        .chain(extensions)
        .filter(|field| field.kind == Some(GROUP))
        .filter_map(|field| field.type_name.as_deref()?.rsplit('.').next())
        .map(str::to_owned)
        .collect()
}

fn shortened(name: &str) -> String {
    name.chars().take(MOST_LEVELS).collect()
}

/// Decodes standard base64, with or without padding and line ends. Returns `None` for anything else.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let (mut bits, mut held) = (0_u32, 0);
    let digits = text.trim().trim_end_matches('=').bytes();
    for digit in digits.filter(|digit| !digit.is_ascii_whitespace()) {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    (held < 6 && !bytes.is_empty()).then_some(bytes)
}
