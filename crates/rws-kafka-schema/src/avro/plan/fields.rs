use crate::avro::types::Record;
use std::collections::HashMap;

/// The reader's field for each of the writer's, if it has one.
///
/// As if the writer's fields had the reader's names: a field goes to the one that has its name
/// as an alias, unless the writer has one of that name itself; else to the one of its name.
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
