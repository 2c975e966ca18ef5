//! The steps to read each part of a payload.

use crate::avro::error::AvroError;
use crate::avro::types::Native;
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::avro) struct StepId(pub(super) u32);

#[derive(Debug)]
pub(in crate::avro) struct Plan {
    pub(super) steps: Vec<Step>,
}

impl Plan {
    pub(in crate::avro) fn get(&self, id: StepId) -> &Step {
        &self.steps[id.0 as usize]
    }

    pub(in crate::avro) fn root(&self) -> &Step {
        self.get(StepId(0))
    }
}

/// The encoding of the bytes, and the type as which they are returned.
#[derive(Debug)]
pub(in crate::avro) enum Step {
    Null,
    Boolean,
    Int(Number),
    Long(Number),
    Float(Number),
    Double,
    Bytes(Text),
    String(Text),
    Fixed {
        size: usize,
        native: Native,
    },
    Enum(Symbols),
    Array {
        items: StepId,
        empty: bool,
    },
    Map(StepId),
    /// A union of the writer, with the step for each branch.
    Union(Box<[StepId]>),
    /// A branch of the reader's union. For an enum inside an option, `some` does not count the null branch.
    /// It is `None` if there is only one other branch, because that is not a union then.
    Branch {
        index: u32,
        some: Option<u32>,
        value: StepId,
    },
    Record(RecordStep),
    /// A value that the reader has no place for.
    Never(AvroError),
}

/// The reader's type of number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::avro) enum Number {
    Int,
    Long,
    Float,
    Double,
}

/// The reader's type of text or bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::avro) enum Text {
    Bytes,
    String,
    Uuid,
}

#[derive(Debug)]
pub(in crate::avro) struct Symbols {
    /// The reader's symbol for each of the writer's symbols, or `None` if it has none.
    pub(in crate::avro) given: Box<[Option<Arc<str>>]>,
    /// The writer's symbols.
    pub(in crate::avro) written: Box<[Arc<str>]>,
    /// The full name of the reader's enum.
    pub(in crate::avro) reader: String,
    pub(super) path: String,
}

impl Symbols {
    #[cold]
    pub(in crate::avro) fn unknown(&self, index: usize) -> AvroError {
        let symbol = self.written.get(index).map_or("", |symbol| symbol);
        AvroError::Unresolvable {
            path: self.path.clone(),
            detail: format!(
                "symbol {symbol:?} is not in the reader's enum {}, which has no default",
                self.reader
            ),
        }
    }
}

#[derive(Debug)]
pub(in crate::avro) struct RecordStep {
    pub(in crate::avro) actions: Box<[Action]>,
    /// The number of the reader's fields.
    pub(in crate::avro) fields: usize,
    /// The values come in the order of the reader's fields.
    pub(in crate::avro) in_order: bool,
    /// The name of the reader's record, without its namespace.
    pub(in crate::avro) name: Box<str>,
    /// The writer's record takes no bytes.
    pub(in crate::avro) empty: bool,
    pub(in crate::avro) tuple: bool,
    pub(in crate::avro) wraps: bool,
}

#[derive(Debug)]
pub(in crate::avro) enum Action {
    Read {
        name: Arc<str>,
        step: StepId,
    },
    /// A field that the reader does not have.
    Skip(StepId),
    /// A field that the writer does not have.
    Default {
        name: Arc<str>,
        step: StepId,
        bytes: Arc<[u8]>,
    },
}
