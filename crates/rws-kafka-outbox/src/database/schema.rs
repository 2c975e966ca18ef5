use crate::error::OutboxError;
use std::fmt;

/// The default schema of the tables.
const DEFAULT: &str = "rws_kafka";
/// The maximum length of a name in PostgreSQL, in bytes.
const MAX_LEN: usize = 63;

/// The name of the schema with the tables: 1 to 63 characters of `a-z`, `0-9` and `_`, not starting with a
/// digit. Default: `rws_kafka`.
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
    /// Creates a schema name.
    ///
    /// # Errors
    ///
    /// [`OutboxError::InvalidSchema`], which says what is allowed.
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

    /// Returns `sql`, which is written for the default schema, for this schema.
    pub(crate) fn sql(&self, sql: &str) -> String {
        // Quoted, because the name may be a keyword.
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
