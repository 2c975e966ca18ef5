use crate::record::Record;
use std::ops::Range;

/// A buffer for records that may be sent later. When it is reused, it allocates nothing.
#[derive(Debug, Default)]
pub struct RecordBuffer {
    data: Vec<u8>,
    headers: Vec<(Range<usize>, Option<Range<usize>>)>,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    topic: Range<usize>,
    key: Option<Range<usize>>,
    payload: Option<Range<usize>>,
    headers: Range<usize>,
    partition: Option<i32>,
    timestamp_ms: Option<i64>,
}

impl RecordBuffer {
    /// Copies `record` to the end.
    pub fn push(&mut self, record: &Record<'_>) {
        let topic = self.copy(record.topic.as_bytes());
        let key = record.key.map(|key| self.copy(key));
        let payload = record.payload.map(|payload| self.copy(payload));
        let first = self.headers.len();
        for (name, value) in &record.headers {
            let name = self.copy(name.as_bytes());
            let value = value.map(|value| self.copy(value));
            self.headers.push((name, value));
        }
        self.entries.push(Entry {
            topic,
            key,
            payload,
            headers: first..self.headers.len(),
            partition: record.partition,
            timestamp_ms: record.timestamp_ms,
        });
    }

    /// Returns an iterator over the records, in order.
    pub fn iter(&self) -> impl Iterator<Item = Record<'_>> {
        self.entries.iter().map(|entry| Record {
            topic: self.text(&entry.topic),
            key: entry.key.as_ref().map(|key| self.bytes(key)),
            payload: entry.payload.as_ref().map(|payload| self.bytes(payload)),
            headers: self.headers[entry.headers.clone()]
                .iter()
                .map(|(name, value)| {
                    let value = value.as_ref().map(|value| self.bytes(value));
                    (self.text(name), value)
                })
                .collect(),
            partition: entry.partition,
            timestamp_ms: entry.timestamp_ms,
        })
    }

    /// Returns the number of records.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns `true` if there are no records.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Removes all records, and keeps up to 1 MiB of memory for reuse.
    pub fn clear(&mut self) {
        const KEPT: usize = 1 << 20;
        self.entries.clear();
        self.headers.clear();
        self.data.clear();
        self.data.shrink_to(KEPT);
    }

    fn copy(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.data.len();
        self.data.extend_from_slice(bytes);
        start..self.data.len()
    }

    fn bytes(&self, range: &Range<usize>) -> &[u8] {
        &self.data[range.clone()]
    }

    fn text(&self, range: &Range<usize>) -> &str {
        // Copied from a `str`.
        std::str::from_utf8(self.bytes(range)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out_and_a_second_use_starts_anew() {
        let mut buffer = RecordBuffer::default();
        for round in 0..2 {
            assert!(buffer.is_empty());
            let tombstone = Record::to("a").key("k").partition(3);
            let full = Record::to("bc")
                .payload("")
                .header("n", "v")
                .header("n", &None::<&str>)
                .timestamp_ms(round);
            let records = [tombstone, full, Record::to("d")];
            records.iter().for_each(|record| buffer.push(record));
            assert_eq!(buffer.len(), 3);
            let out: Vec<String> = buffer.iter().map(|record| format!("{record:?}")).collect();
            assert_eq!(out, records.map(|record| format!("{record:?}")));
            buffer.clear();
        }
    }
}
