mod failure;
mod migrate;
mod parameters;
mod pool;
mod runtime;
mod schema;
mod tls;
mod transaction;
mod trust;
mod url;
mod wake;

pub use migrate::{MIGRATIONS, migrate, migrate_async};
pub use pool::{Connection, Pool};
pub use schema::Schema;
pub use transaction::{AnyTransaction, AsyncTransaction, Transaction};

pub(crate) use failure::{answer, answer_begin};
pub(crate) use migrate::check;
pub(crate) use runtime::{block_on, handle};
pub(crate) use wake::channel;
