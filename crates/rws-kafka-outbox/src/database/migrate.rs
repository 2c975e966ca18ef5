use super::failure::answer;
use super::pool::Pool;
use super::runtime::block_on;
use super::schema::Schema;
use crate::error::OutboxError;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, IsolationLevel};

/// The migrations in order, as SQL for the schema `rws_kafka`, for teams that run migrations themselves.
///
/// Run each in one transaction, in a schema that exists. The crate's folder `migrations` has the same files.
pub const MIGRATIONS: [&str; 1] = [include_str!("../../migrations/0001.sql")];

/// One migration at a time per database, whatever the schema.
const LOCK: &str = "SELECT pg_advisory_xact_lock(8245928655720965)";

/// Creates the schema and the tables, or updates them. Blocks; see [`migrate_async`].
///
/// # Errors
///
/// The errors of [`migrate_async`], and [`OutboxError::InAsyncTask`] in an async task.
pub fn migrate(pool: &Pool) -> Result<(), OutboxError> {
    block_on("migrate", migrate_async(pool))
}

/// Creates the schema and the tables, or updates them, in one transaction.
///
/// Any number of instances may call this at the same time: one migrates, and the others wait for up to 30 s.
/// Tables of a newer version are left unchanged if this version can work with them.
///
/// # Errors
///
/// - [`OutboxError::NewerTables`] if this version cannot work with the tables.
/// - [`OutboxError::Denied`] if the role may not create tables.
/// - Other errors of the database.
pub async fn migrate_async(pool: &Pool) -> Result<(), OutboxError> {
    let schema = pool.schema();
    let mut client = pool.connect().await?;
    let start = client
        .build_transaction()
        // So that, after the lock, this transaction sees what others have migrated, whatever the role's
        // default.
        .isolation_level(IsolationLevel::ReadCommitted)
        .start();
    let tx = answer("begin a migration", schema, start).await?;
    answer("wait for other migrations", schema, tx.batch_execute(LOCK)).await?;
    let found = match version(&tx, schema).await? {
        Some(version) => version.check(schema)?,
        None => 0,
    };
    let missing = MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0));
    for (number, sql) in missing.enumerate() {
        if found == 0 && number == 0 && !exists(&tx, schema).await? {
            // `IF NOT EXISTS` would need the privilege to create schemas even if the schema exists.
            let create = format!("CREATE SCHEMA \"{schema}\"");
            answer("create the schema", schema, tx.batch_execute(&create)).await?;
        }
        answer(
            "create the tables",
            schema,
            tx.batch_execute(&schema.sql(sql)),
        )
        .await?;
    }
    answer("commit a migration", schema, tx.commit()).await
}

/// Returns an error unless the tables exist and this version can use them.
pub(crate) async fn check(client: &Client, schema: &Schema) -> Result<(), OutboxError> {
    let sql = schema
        .sql("SELECT version, oldest_beside FROM rws_kafka.version ORDER BY version DESC LIMIT 1");
    let row = answer(
        "read the tables' version",
        schema,
        client.query_typed(&sql, &[]),
    )
    .await?;
    match row.first() {
        Some(row) => Version::of(row).check(schema).map(drop),
        None => Err(OutboxError::NotMigrated {
            schema: schema.to_string(),
            source: None,
        }),
    }
}

struct Version {
    version: i32,
    oldest_beside: i32,
}

impl Version {
    fn of(row: &tokio_postgres::Row) -> Self {
        Self {
            version: row.get(0),
            oldest_beside: row.get(1),
        }
    }

    fn check(&self, schema: &Schema) -> Result<i32, OutboxError> {
        let known = i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX);
        if self.oldest_beside > known {
            return Err(OutboxError::NewerTables {
                schema: schema.to_string(),
                found: self.version,
                known,
            });
        }
        Ok(self.version)
    }
}

async fn version(
    tx: &tokio_postgres::Transaction<'_>,
    schema: &Schema,
) -> Result<Option<Version>, OutboxError> {
    // A query on a missing table would fail the transaction.
    let doing = "read the tables' version";
    let there = answer(
        doing,
        schema,
        tx.query_typed(
            "SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = $1 AND tablename = 'version'",
            &[(&schema.name(), Type::TEXT)],
        ),
    )
    .await?;
    if there.is_empty() {
        return Ok(None);
    }
    let sql = schema
        .sql("SELECT version, oldest_beside FROM rws_kafka.version ORDER BY version DESC LIMIT 1");
    let rows = answer(doing, schema, tx.query_typed(&sql, &[])).await?;
    Ok(rows.first().map(Version::of))
}

async fn exists(
    tx: &tokio_postgres::Transaction<'_>,
    schema: &Schema,
) -> Result<bool, OutboxError> {
    let sql = "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1";
    let params: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 1] =
        [(&schema.name(), Type::TEXT)];
    let rows = answer("look for the schema", schema, tx.query_typed(sql, &params)).await?;
    Ok(!rows.is_empty())
}
