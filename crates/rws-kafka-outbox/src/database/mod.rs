mod connection;
mod failure;
mod migrate;
mod named;
mod pool;
mod runtime;
mod schema;
mod tls;
mod transaction;
mod trust;
mod url;
mod wake;

pub use connection::Connection;
pub use migrate::{MIGRATIONS, migrate, migrate_async};
pub use pool::Pool;
pub use schema::Schema;
pub use transaction::{AnyTransaction, AsyncTransaction, Transaction};

pub(crate) use failure::{answer, answer_begin};
pub(crate) use migrate::check;
pub(crate) use named::{give_up, is_safe};
pub(crate) use pool::Origin;
pub(crate) use runtime::{block_on, handle};
pub(crate) use wake::channel;
