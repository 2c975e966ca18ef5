//! Schemas as registries keep them.

use std::fmt;
use std::sync::Arc;

/// What a schema is written in.
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

/// A schema's text and what it refers to. Cheap to clone.
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

/// A schema that another one brings along.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Import {
    pub(crate) name: String,
    pub(crate) schema: Schema,
}

impl Schema {
    /// A schema in Avro's JSON.
    pub fn avro(text: impl Into<Arc<str>>) -> Self {
        Self::new(Format::Avro, text)
    }

    /// A schema in JSON Schema.
    pub fn json(text: impl Into<Arc<str>>) -> Self {
        Self::new(Format::Json, text)
    }

    /// The text of a `.proto` file.
    pub fn protobuf(text: impl Into<Arc<str>>) -> Self {
        Self::new(Format::Protobuf, text)
    }

    /// A schema of any format.
    pub fn new(format: Format, text: impl Into<Arc<str>>) -> Self {
        Self {
            format,
            text: text.into(),
            references: Arc::new([]),
            imports: Arc::new([]),
        }
    }

    /// One more schema that this one refers to.
    #[must_use]
    pub fn with_reference(mut self, reference: Reference) -> Self {
        self.references = self.references.iter().cloned().chain([reference]).collect();
        self
    }

    /// One more schema that this one refers to by `name`, for registries that do not have it yet: where
    /// this one is registered, that one is before it, with `name` as its subject.
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

    /// What it is written in.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Its text, as it was written or as the registry gave it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it refers to in the registry, directly.
    pub fn references(&self) -> &[Reference] {
        &self.references
    }

    pub(crate) fn imports(&self) -> &[Import] {
        &self.imports
    }

    /// The same with registered `references` in place of its imports.
    pub(crate) fn with_imports_as(&self, references: Vec<Reference>) -> Self {
        Self {
            references: self.references.iter().cloned().chain(references).collect(),
            imports: Arc::new([]),
            ..self.clone()
        }
    }
}

/// How one schema names another that its registry keeps.
///
/// The name is the full name of a record in Avro, the path of an import in Protobuf, and the URI of
/// a `$ref` in JSON Schema.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    name: String,
    subject: String,
    version: u32,
}

impl Reference {
    /// `name`, as the schema says it, stands for this version of this subject.
    pub fn new(name: impl Into<String>, subject: impl Into<String>, version: u32) -> Self {
        Self {
            name: name.into(),
            subject: subject.into(),
            version,
        }
    }

    /// How the schema says it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The subject it is registered under.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The version of that subject, from 1.
    pub fn version(&self) -> u32 {
        self.version
    }
}

/// A schema with all that it refers to, directly or not: enough to compile it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resolved {
    pub(crate) schema: Schema,
    /// Each after those it needs itself, and once.
    pub(crate) dependencies: Vec<Dependency>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    /// How others say it: full name, import path or URI.
    pub(crate) name: String,
    pub(crate) text: Arc<str>,
}

impl From<&Schema> for Arc<str> {
    fn from(schema: &Schema) -> Self {
        Arc::clone(&schema.text)
    }
}

impl Resolved {
    /// A schema that refers to nothing.
    #[cfg(any(test, feature = "avro", feature = "json-schema", feature = "protobuf"))]
    pub(crate) fn alone(schema: Schema) -> Self {
        Self {
            schema,
            dependencies: Vec::new(),
        }
    }
}
