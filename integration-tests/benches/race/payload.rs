use crate::messages::messages;
use std::io::Write;
use std::path::Path;
use tempfile::NamedTempFile;

/// How many different payloads there are of a size.
const DIFFERENT: usize = 1000;

#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) name: &'static str,
    bytes: usize,
    /// So many that a run takes a second or more.
    messages: usize,
    payload: fn(usize, usize) -> String,
}

pub(crate) const SIZES: [Size; 3] = [
    Size {
        name: "100B",
        bytes: 100,
        messages: 1_000_000,
        payload: digits,
    },
    Size {
        name: "300B",
        bytes: 300,
        messages: 1_000_000,
        payload: order,
    },
    Size {
        name: "1KB",
        bytes: 1024,
        messages: 500_000,
        payload: digits,
    },
];

/// What is sent: the same for all.
pub(crate) struct Payload {
    pub(crate) name: &'static str,
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
    lines: Vec<String>,
    file: NamedTempFile,
}

impl Payload {
    pub(crate) fn new(size: Size) -> Self {
        let lines: Vec<String> = (0..DIFFERENT)
            .map(|number| (size.payload)(number, size.bytes))
            .collect();
        assert!(lines.iter().all(|line| line.len() == size.bytes));
        let mut file = NamedTempFile::new().expect("a file");
        let text = lines.join("\n");
        file.write_all(text.as_bytes()).expect("payloads in it");
        Self {
            name: size.name,
            messages: messages().unwrap_or(size.messages),
            bytes: size.bytes,
            lines,
            file,
        }
    }

    /// The payload of the message with this number.
    pub(crate) fn of(&self, number: usize) -> &str {
        &self.lines[number % self.lines.len()]
    }

    /// Holds all payloads, a line each.
    pub(crate) fn file(&self) -> &Path {
        self.file.path()
    }
}

fn digits(number: usize, bytes: usize) -> String {
    format!("{number:0>bytes$}")
}

fn order(number: usize, bytes: usize) -> String {
    let (customer, cents) = (number * 7919 % 100_000, number * 31 % 20_000 + 499);
    let (first, second) = (number * 17 % 5000, number * 23 % 5000);
    let order = format!(
        r#"{{"event":"order.created","order_id":{number},"customer_id":{customer},"currency":"EUR","#
    );
    let items = format!(r#""items":[{{"sku":"SKU-{first:05}","quantity":1,"cents":{cents}}},"#)
        + &format!(r#"{{"sku":"SKU-{second:05}","quantity":2,"cents":1250}}],"#);
    let time = format!(
        r#""at":"2026-11-30T12:{:02}:{:02}Z","#,
        number / 60 % 60,
        number % 60
    );
    let start = order + &items + &time + r#""note":""#;
    let note = "please leave it with the neighbours if nobody answers the door at noon "
        .chars()
        .cycle();
    let note: String = note.take(bytes - start.len() - 2).collect();
    format!("{start}{note}\"}}")
}
