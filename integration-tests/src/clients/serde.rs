//! The settings of another client's serializer.

use serde_json::{Map, Value, json};

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Avro, binary.
    Avro,
    /// JSON with a JSON Schema.
    Json,
    /// Protobuf.
    Protobuf,
}

impl Format {
    /// Returns the name that registries use: `AVRO`, `JSON`, `PROTOBUF`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Avro => "AVRO",
            Self::Json => "JSON",
            Self::Protobuf => "PROTOBUF",
        }
    }
}

/// How another client writes or reads keys or values: format, schema, settings.
#[derive(Debug, Clone)]
#[must_use = "it does nothing until a client is given it"]
pub struct Serde {
    pub(super) format: Format,
    pub(super) schema: Option<String>,
    pub(super) message: Option<String>,
    pub(super) config: Map<String, Value>,
    references: Vec<Value>,
    imports: Map<String, Value>,
}

impl Serde {
    /// Uses Avro with this schema, to which a reader resolves the writer's.
    pub fn avro(schema: &str) -> Self {
        Self::new(Format::Avro, Some(schema), None)
    }

    /// Uses JSON that is validated against this JSON Schema.
    pub fn json(schema: &str) -> Self {
        Self::new(Format::Json, Some(schema), None)
    }

    /// A message of this full name (`shop.v1.Order.Line`) in this `.proto` text. Python registers
    /// it as a descriptor in base64, and reads without asking the registry.
    pub fn protobuf(schema: &str, message: &str) -> Self {
        Self::new(Format::Protobuf, Some(schema), Some(message))
    }

    /// Reads Avro or JSON, or any format of Glue, with the writer's schema alone.
    pub fn as_written(format: Format) -> Self {
        Self::new(format, None, None)
    }

    /// Names a schema that this one uses, and that is registered already: not for Protobuf, whose
    /// [imports](Self::import) a client registers itself.
    pub fn reference(mut self, name: &str, subject: &str, version: i64) -> Self {
        self.references
            .push(json!({"name": name, "subject": subject, "version": version}));
        self
    }

    /// Gives the text of a `.proto` file that this one imports.
    pub fn import(mut self, file: &str, text: &str) -> Self {
        self.imports.insert(file.to_owned(), text.into());
        self
    }

    /// Sets a property of the serialiser or deserialiser: `use.latest.version`, …; as
    /// `subject.name.strategy` Python takes `TOPIC`, `RECORD` and `TOPIC_RECORD`.
    pub fn config(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.config.insert(name.to_owned(), value.into());
        self
    }

    /// Returns the settings for Python's program.
    pub(super) fn specification(&self) -> Value {
        json!({
            "format": self.format.name(),
            "schema": self.schema,
            "message": self.message,
            "references": self.references,
            "imports": self.imports,
            "config": self.config,
        })
    }

    fn new(format: Format, schema: Option<&str>, message: Option<&str>) -> Self {
        Self {
            format,
            schema: schema.map(str::to_owned),
            message: message.map(str::to_owned),
            config: Map::new(),
            references: Vec::new(),
            imports: Map::new(),
        }
    }
}
