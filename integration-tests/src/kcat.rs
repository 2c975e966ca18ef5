//! Reads and writes with `kcat`, a client without our code.

use serde_json::Value;

use crate::{
    kafka::Brokers,
    program::{DEADLINE, run_program},
};

/// A message of text as `kcat` read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KcatRecord {
    /// The partition it is in.
    pub partition: i64,
    /// Its place in the partition.
    pub offset: i64,
    /// Milliseconds since 1970.
    pub timestamp_ms: i64,
    /// `None` where it has none.
    pub key: Option<String>,
    /// `None` for a tombstone.
    pub payload: Option<String>,
    /// The headers, in their order.
    pub headers: Vec<(String, Option<String>)>,
}

impl KcatRecord {
    fn of(line: &str) -> Self {
        let message: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        let number = |name: &str| message[name].as_i64().expect("a number");
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let headers = message.get("headers").and_then(Value::as_array);
        Self {
            partition: number("partition"),
            offset: number("offset"),
            timestamp_ms: number("ts"),
            key: text(&message["key"]),
            payload: text(&message["payload"]),
            // Names and values alternate.
            headers: headers.map_or_else(Vec::new, |flat| {
                flat.chunks(2)
                    .map(|pair| (text(&pair[0]).expect("a name"), text(&pair[1])))
                    .collect()
            }),
        }
    }
}

impl Brokers {
    /// Returns all messages of a topic whose keys, payloads and headers are text, as `kcat` reads
    /// them.
    ///
    /// # Panics
    ///
    /// As [`kcat`] does, and when it writes no JSON.
    #[track_caller]
    pub fn read_with_kcat(&self, topic: &str) -> Vec<KcatRecord> {
        let output = self.kcat(&["-C", "-e", "-q", "-o", "beginning", "-J", "-t", topic]);
        let output = String::from_utf8(output).expect("JSON is text");
        output.lines().map(KcatRecord::of).collect()
    }

    /// Returns all messages of a topic in a format of `kcat`'s, those of a partition in their
    /// order.
    ///
    /// # Panics
    ///
    /// As [`kcat`] does.
    #[track_caller]
    pub fn format_with_kcat(&self, topic: &str, format: &str) -> Vec<u8> {
        let from = ["-C", "-e", "-q", "-o", "beginning"];
        self.kcat(&[&from[..], &["-f", format, "-t", topic]].concat())
    }
}

/// Runs `kcat` with `arguments` and returns what it wrote to its output.
///
/// # Panics
///
/// Panics if `kcat` is not installed, fails, or has not ended after 30 s.
#[track_caller]
pub fn kcat(arguments: &[&str]) -> Vec<u8> {
    kcat_with_input(arguments, b"")
}

/// Runs `kcat` with `arguments` and `input`, and returns what it wrote to its output.
///
/// # Panics
///
/// Panics if `kcat` is not installed, fails, or has not ended after 30 s.
#[track_caller]
pub fn kcat_with_input(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let (status, output, errors) = run_program("kcat", arguments, input);
    match status {
        Some(status) if status.success() => output,
        Some(status) => panic!("kcat {}: {status}\n{errors}", arguments.join(" ")),
        None => panic!(
            "kcat {} did not end within {DEADLINE:?}\n{errors}",
            arguments.join(" ")
        ),
    }
}
