//! Creates schemas from the descriptors that protoc writes.

use super::ProtobufError;
use crate::schema::Schema;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message as _;
use std::collections::HashMap;

/// The path of the files that come with Protobuf itself, which every registry has.
const BUILT_IN: &str = "google/protobuf/";
/// The maximum depth of imports; protoc allows no circles.
const DEEPEST: usize = 32;
/// The field `FileDescriptorProto.source_code_info`: the positions of all words, with comments.
const SOURCE_INFO: usize = 9;
/// The most names in an error.
const SHOWN: usize = 16;

/// `google.protobuf.FileDescriptorSet`.
#[derive(Clone, PartialEq, prost::Message)]
struct DescriptorSet {
    #[prost(bytes = "vec", repeated, tag = "1")]
    files: Vec<Vec<u8>>,
}

/// The fields of `google.protobuf.FileDescriptorProto` that are needed here.
#[derive(Clone, PartialEq, prost::Message)]
struct FileHead {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(string, optional, tag = "2")]
    package: Option<String>,
    #[prost(string, repeated, tag = "3")]
    imports: Vec<String>,
    #[prost(message, repeated, tag = "4")]
    messages: Vec<MessageHead>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct MessageHead {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(message, repeated, tag = "3")]
    nested: Vec<MessageHead>,
}

struct File<'a> {
    head: FileHead,
    bytes: &'a [u8],
}

impl Schema {
    /// Returns the schema of the file that declares `M`, taken from an encoded
    /// [`FileDescriptorSet`](https://protobuf.com/docs/descriptors#file-descriptors).
    ///
    /// prost-build writes one with [`file_descriptor_set_path`], and so does
    /// `protoc --include_imports --descriptor_set_out`. Imported files are included as
    /// [imports](Self::with_import), with their path as subject.
    ///
    /// Registries with Confluent's API accept such a schema. AWS Glue accepts only the text of a `.proto`
    /// file.
    ///
    /// ```no_run
    /// use rws_kafka_schema::Schema;
    /// use rws_kafka_schema::protobuf::{ProtobufError, ProtobufMessage};
    ///
    /// # #[derive(Clone, PartialEq, prost::Message)]
    /// # struct Order {
    /// #     #[prost(uint64, tag = "1")]
    /// #     id: u64,
    /// # }
    /// # impl prost::Name for Order {
    /// #     const NAME: &'static str = "Order";
    /// #     const PACKAGE: &'static str = "shop";
    /// # }
    /// // include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"))
    /// const DESCRIPTORS: &[u8] = &[];
    ///
    /// impl ProtobufMessage for Order {
    ///     fn protobuf_schema() -> Result<Schema, ProtobufError> {
    ///         Schema::protobuf_descriptors::<Self>(DESCRIPTORS)
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ProtobufError::Descriptor`] if the bytes are not a descriptor set or an import is missing, and
    /// [`ProtobufError::UnknownMessage`] if no file declares `M`.
    ///
    /// [`file_descriptor_set_path`]: https://docs.rs/prost-build/0.14/prost_build/struct.Config.html#method.file_descriptor_set_path
    pub fn protobuf_descriptors<M: prost::Name>(set: &[u8]) -> Result<Self, ProtobufError> {
        let set = DescriptorSet::decode(set).map_err(|error| wrong(error.to_string()))?;
        let mut files = HashMap::new();
        for bytes in &set.files {
            let head = FileHead::decode(&bytes[..]).map_err(|error| wrong(error.to_string()))?;
            files.insert(head.name().to_owned(), File { head, bytes });
        }
        let asked = M::full_name();
        match files.values().find(|file| file.head.declares(&asked)) {
            Some(file) => schema(file, &files, DEEPEST),
            None => Err(unknown(asked, &files)),
        }
    }
}

impl FileHead {
    fn declares(&self, full_name: &str) -> bool {
        let within = match self.package() {
            "" => Some(full_name),
            package => full_name
                .strip_prefix(package)
                .and_then(|rest| rest.strip_prefix('.')),
        };
        within.is_some_and(|path| declares(&self.messages, path))
    }
}

fn declares(messages: &[MessageHead], path: &str) -> bool {
    let (first, rest) = match path.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    };
    messages
        .iter()
        .filter(|message| message.name() == first)
        .any(|message| rest.is_none_or(|rest| declares(&message.nested, rest)))
}

fn schema(
    file: &File<'_>,
    files: &HashMap<String, File<'_>>,
    depth: usize,
) -> Result<Schema, ProtobufError> {
    if depth == 0 {
        return Err(wrong(format!(
            "imports are nested deeper than {DEEPEST} files, or form a circle"
        )));
    }
    let text = STANDARD.encode(without_source_info(file.bytes)?);
    let imports = file.head.imports.iter();
    imports.filter(|name| !name.starts_with(BUILT_IN)).try_fold(
        Schema::protobuf(text),
        |schema_so_far, name| {
            let import = files.get(name).ok_or_else(|| {
                wrong(format!(
                    "{} imports {name}, which the set lacks (protoc: --include_imports)",
                    file.head.name()
                ))
            })?;
            Ok(schema_so_far.with_import(name, schema(import, files, depth - 1)?))
        },
    )
}

/// Removes what only editors need from a file's descriptor. prost-build includes it, and it is often larger
/// than everything else.
fn without_source_info(mut file: &[u8]) -> Result<Vec<u8>, ProtobufError> {
    const VARINT: usize = 0;
    const LENGTH_DELIMITED: usize = 2;
    let cut = || wrong("a file ends early".to_owned());
    let mut kept = Vec::with_capacity(file.len());
    while !file.is_empty() {
        let whole = file;
        let number = |from: &mut &[u8]| prost::decode_length_delimiter(from).map_err(|_| cut());
        let tag = number(&mut file)?;
        match tag & 7 {
            VARINT => {
                number(&mut file)?;
            }
            LENGTH_DELIMITED => {
                let length = number(&mut file)?;
                file = file.get(length..).ok_or_else(cut)?;
            }
            other => return Err(wrong(format!("a file has a field of wire type {other}"))),
        }
        if tag >> 3 != SOURCE_INFO {
            kept.extend_from_slice(&whole[..whole.len() - file.len()]);
        }
    }
    Ok(kept)
}

fn unknown(asked: String, files: &HashMap<String, File<'_>>) -> ProtobufError {
    let mut found: Vec<String> = files
        .values()
        .flat_map(|file| {
            let package = file.head.package();
            file.head.messages.iter().map(move |message| match package {
                "" => message.name().to_owned(),
                package => format!("{package}.{}", message.name()),
            })
        })
        .collect();
    found.sort();
    let more = found.len().saturating_sub(SHOWN);
    found.truncate(SHOWN);
    ProtobufError::UnknownMessage { asked, found, more }
}

fn wrong(detail: String) -> ProtobufError {
    ProtobufError::Descriptor { detail }
}
