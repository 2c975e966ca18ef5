//! Blocking access to a pool's connections.

use super::pool::Pool;
use super::runtime::block_on;
use super::transaction::Transaction;
use crate::error::OutboxError;
use std::fmt;

/// A connection of a [`Pool`], for blocking code. Dropping it returns it to the pool.
pub struct Connection {
    client: deadpool_postgres::Client,
    pool: Pool,
}

impl Pool {
    /// Returns a connection. Blocks until one is free, for up to 30 s.
    ///
    /// # Errors
    ///
    /// [`OutboxError::Unreachable`], [`OutboxError::TimedOut`], and [`OutboxError::InAsyncTask`] in an async
    /// task.
    pub fn get(&self) -> Result<Connection, OutboxError> {
        let client = block_on("Pool::get", self.connect())?;
        Ok(Connection {
            client,
            pool: self.clone(),
        })
    }
}

impl Connection {
    /// Begins a transaction. Dropping it without [`commit`](Transaction::commit) rolls it back.
    ///
    /// # Errors
    ///
    /// The errors of the database, and [`OutboxError::InAsyncTask`] in an async task.
    pub fn transaction(&mut self) -> Result<Transaction<'_>, OutboxError> {
        Transaction::begin(&mut self.client, &self.pool)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}
