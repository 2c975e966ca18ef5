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
mod step;

pub(super) use step::{Action, Number, Plan, RecordStep, Step, Text};

use super::error::AvroError;
use super::types::Types;
use planner::{Origin, Pair, Planner, Segment, Side};
use std::collections::{HashMap, VecDeque};

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
