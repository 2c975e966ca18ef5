//! Schemas, as registries store them.

use std::fmt;
use std::sync::Arc;

/// The language of a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// [Avro](https://avro.apache.org/docs/1.12.0/specification/), in JSON.
    Avro,
    /// [JSON Schema](https://json-schema.org/specification).
    Json,
    /// [Protocol Buffers](https://protobuf.dev/reference/protobuf/proto3-spec/), a `.proto` file.
    Protobuf,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Avro => "Avro",
            Self::Json => "JSON Schema",
            Self::Protobuf => "Protobuf",
        })
    }
}

/// A schema's text with its references to other schemas. Cloning is cheap.
///
/// ```
/// use rws_kafka_schema::{Reference, Schema};
///
/// let order = Schema::avro(
///     r#"{"type": "record", "name": "Order", "namespace": "shop",
///         "fields": [{"name": "customer", "type": "shop.Customer"}]}"#,
/// )
/// .with_reference(Reference::new("shop.Customer", "shop.Customer", 1));
/// assert_eq!(order.references()[0].version(), 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Schema {
    format: Format,
    text: Arc<str>,
    references: Arc<[Reference]>,
    imports: Arc<[Import]>,
}

/// A schema that another one imports and brings along.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Import {
    pub(crate) name: String,
    pub(crate) schema: Schema,
}

impl Schema {
    /// Returns an Avro schema, given its JSON.
    pub fn avro(text: impl Into<Arc<str>>) -> Self {
        Self::new(Format::Avro, text)
    }

    /// Returns a JSON Schema.
    pub fn json(text: impl Into<Arc<str>>) -> Self {
        Self::new(Format::Json, text)
    }

    /// Returns a Protobuf schema, given the text of a `.proto` file.
    pub fn protobuf(text: impl Into<Arc<str>>) -> Self {
        Self::new(Format::Protobuf, text)
    }

    /// Returns a schema of any format.
    pub fn new(format: Format, text: impl Into<Arc<str>>) -> Self {
        Self {
            format,
            text: text.into(),
            references: Arc::new([]),
            imports: Arc::new([]),
        }
    }

    /// Adds a reference to a schema that the registry already has.
    #[must_use]
    pub fn with_reference(mut self, reference: Reference) -> Self {
        self.references = self.references.iter().cloned().chain([reference]).collect();
        self
    }

    /// Adds a schema that this one refers to by `name` and that the registry may not have yet.
    ///
    /// When this schema is registered, the imported one is registered before it, with `name` as its subject.
    ///
    /// ```
    /// use rws_kafka_schema::Schema;
    ///
    /// let order = Schema::protobuf(
    ///     "syntax = \"proto3\"; import \"money.proto\"; message Order { Money total = 1; }",
    /// )
    /// .with_import(
    ///     "money.proto",
    ///     Schema::protobuf("syntax = \"proto3\"; message Money { int64 cents = 1; }"),
    /// );
    /// assert!(order.references().is_empty());
    /// ```
    #[must_use]
    pub fn with_import(mut self, name: impl Into<String>, schema: Schema) -> Self {
        let import = Import {
            name: name.into(),
            schema,
        };
        self.imports = self.imports.iter().cloned().chain([import]).collect();
        self
    }

    /// Returns the language of the schema.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Returns the schema's text, as it was written or as the registry returned it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the direct references to schemas that the registry has.
    pub fn references(&self) -> &[Reference] {
        &self.references
    }

    pub(crate) fn imports(&self) -> &[Import] {
        &self.imports
    }

    /// Returns the same schema with registered `references` instead of its imports.
    pub(crate) fn with_imports_as(&self, references: Vec<Reference>) -> Self {
        Self {
            references: self.references.iter().cloned().chain(references).collect(),
            imports: Arc::new([]),
            ..self.clone()
        }
    }
}

/// The reference of a schema to another one in the same registry.
///
/// In Avro, the name is the full name of a record; in Protobuf, the path of an import; in JSON Schema, the
/// URI of a `$ref`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    name: String,
    subject: String,
    version: u32,
}

impl Reference {
    /// Returns a reference: `name`, as the schema uses it, stands for `version` of `subject`.
    pub fn new(name: impl Into<String>, subject: impl Into<String>, version: u32) -> Self {
        Self {
            name: name.into(),
            subject: subject.into(),
            version,
        }
    }

    /// Returns the name that the schema uses.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the subject under which the other schema is registered.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Returns the version of that subject, from 1.
    pub fn version(&self) -> u32 {
        self.version
    }
}

/// A schema with everything that it refers to, directly or indirectly: enough to compile it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resolved {
    pub(crate) schema: Schema,
    /// Each schema occurs once, after those that it needs.
    pub(crate) dependencies: Vec<Dependency>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    /// The name that other schemas use: full name, import path or URI.
    pub(crate) name: String,
    pub(crate) text: Arc<str>,
}

impl From<&Schema> for Arc<str> {
    fn from(schema: &Schema) -> Self {
        Arc::clone(&schema.text)
    }
}

impl Resolved {
    /// Returns a schema without references.
    #[cfg(any(test, feature = "avro", feature = "json-schema", feature = "protobuf"))]
    pub(crate) fn alone(schema: Schema) -> Self {
        Self {
            schema,
            dependencies: Vec::new(),
        }
    }
}
