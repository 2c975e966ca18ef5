//! Implements the specification's rules of schema resolution.

use super::fields;
use super::matching::{matches, same_name};
use super::planner::{Origin, Pair, Planner, STEPS, Segment};
use super::step::{Action, Number, RecordStep, Step, StepId, Symbols, Text};
use crate::avro::error::AvroError;
use crate::avro::types::{Type, TypeId};
use std::collections::HashSet;

impl Planner<'_> {
    pub(super) fn resolve(&mut self, pair: Pair, at: StepId) -> Result<(), AvroError> {
        let (writer, reader) = (self.ty(pair.writer), self.ty(pair.reader));
        let step = match (writer, reader) {
            (Type::Union(branches), _) => return self.writers_union(pair, branches, at),
            (_, Type::Union(branches)) => return self.readers_union(pair, branches, at),
            (Type::Null, Type::Null) => Step::Null,
            (Type::Boolean, Type::Boolean) => Step::Boolean,
            (Type::Int, Type::Int) => Step::Int(Number::Int),
            (Type::Int, Type::Long) => Step::Int(Number::Long),
            (Type::Int, Type::Float) => Step::Int(Number::Float),
            (Type::Int, Type::Double) => Step::Int(Number::Double),
            (Type::Long, Type::Long) => Step::Long(Number::Long),
            (Type::Long, Type::Float) => Step::Long(Number::Float),
            (Type::Long, Type::Double) => Step::Long(Number::Double),
            (Type::Float, Type::Float) => Step::Float(Number::Float),
            (Type::Float, Type::Double) => Step::Float(Number::Double),
            (Type::Double, Type::Double) => Step::Double,
            (Type::Bytes(Some(from)), Type::Bytes(Some(to))) if from != to => {
                return self.never(at, scales(from.scale, to.scale));
            }
            (Type::Bytes(_), Type::Bytes(_)) => Step::Bytes(Text::Bytes),
            (Type::Bytes(_), Type::String { uuid }) => Step::Bytes(text(*uuid)),
            (Type::String { .. }, Type::Bytes(_)) => Step::String(Text::Bytes),
            (Type::String { .. }, Type::String { uuid }) => Step::String(text(*uuid)),
            (Type::Array(from), Type::Array(to)) => {
                let pair = inner(pair, *from, *to);
                let items = self.step(pair, self.child(at, Segment::Items))?;
                let empty = self.types(pair.writer.0).is_empty(*from);
                Step::Array { items, empty }
            }
            (Type::Map(from), Type::Map(to)) => {
                let pair = inner(pair, *from, *to);
                Step::Map(self.step(pair, self.child(at, Segment::Items))?)
            }
            (from, to) if from.kind() == to.kind() && same_name(from, to).is_some() => {
                return self.named(pair, at);
            }
            (from, to) => return self.never(at, meet(from, to)),
        };
        self.steps[at.0 as usize] = step;
        Ok(())
    }

    /// Resolves two types of the same kind and name.
    fn named(&mut self, pair: Pair, at: StepId) -> Result<(), AvroError> {
        let step = match (self.ty(pair.writer), self.ty(pair.reader)) {
            (Type::Fixed(from), Type::Fixed(to)) => {
                if from.size != to.size {
                    let detail = format!("written with {} bytes, read with {}", from.size, to.size);
                    return self.never(at, detail);
                }
                if let (Some(from), Some(to)) = (from.decimal, to.decimal)
                    && from != to
                {
                    return self.never(at, scales(from.scale, to.scale));
                }
                Step::Fixed {
                    size: from.size,
                    native: to.native,
                }
            }
            (Type::Enum(from), Type::Enum(to)) => {
                let default = to.default.and_then(|at| to.symbols.get(at as usize));
                let known: HashSet<&str> = to.symbols.iter().map(|symbol| &**symbol).collect();
                let given = from.symbols.iter().map(|symbol| {
                    let symbol = known.contains(&**symbol).then_some(symbol);
                    symbol.or(default).cloned()
                });
                Step::Enum(Symbols {
                    given: given.collect(),
                    written: from.symbols.iter().cloned().collect(),
                    reader: to.names.full.clone(),
                    path: self.path(Some(at)),
                })
            }
            (Type::Record(_), Type::Record(_)) => return self.record(pair, at),
            (from, to) => return self.never(at, meet(from, to)),
        };
        self.steps[at.0 as usize] = step;
        Ok(())
    }

    fn record(&mut self, pair: Pair, at: StepId) -> Result<(), AvroError> {
        let (Type::Record(from), Type::Record(to)) = (self.ty(pair.writer), self.ty(pair.reader))
        else {
            return Ok(());
        };
        self.fields += from.fields.len() + to.fields.len();
        if self.fields > STEPS {
            return Err(self.too_many(Some(at)));
        }
        let targets = fields::targets(from, to);
        let mut actions = Vec::with_capacity(from.fields.len());
        let mut filled = vec![false; to.fields.len()];
        let mut last = None;
        let mut in_order = true;
        for (field, target) in from.fields.iter().zip(targets) {
            let segment = Segment::Field(field.name.clone());
            let Some(target) = target else {
                // Read with the writer's own schema, to find its end.
                let itself = (pair.writer.0, field.ty);
                let pair = Pair {
                    writer: itself,
                    reader: itself,
                };
                let step = self.step(pair, self.child(at, segment))?;
                actions.push(Action::Skip(step));
                continue;
            };
            in_order &= last.is_none_or(|last| last < target);
            last = Some(target);
            filled[target] = true;
            let name = to.fields[target].name.clone();
            let segment = Segment::Field(name.clone());
            let pair = inner(pair, field.ty, to.fields[target].ty);
            let step = self.step(pair, self.child(at, segment))?;
            actions.push(Action::Read { name, step });
        }
        for (position, field) in to.fields.iter().enumerate() {
            if filled[position] {
                continue;
            }
            in_order &= last.is_none_or(|last| last < position);
            last = Some(position);
            let bytes = match &field.default {
                Some(Ok(bytes)) => bytes.clone(),
                Some(Err(error)) => return Err(error.clone()),
                None => {
                    let detail = format!(
                        "the reader's field {:?} is not in the writer's {}, and has no default",
                        field.name, from.names.full
                    );
                    return self.missing(at, &field.name, detail);
                }
            };
            let itself = (pair.reader.0, field.ty);
            let pair = Pair {
                writer: itself,
                reader: itself,
            };
            let segment = Segment::Field(field.name.clone());
            let step = self.step(pair, self.child(at, segment))?;
            actions.push(Action::Default {
                name: field.name.clone(),
                step,
                bytes,
            });
        }
        self.steps[at.0 as usize] = Step::Record(RecordStep {
            actions: actions.into(),
            fields: to.fields.len(),
            in_order,
            name: to.names.short().into(),
            empty: from.empty,
            tuple: to.tuple,
            wraps: to.wraps,
        });
        Ok(())
    }

    fn missing(&mut self, at: StepId, field: &str, detail: String) -> Result<(), AvroError> {
        let path = match self.path(Some(at)) {
            path if path.is_empty() => field.to_owned(),
            path => format!("{path}.{field}"),
        };
        let error = AvroError::Unresolvable { path, detail };
        if self.origins[at.0 as usize].sure {
            return Err(error);
        }
        self.steps[at.0 as usize] = Step::Never(error);
        Ok(())
    }

    /// Resolves a union of the writer: each branch separately.
    fn writers_union(
        &mut self,
        pair: Pair,
        branches: &[TypeId],
        at: StepId,
    ) -> Result<(), AvroError> {
        let to = self.ty(pair.reader);
        let targets = self.branches(pair.reader);
        let possible = branches.iter().any(|branch| {
            let from = self.types(pair.writer.0).get(*branch);
            match to {
                Type::Union(_) => targets.choose(from).is_some(),
                _ => matches(from, to).is_some(),
            }
        });
        if !possible {
            let from = self.ty(pair.writer);
            return self.never(at, meet(from, to));
        }
        let mut steps = Vec::with_capacity(branches.len());
        for branch in branches {
            let pair = Pair {
                writer: (pair.writer.0, *branch),
                ..pair
            };
            let origin = Origin {
                sure: false,
                ..self.child(at, Segment::Same)
            };
            steps.push(self.step(pair, origin)?);
        }
        self.steps[at.0 as usize] = Step::Union(steps.into());
        Ok(())
    }

    /// Resolves a union of the reader with another type of the writer.
    fn readers_union(
        &mut self,
        pair: Pair,
        branches: &[TypeId],
        at: StepId,
    ) -> Result<(), AvroError> {
        let from = self.ty(pair.writer);
        let targets = self.branches(pair.reader);
        let Some(index) = targets.choose(from) else {
            let detail = meet(from, self.ty(pair.reader));
            return self.never(at, detail);
        };
        let pair = Pair {
            reader: (pair.reader.0, branches[index]),
            ..pair
        };
        let value = self.step(pair, self.child(at, Segment::Same))?;
        // Not truncated: each unnamed kind occurs once in a union, and there are fewer names than that.
        let index = index as u32;
        let some = match targets.null() {
            Some(_) if branches.len() == 2 => None,
            Some(null) if null < index as usize => Some(index - 1),
            _ => Some(index),
        };
        self.steps[at.0 as usize] = Step::Branch { index, some, value };
        Ok(())
    }
}

fn inner(pair: Pair, writer: TypeId, reader: TypeId) -> Pair {
    Pair {
        writer: (pair.writer.0, writer),
        reader: (pair.reader.0, reader),
    }
}

fn text(uuid: bool) -> Text {
    if uuid { Text::Uuid } else { Text::String }
}

fn meet(from: &Type, to: &Type) -> String {
    format!("written as {from}, read as {to}")
}

fn scales(from: u64, to: u64) -> String {
    format!("a decimal written with scale {from}, read with scale {to}")
}
