use crate::avro::error::{Fail, Outcome};
use crate::avro::types::DEPTH;
use crate::avro::varint;

pub(super) struct Output<'o> {
    pub(super) to: &'o mut Vec<u8>,
    /// How many levels of nesting are left.
    pub(super) depth: u32,
}

impl Output<'_> {
    pub(super) fn enter(&mut self) -> Outcome<()> {
        match self.depth.checked_sub(1) {
            Some(left) => self.depth = left,
            None => {
                return Err(Fail::value(format!("nested deeper than {DEPTH} levels")));
            }
        }
        Ok(())
    }

    pub(super) fn leave(&mut self) {
        self.depth += 1;
    }

    /// Appends bytes after their length.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        varint::write_length(bytes.len(), self.to);
        self.to.extend_from_slice(bytes);
    }
}
