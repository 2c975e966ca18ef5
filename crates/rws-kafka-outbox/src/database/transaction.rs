use super::failure::{answer, answer_user};
use super::named;
use super::pool::Pool;
use super::runtime::block_on;
use super::schema::Schema;
use crate::error::OutboxError;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

/// A database transaction for blocking code, with the same methods as the transaction of tokio-postgres.
///
/// [`Connection::transaction`](crate::Connection::transaction) begins one. Dropping it without
/// [`commit`](Self::commit) rolls it back.
pub struct Transaction<'a> {
    inner: deadpool_postgres::Transaction<'a>,
    pool: Pool,
    /// Set if relays are to be notified of the commit.
    has_events: AtomicBool,
    /// Set if a statement has failed. The database then commits nothing, unless the statement was rolled back
    /// to a savepoint.
    is_doubtful: AtomicBool,
}

impl<'a> Transaction<'a> {
    pub(crate) fn begin(
        client: &'a mut deadpool_postgres::Client,
        pool: &Pool,
    ) -> Result<Self, OutboxError> {
        let inner = pool.noting(block_on("Connection::transaction", async {
            answer("begin a transaction", pool.schema(), client.transaction()).await
        }))?;
        Ok(Self {
            inner,
            pool: pool.clone(),
            has_events: AtomicBool::new(false),
            is_doubtful: AtomicBool::new(false),
        })
    }

    /// Runs a statement and returns the number of rows that it changed. Blocks for up to 30 s.
    ///
    /// # Errors
    ///
    /// The errors of the database, and [`OutboxError::InAsyncTask`] in an async task.
    pub fn execute(&self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<u64, OutboxError> {
        self.heed(sql);
        let done = answer_user("run a statement", self.inner.execute(sql, params));
        self.noting(block_on("Transaction::execute", done))
    }

    /// Runs a statement and returns its rows. Blocks for up to 30 s.
    ///
    /// # Errors
    ///
    /// As [`execute`](Self::execute).
    pub fn query(
        &self,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, OutboxError> {
        self.heed(sql);
        let rows = answer_user("run a query", self.inner.query(sql, params));
        self.noting(block_on("Transaction::query", rows))
    }

    /// Commits the transaction, and notifies the relays of this pool if it contains events.
    ///
    /// # Errors
    ///
    /// As [`execute`](Self::execute). After an error of the connection it is unknown whether the database has
    /// committed.
    ///
    /// If a statement has failed and was not rolled back to a savepoint, nothing can be committed. Then this
    /// returns [`OutboxError::Database`] with the code `25P02` (`in_failed_sql_transaction`), whereas a plain
    /// `COMMIT` would roll back silently.
    pub fn commit(self) -> Result<(), OutboxError> {
        let Self {
            inner,
            pool,
            has_events,
            is_doubtful,
        } = self;
        let committed = block_on("Transaction::commit", async {
            if is_doubtful.into_inner() {
                answer_user("commit", inner.batch_execute("SELECT")).await?;
            }
            answer_user("commit", inner.commit()).await
        });
        pool.noting(committed)?;
        if has_events.into_inner() {
            pool.wake_relays();
        }
        Ok(())
    }

    /// Rolls the transaction back, as a drop does, but blocks until it is done.
    ///
    /// # Errors
    ///
    /// As [`execute`](Self::execute).
    pub fn rollback(self) -> Result<(), OutboxError> {
        let Self { inner, pool, .. } = self;
        block_on("Transaction::rollback", async {
            answer("roll back", pool.schema(), inner.rollback()).await
        })
    }

    /// Names no statement any more on a connection whose prepared statements `sql` may remove.
    fn heed(&self, sql: &str) {
        if named::removes_names(sql) {
            named::give_up(&self.inner);
        }
    }

    pub(crate) fn schema(&self) -> &Schema {
        self.pool.schema()
    }

    /// Returns the transaction for this crate's own statements, whose errors name them and are
    /// [noted](Self::noting).
    pub(crate) fn raw(&self) -> &tokio_postgres::Transaction<'a> {
        &self.inner
    }

    /// Remembers if a statement has failed.
    pub(crate) fn noting<T>(&self, outcome: Result<T, OutboxError>) -> Result<T, OutboxError> {
        if outcome.is_err() {
            self.is_doubtful.store(true, Relaxed);
        }
        self.pool.noting(outcome)
    }
}

impl fmt::Debug for Transaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").finish_non_exhaustive()
    }
}

mod sealed {
    pub trait Sealed {}
}

/// A transaction in which an [`Outbox`](crate::Outbox) can be created. Clients and pools do not implement it,
/// because on them an event could be committed without its data. It cannot be implemented outside this crate.
pub trait AnyTransaction: sealed::Sealed {
    #[doc(hidden)]
    fn default_schema(&self) -> Schema;

    /// Notes that the transaction contains an event.
    #[doc(hidden)]
    fn has_events(&self) {}

    /// Returns what the pool was told about prepared statements; `None` if nothing.
    #[doc(hidden)]
    fn prepares(&self) -> Option<bool> {
        None
    }

    /// Returns where prepared statements are kept for the next transaction of the same connection.
    #[doc(hidden)]
    fn cached(&self) -> Option<&deadpool_postgres::Transaction<'_>> {
        None
    }
}

/// A transaction of async code: tokio-postgres's or deadpool's. It cannot be implemented outside this crate.
pub trait AsyncTransaction: AnyTransaction + Sync {
    #[doc(hidden)]
    fn as_tokio(&self) -> &tokio_postgres::Transaction<'_>;
}

impl sealed::Sealed for Transaction<'_> {}
impl sealed::Sealed for tokio_postgres::Transaction<'_> {}
impl sealed::Sealed for deadpool_postgres::Transaction<'_> {}

impl AnyTransaction for Transaction<'_> {
    fn default_schema(&self) -> Schema {
        self.schema().clone()
    }

    fn has_events(&self) {
        self.has_events.store(true, Relaxed);
    }

    fn prepares(&self) -> Option<bool> {
        self.pool.prepares()
    }

    fn cached(&self) -> Option<&deadpool_postgres::Transaction<'_>> {
        Some(&self.inner)
    }
}

impl AnyTransaction for tokio_postgres::Transaction<'_> {
    fn default_schema(&self) -> Schema {
        Schema::default()
    }
}

impl AnyTransaction for deadpool_postgres::Transaction<'_> {
    fn default_schema(&self) -> Schema {
        Schema::default()
    }

    fn cached(&self) -> Option<&deadpool_postgres::Transaction<'_>> {
        Some(self)
    }
}

impl AsyncTransaction for tokio_postgres::Transaction<'_> {
    fn as_tokio(&self) -> &tokio_postgres::Transaction<'_> {
        self
    }
}

impl AsyncTransaction for deadpool_postgres::Transaction<'_> {
    fn as_tokio(&self) -> &tokio_postgres::Transaction<'_> {
        self
    }
}
