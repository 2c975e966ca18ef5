//! The definition of an order.

use serde::Serialize;
use serde_json::{Map, Value};

const FIELDS: [&str; 3] = ["order_id", "user_id", "amount_cents"];

/// The most characters of an invalid value that an error shows.
const SHOWN: usize = 40;

/// An order, as it is posted and as it travels through Kafka.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Order {
    pub(crate) order_id: u64,
    pub(crate) user_id: u64,
    pub(crate) amount_cents: u64,
}

impl Order {
    /// Reads `{"order_id":1,"user_id":42,"amount_cents":9900}`.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, InvalidOrder> {
        let value: Value = serde_json::from_slice(json)?;
        let Value::Object(fields) = &value else {
            return Err(InvalidOrder::NoObject {
                found: shown(&value),
            });
        };
        let order = Self {
            order_id: number(fields, "order_id")?,
            user_id: number(fields, "user_id")?,
            amount_cents: number(fields, "amount_cents")?,
        };
        match fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
            None => Ok(order),
            Some(name) => Err(InvalidOrder::Unknown {
                field: shorten(name),
            }),
        }
    }

    pub(crate) fn to_json(self) -> String {
        serde_json::to_string(&self).expect("three numbers are always JSON")
    }
}

/// Why something is not an order.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidOrder {
    #[error("not JSON: {0}")]
    NoJson(#[from] serde_json::Error),
    #[error("an order is an object, found {found}")]
    NoObject { found: String },
    #[error("{field} is missing")]
    Missing { field: &'static str },
    #[error("{field} must be an integer from 0 to {max}, found {found}", max = u64::MAX)]
    NoNumber { field: &'static str, found: String },
    #[error("{field:?} is not a field of an order, which has {fields}", fields = FIELDS.join(", "))]
    Unknown { field: String },
}

fn number(fields: &Map<String, Value>, field: &'static str) -> Result<u64, InvalidOrder> {
    let value = fields.get(field).ok_or(InvalidOrder::Missing { field })?;
    value.as_u64().ok_or_else(|| InvalidOrder::NoNumber {
        field,
        found: shown(value),
    })
}

fn shown(value: &Value) -> String {
    match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "an array".to_owned(),
        other => shorten(&other.to_string()),
    }
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(json: &str) -> String {
        Order::parse(json.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn an_order_survives_the_way_through_kafka() {
        let order = Order {
            order_id: 1,
            user_id: 42,
            amount_cents: u64::MAX,
        };
        assert_eq!(Order::parse(order.to_json().as_bytes()).unwrap(), order);
    }

    #[test]
    fn what_is_no_order_is_refused_with_the_field_and_what_was_found() {
        assert!(reason("").starts_with("not JSON: "));
        assert!(reason("{").starts_with("not JSON: "));
        assert!(reason("\u{0}").starts_with("not JSON: "));
        assert_eq!(reason("[1]"), "an order is an object, found an array");
        assert_eq!(
            reason(r#"{"order_id":1,"user_id":42}"#),
            "amount_cents is missing"
        );
        assert_eq!(
            reason(r#"{"order_id":"1","user_id":42,"amount_cents":1}"#),
            r#"order_id must be an integer from 0 to 18446744073709551615, found "1""#
        );
        assert_eq!(
            reason(r#"{"order_id":1,"user_id":-42,"amount_cents":1}"#),
            "user_id must be an integer from 0 to 18446744073709551615, found -42"
        );
        assert_eq!(
            reason(r#"{"order_id":1,"user_id":42,"amount_cents":9.5}"#),
            "amount_cents must be an integer from 0 to 18446744073709551615, found 9.5"
        );
        assert_eq!(
            reason(r#"{"order_id":1,"user_id":42,"amount_cents":1,"amount":1}"#),
            r#""amount" is not a field of an order, which has order_id, user_id, amount_cents"#
        );
    }

    #[test]
    fn an_error_shows_no_more_than_the_start_of_a_long_value() {
        let long = "é".repeat(10_000);
        let reason = reason(&format!(r#"{{"order_id":"{long}"}}"#));
        assert!(reason.chars().count() < 150, "{reason}");
    }
}
