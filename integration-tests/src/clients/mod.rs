//! Clients by others, in a container: they write what ours reads, and read what ours writes.

mod glue;
mod metrics;
mod python;
mod serde;

use std::{collections::BTreeMap, sync::OnceLock};

use serde_json::{Value, json};
use testcontainers::{ImageExt, core::ExecCommand};

pub use self::{
    glue::{GlueCompression, JavaGlue},
    metrics::{Sample, parse_metrics},
    python::PythonClient,
    serde::{Format, Serde},
};
use crate::container::{Container, Image, until_ports_are_free};

const IMAGE: Image = Image {
    name: "rws-kafka/clients",
    tag: "2.16.0",
};
/// What Linux takes as one argument is 128 KiB.
const ARGUMENT_BYTES: usize = 100_000;

/// A record as another client read it.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientRecord {
    /// Where it was.
    pub partition: i32,
    /// Where it was.
    pub offset: i64,
    /// Its key: text, unless it was read with a [`Serde`]; `null` if it has none.
    pub key: Value,
    /// Its value; `null` if it has none.
    pub value: Value,
}

impl ClientRecord {
    /// Returns the values alone, by partition and offset.
    pub fn values(records: &[Self]) -> Vec<Value> {
        let sorted: BTreeMap<_, _> = records
            .iter()
            .map(|record| ((record.partition, record.offset), &record.value))
            .collect();
        sorted.into_values().cloned().collect()
    }
}

/// Runs a program in the container that those of one binary share.
///
/// # Errors
///
/// What it wrote to its standard error, if it fails.
///
/// # Panics
///
/// Panics if it cannot be run, or has not ended after 90 s.
#[track_caller]
fn run_client(program: &[&str], command: &str, what: &Value) -> Result<String, String> {
    static SHARED: OnceLock<Container> = OnceLock::new();
    let container = SHARED.get_or_init(|| {
        // In the machine's own network: brokers and registries are at the same `localhost:PORT` as
        // for a test.
        let request = || IMAGE.request().with_network("host");
        until_ports_are_free(|| {
            Container::start("the clients' container".to_owned(), IMAGE, request())
        })
    });
    let what = what.to_string();
    let mut arguments: Vec<&str> = program.to_vec();
    arguments.push(command);
    arguments.extend(pieces(&what));
    let shown = format!("{} {command}", program.join(" "));
    let output = container.run(&shown, ExecCommand::new(arguments));
    if output.code == 0 {
        return Ok(output.stdout);
    }
    Err(format!("{}{}", output.stdout, output.stderr))
}

/// Returns the records that a client wrote, one per line.
fn records(output: &str) -> Vec<ClientRecord> {
    let lines = output.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line)
            .unwrap_or_else(|error| panic!("{error}: a client wrote {line:?}"));
        ClientRecord {
            partition: line["partition"]
                .as_i64()
                .and_then(|number| number.try_into().ok())
                .expect("a partition"),
            offset: line["offset"].as_i64().expect("an offset"),
            key: line["key"].take(),
            value: line["value"].take(),
        }
    });
    lines.collect()
}

/// Returns a record for a client to send; `key` may be `null`.
fn record(key: &Value, value: &Value) -> Value {
    json!({"key": key, "value": value})
}

/// Cuts a text into arguments.
fn pieces(mut text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    while text.len() > ARGUMENT_BYTES {
        let (piece, rest) = text.split_at(boundary(text, ARGUMENT_BYTES));
        pieces.push(piece);
        text = rest;
    }
    pieces.push(text);
    pieces
}

/// Returns the last place between two characters of `text` that is not past `bytes`.
fn boundary(text: &str, bytes: usize) -> usize {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let text = "é".repeat(ARGUMENT_BYTES) + "x";
        let text = format!("x{text}");
        let pieces = pieces(&text);
        assert_eq!(pieces.len(), 3);
        assert_eq!(pieces.concat(), text);
    }
}
