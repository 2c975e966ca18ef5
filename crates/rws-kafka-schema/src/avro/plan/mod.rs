//! How to read, by one schema, what another wrote: Avro's
//! [schema resolution](https://avro.apache.org/docs/1.12.0/specification/#schema-resolution),
//! done once for two schemas.
//!
//! Where a branch of a union or a symbol of an enum does not resolve, only a payload that has it is
//! refused; all else is refused when the plan is made.

mod fields;
mod matching;
mod planner;
mod resolve;

use super::error::AvroError;
use super::types::{Native, Types};
use planner::{Origin, Pair, Planner, Segment, Side};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StepId(u32);

#[derive(Debug)]
pub(super) struct Plan {
    steps: Vec<Step>,
}

impl Plan {
    pub(super) fn get(&self, id: StepId) -> &Step {
        &self.steps[id.0 as usize]
    }

    pub(super) fn root(&self) -> &Step {
        self.get(StepId(0))
    }
}

/// What the bytes are, and as what they are given.
#[derive(Debug)]
pub(super) enum Step {
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
    /// The writer's union: what each branch is to the reader.
    Union(Box<[StepId]>),
    /// A branch of the reader's union. For the enum within an option, the null does not count; it is
    /// no union then, if there is one other branch.
    Branch {
        index: u32,
        some: Option<u32>,
        value: StepId,
    },
    Record(RecordStep),
    /// What the reader has no place for.
    Never(AvroError),
}

/// The reader's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    Int,
    Long,
    Float,
    Double,
}

/// The reader's text or bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Text {
    Bytes,
    String,
    Uuid,
}

#[derive(Debug)]
pub(super) struct Symbols {
    /// The reader's symbol for each of the writer's, or that it has none.
    pub(super) given: Box<[Option<Arc<str>>]>,
    /// The writer's.
    pub(super) written: Box<[Arc<str>]>,
    /// The full name of the reader's.
    pub(super) reader: String,
    path: String,
}

impl Symbols {
    #[cold]
    pub(super) fn unknown(&self, index: usize) -> AvroError {
        let symbol = self.written.get(index).map_or("", |symbol| symbol);
        AvroError::Unresolvable {
            path: self.path.clone(),
            detail: format!(
                "symbol {symbol:?} is none of the reader's enum {}, which has no default",
                self.reader
            ),
        }
    }
}

#[derive(Debug)]
pub(super) struct RecordStep {
    pub(super) actions: Box<[Action]>,
    /// The reader's fields.
    pub(super) fields: usize,
    /// The values come in the order of the reader's fields.
    pub(super) in_order: bool,
    /// The reader's, without its namespace.
    pub(super) name: Box<str>,
    /// The writer's takes no byte.
    pub(super) empty: bool,
    pub(super) tuple: bool,
    pub(super) wraps: bool,
}

#[derive(Debug)]
pub(super) enum Action {
    Read {
        name: Arc<str>,
        step: StepId,
    },
    /// A field that the reader has not.
    Skip(StepId),
    /// A field that the writer has not.
    Default {
        name: Arc<str>,
        step: StepId,
        bytes: Arc<[u8]>,
    },
}

/// How to read `writer`'s payloads by `reader`; by themselves, if they are the same.
///
/// # Errors
///
/// [`AvroError::Unresolvable`]; [`AvroError::Schema`] for a default that is needed and is wrong.
pub(super) fn plan(writer: &Types, reader: &Types) -> Result<Plan, AvroError> {
    let mut planner = Planner {
        writer,
        reader,
        steps: Vec::new(),
        origins: Vec::new(),
        known: HashMap::new(),
        unions: HashMap::new(),
        fields: 0,
        open: VecDeque::new(),
    };
    let pair = Pair {
        writer: (Side::Writer, writer.root),
        reader: (Side::Reader, reader.root),
    };
    planner.step(
        pair,
        Origin {
            parent: None,
            segment: Segment::Same,
            sure: true,
        },
    )?;
    while let Some((pair, id)) = planner.open.pop_front() {
        planner.resolve(pair, id)?;
    }
    Ok(Plan {
        steps: planner.steps,
    })
}
