use crate::avro::types::Record;
use std::collections::HashMap;

/// Returns the reader's field for each of the writer's fields, if there is one.
///
/// A field of the writer goes to the reader's field that has its name as an alias, unless the writer also
/// has a field with the name of that reader's field. Otherwise it goes to the reader's field with its own
/// name.
pub(super) fn targets(from: &Record, to: &Record) -> Vec<Option<usize>> {
    let written: HashMap<&str, usize> = by_name(from);
    let read: HashMap<&str, usize> = by_name(to);
    let mut targets = vec![None; from.fields.len()];
    for (target, field) in to.fields.iter().enumerate() {
        if written.contains_key(&*field.name) {
            continue;
        }
        let source = field
            .aliases
            .iter()
            .filter_map(|alias| written.get(alias.as_str()))
            .find(|source| targets[**source].is_none());
        if let Some(source) = source {
            targets[*source] = Some(target);
        }
    }
    for (target, field) in targets.iter_mut().zip(&from.fields) {
        if target.is_none() {
            *target = read.get(&*field.name).copied();
        }
    }
    targets
}

fn by_name(record: &Record) -> HashMap<&str, usize> {
    let names = record.fields.iter().map(|field| &*field.name);
    names.zip(0..).collect()
}
