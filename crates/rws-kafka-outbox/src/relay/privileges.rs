//! Checks that this database lets a relay delete the events that it sends. Events that cannot be deleted
//! must not be sent, because they would be sent again and again.

use super::options::OnRefusal;
use crate::database::{Schema, answer};
use crate::error::OutboxError;
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

/// The privileges that the relay's statements use. If SELECT is missing, they fail before anything is sent.
const MISSING: &str = "SELECT pg_is_in_recovery(), current_user::text, array_to_string(ARRAY( \
    SELECT needed FROM (VALUES \
    ('SELECT on rws_kafka.outbox', has_any_column_privilege('rws_kafka.outbox', 'SELECT')), \
    ('DELETE on rws_kafka.outbox', has_table_privilege('rws_kafka.outbox', 'DELETE')), \
    ('UPDATE on rws_kafka.outbox', has_column_privilege('rws_kafka.outbox', 'attempts', 'UPDATE') \
    AND has_column_privilege('rws_kafka.outbox', 'last_error', 'UPDATE') \
    AND has_column_privilege('rws_kafka.outbox', 'retry_at', 'UPDATE')), \
    ('INSERT on rws_kafka.parked', NOT $1 \
    OR has_any_column_privilege('rws_kafka.parked', 'INSERT')) \
    ) AS privileges (needed, granted) WHERE NOT granted), ', ')";

/// Returns an error unless the server accepts writes and the role may delete and update events and, under
/// [`OnRefusal::Park`], park them.
pub(super) async fn check(
    client: &Client,
    schema: &Schema,
    on_refusal: OnRefusal,
) -> Result<(), OutboxError> {
    let parks = on_refusal == OnRefusal::Park;
    let params: [(&(dyn ToSql + Sync), Type); 1] = [(&parks, Type::BOOL)];
    let sql = schema.sql(MISSING);
    let found = client.query_typed(&sql, &params);
    let found = answer("read the role's privileges", schema, found).await?;
    let Some(row) = found.first() else {
        return Ok(());
    };
    let missing: String = row.get(2);
    if row.get(0) {
        Err(OutboxError::ReadOnly {
            doing: "publish events",
            source: None,
        })
    } else if missing.is_empty() {
        Ok(())
    } else {
        let role = row.get(1);
        Err(OutboxError::MissingPrivileges { role, missing })
    }
}
