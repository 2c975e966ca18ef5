use super::matching::Branches;
use super::step::{Step, StepId};
use crate::avro::error::AvroError;
use crate::avro::types::{Type, TypeId, Types};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

/// The maximum number of pairs of types, and of fields in them. Texts of a megabyte could have millions.
pub(super) const STEPS: usize = 1 << 18;
/// The maximum length of a path in an error, in bytes.
const PATH: usize = 256;

/// The schema that a type of a pair belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Side {
    Writer,
    Reader,
}

/// A type of the writer and a type of the reader that stand in the same place.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Pair {
    pub(super) writer: (Side, TypeId),
    pub(super) reader: (Side, TypeId),
}

/// The place of a step, for errors.
pub(super) struct Origin {
    pub(super) parent: Option<StepId>,
    pub(super) segment: Segment,
    /// Every payload reaches it, except those that are empty there.
    pub(super) sure: bool,
}

pub(super) enum Segment {
    Same,
    Items,
    Field(Arc<str>),
}

pub(super) struct Planner<'a> {
    pub(super) writer: &'a Types,
    pub(super) reader: &'a Types,
    pub(super) steps: Vec<Step>,
    pub(super) origins: Vec<Origin>,
    pub(super) known: HashMap<Pair, StepId>,
    /// The reader's unions that were found so far.
    pub(super) unions: HashMap<(Side, TypeId), Rc<Branches<'a>>>,
    /// The number of fields in all records.
    pub(super) fields: usize,
    /// The work left. Kept in a list, because types can refer to each other in chains of any length.
    pub(super) open: VecDeque<(Pair, StepId)>,
}

impl<'a> Planner<'a> {
    pub(super) fn ty(&self, (side, id): (Side, TypeId)) -> &'a Type {
        self.types(side).get(id)
    }

    pub(super) fn types(&self, side: Side) -> &'a Types {
        match side {
            Side::Writer => self.writer,
            Side::Reader => self.reader,
        }
    }

    pub(super) fn step(&mut self, pair: Pair, origin: Origin) -> Result<StepId, AvroError> {
        if let Some(id) = self.known.get(&pair) {
            return Ok(*id);
        }
        let id = self.add(Step::Null, origin)?;
        self.known.insert(pair, id);
        self.open.push_back((pair, id));
        Ok(id)
    }

    pub(super) fn add(&mut self, step: Step, origin: Origin) -> Result<StepId, AvroError> {
        if self.steps.len() >= STEPS {
            return Err(self.too_many(origin.parent));
        }
        // Not truncated, because there are fewer steps.
        let id = StepId(self.steps.len() as u32);
        self.steps.push(step);
        self.origins.push(origin);
        Ok(id)
    }

    pub(super) fn too_many(&self, at: Option<StepId>) -> AvroError {
        AvroError::Unresolvable {
            path: self.path(at),
            detail: format!("the schemas have more than {STEPS} pairs of types or fields"),
        }
    }

    pub(super) fn child(&self, parent: StepId, segment: Segment) -> Origin {
        Origin {
            parent: Some(parent),
            segment,
            sure: self.origins[parent.0 as usize].sure,
        }
    }

    /// Returns the path, or only its end, because chains of types can have any length.
    pub(super) fn path(&self, mut at: Option<StepId>) -> String {
        let mut segments = Vec::new();
        let mut length = 0;
        while let Some(id) = at
            && length < PATH
        {
            let origin = &self.origins[id.0 as usize];
            match &origin.segment {
                Segment::Same => {}
                Segment::Items => segments.push("[]"),
                Segment::Field(name) => segments.push(name),
            }
            length += segments.last().map_or(0, |last| last.len()) + 1;
            at = origin.parent;
        }
        let mut path = String::new();
        if at.is_some() {
            path.push('…');
        }
        for segment in segments.iter().rev() {
            if !path.is_empty() && *segment != "[]" {
                path.push('.');
            }
            path.push_str(segment);
        }
        path
    }

    pub(super) fn unresolvable(&self, at: StepId, detail: impl Into<String>) -> AvroError {
        AvroError::Unresolvable {
            path: self.path(Some(at)),
            detail: detail.into(),
        }
    }

    /// Refuses now what every payload contains; otherwise refuses only payloads that contain it.
    pub(super) fn never(&mut self, at: StepId, detail: impl Into<String>) -> Result<(), AvroError> {
        let error = self.unresolvable(at, detail);
        if self.origins[at.0 as usize].sure {
            return Err(error);
        }
        self.steps[at.0 as usize] = Step::Never(error);
        Ok(())
    }

    /// Returns the branches of a union; none for other types.
    pub(super) fn branches(&mut self, union: (Side, TypeId)) -> Rc<Branches<'a>> {
        let types = self.types(union.0);
        let branches = self
            .unions
            .entry(union)
            .or_insert_with(|| Rc::new(Branches::new(types, union.1)));
        Rc::clone(branches)
    }
}
