//! Reads dead letters as Spring Kafka does.

use std::collections::BTreeMap;

use super::Kafka;

impl Kafka {
    /// Reads `count` records of a topic, partition by partition from the beginning, by the names in
    /// Spring's own `KafkaHeaders` and with the types that Spring writes (Java, in the container).
    ///
    /// Each record has the `kafka_dlt-original-*` and `kafka_dlt-exception-*` headers that it
    /// carries, those of Spring's retry topics (`kafka_original-*`, `kafka_exception-*`,
    /// `retry_topic-*`), numbers in decimal; besides `key`, `value` (each unless null) and
    /// `timestamp`.
    ///
    /// # Panics
    ///
    /// Panics if a header is not of its type, a text is not UTF-8, or there are fewer records after
    /// 20 s.
    #[track_caller]
    pub fn read_as_spring(&self, topic: &str, count: usize) -> Vec<BTreeMap<String, String>> {
        let arguments = [self.inside_bootstrap(), topic, &count.to_string()];
        let output = self.run_class("SpringDeadLetter", &arguments);
        assert_eq!(
            output.code,
            0,
            "SpringDeadLetter {}\n{}{}",
            arguments.join(" "),
            output.stdout,
            output.stderr
        );
        records(&output.stdout)
    }
}

/// Returns the program's output: one line per field, and an empty line after each record.
fn records(output: &str) -> Vec<BTreeMap<String, String>> {
    let mut records = Vec::new();
    let mut record = BTreeMap::new();
    for line in output.lines() {
        if line.is_empty() {
            records.push(std::mem::take(&mut record));
        } else {
            let (name, value) = line
                .split_once('=')
                .unwrap_or_else(|| panic!("SpringDeadLetter wrote {line:?}, not name=value"));
            record.insert(name.to_owned(), unescaped(value));
        }
    }
    records
}

fn unescaped(value: &str) -> String {
    let mut text = String::new();
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        text.push(match c {
            '\\' => match chars.next() {
                Some('n') => '\n',
                Some('r') => '\r',
                Some('\\') => '\\',
                other => panic!("SpringDeadLetter wrote {value:?}, with \\ before {other:?}"),
            },
            c => c,
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_output_is_taken_apart() {
        let found = records("key=a=b\nvalue=one\\ntwo\\\\n\\r\n\nvalue=\n\n");
        let wanted = [
            BTreeMap::from([("key", "a=b"), ("value", "one\ntwo\\n\r")]),
            BTreeMap::from([("value", "")]),
        ]
        .map(|record| {
            record
                .into_iter()
                .map(|(n, v)| (n.to_owned(), v.to_owned()))
        });
        assert_eq!(found, wanted.map(Iterator::collect::<BTreeMap<_, _>>));
    }
}
