//! Plans how to read with one schema what another one wrote. This is Avro's
//! [schema resolution](https://avro.apache.org/docs/1.12.0/specification/#schema-resolution), done once for two
//! schemas.
//!
//! If a branch of a union or a symbol of an enum does not resolve, only payloads that contain it are refused.
//! Everything else that does not resolve is refused when the plan is made.

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

/// Plans how to read payloads of `writer` with `reader`.
///
/// # Errors
///
/// [`AvroError::Unresolvable`], or [`AvroError::Schema`] if a default is needed and wrong.
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
