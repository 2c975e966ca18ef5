use crate::error::OutboxError;
use std::fmt;

/// The schema where the tables are when no other is named.
const DEFAULT: &str = "rws_kafka";
/// PostgreSQL's longest name, in bytes.
const MAX_LEN: usize = 63;

/// The name of the schema with the tables: 1 to 63 of `a-z`, `0-9` and `_`, no digit first.
///
/// ```
/// use rws_kafka_outbox::Schema;
///
/// assert_eq!(Schema::default().to_string(), "rws_kafka");
/// assert!(Schema::new("orders_events").is_ok());
/// assert!(Schema::new("orders; DROP").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema(String);

impl Schema {
    /// A name of your own.
    ///
    /// # Errors
    ///
    /// [`OutboxError::InvalidSchema`] tells what is allowed.
    pub fn new(name: impl Into<String>) -> Result<Self, OutboxError> {
        let name = name.into();
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let begins = name
            .as_bytes()
            .first()
            .is_some_and(|byte| !byte.is_ascii_digit());
        if begins && name.len() <= MAX_LEN && name.bytes().all(legal) {
            Ok(Self(name))
        } else {
            Err(OutboxError::InvalidSchema { found: name })
        }
    }

    /// `sql`, written for the default schema, for this one.
    pub(crate) fn sql(&self, sql: &str) -> String {
        // Quoted: the name may be a keyword.
        sql.replace("rws_kafka.", &format!("\"{}\".", self.0))
    }

    pub(crate) fn name(&self) -> &str {
        &self.0
    }
}

impl Default for Schema {
    fn default() -> Self {
        Self(DEFAULT.to_owned())
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_carry_sql_are_refused() {
        for name in ["", "1a", "A", "a b", "a\"", "a.b", "ä", &"a".repeat(64)] {
            assert!(Schema::new(name).is_err(), "{name:?}");
        }
        assert_eq!(
            Schema::new("user").unwrap().sql("rws_kafka.outbox"),
            "\"user\".outbox"
        );
    }
}
