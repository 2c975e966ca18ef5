//! Decides on which connections a statement may stay prepared under a name.
//!
//! A pooler in transaction mode gives each transaction another session. A named statement can be missing there,
//! and then the transaction of the user's data fails. So a statement is named only on a connection that leads to
//! PostgreSQL itself: the server process that answers has the id that was sent when the connection was opened,
//! and was started just now. PgBouncer and pgcat send random ids, Odyssey and Supavisor ids of their own. The age
//! covers an id that happens to be that of a process, and most of those that pgagroal copies from a session.
//!
//! All poolers are treated as unsafe. What makes one safe cannot be seen from outside, and may change while a
//! connection is open: its mode, `max_prepared_statements`, and its version (in PgBouncer 1.21 another client's
//! `DISCARD ALL` removes statements that the pooler believes to be there).

use deadpool_postgres::{Hook, StatementCache, Transaction};
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};
use tokio_postgres::{Client, Error};

/// How long the examination of a new connection may take. Without an answer, no statement is named.
const ANSWER: Duration = Duration::from_secs(5);
/// The greatest age in seconds of a process that was started for a new connection. If opening takes longer, no
/// statement is named.
const YOUNG: f64 = 5.0;

const PROCESS: &str = "SELECT pid, extract(epoch FROM clock_timestamp() - backend_start)::float8 \
    FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid())";

/// The open connections on which a name is safe, by the address of their statement cache. The weak reference
/// keeps the address from being used again.
static SAFE: RwLock<BTreeMap<usize, Weak<StatementCache>>> = RwLock::new(BTreeMap::new());

/// Returns a hook that examines each new connection of a pool.
pub(crate) fn hook() -> Hook {
    Hook::async_fn(|client, _| {
        Box::pin(async move {
            let examined = tokio::time::timeout(ANSWER, is_direct(client)).await;
            if matches!(examined, Ok(Ok(true))) {
                remember(&client.statement_cache);
            }
            Ok(())
        })
    })
}

/// Returns `true` if a named statement cannot be missing in the session of `tx`.
pub(crate) fn is_safe(tx: &Transaction<'_>) -> bool {
    SAFE.read().contains_key(&address(&tx.statement_cache))
}

/// Forgets the named statements of the connection of `tx`, and names none on it from now on.
pub(crate) fn give_up(tx: &Transaction<'_>) {
    SAFE.write().remove(&address(&tx.statement_cache));
    tx.statement_cache.clear();
}

/// Returns `true` if `sql` may remove the prepared statements of its session.
pub(crate) fn removes_names(sql: &str) -> bool {
    let has = |word: &str| {
        let mut windows = sql.as_bytes().windows(word.len());
        windows.any(|found| found.eq_ignore_ascii_case(word.as_bytes()))
    };
    has("DEALLOCATE") || has("DISCARD")
}

fn remember(cache: &Arc<StatementCache>) {
    let mut safe = SAFE.write();
    safe.retain(|_, cache| cache.strong_count() > 0);
    safe.insert(address(cache), Arc::downgrade(cache));
}

fn address(cache: &Arc<StatementCache>) -> usize {
    Arc::as_ptr(cache).addr()
}

/// Returns `true` if there is no pooler between the client and PostgreSQL.
async fn is_direct(client: &Client) -> Result<bool, Error> {
    let rows = client.query_typed(PROCESS, &[]).await?;
    let [row] = rows.as_slice() else {
        return Ok(false);
    };
    let (answering, age): (Option<i32>, Option<f64>) = (row.get(0), row.get(1));
    let opened = process_id(client).await;
    Ok(answering.is_some()
        && answering == opened
        && age.is_some_and(|age| (0.0..=YOUNG).contains(&age)))
}

/// Returns the process id that the server sent when the connection was opened. tokio-postgres shows it only in
/// the request to cancel a statement, so one is written to memory.
async fn process_id(client: &Client) -> Option<i32> {
    let mut request = Captured(Vec::new());
    let token = client.cancel_token();
    token.cancel_query_raw(&mut request, Plain).await.ok()?;
    // After a request for TLS, if any: the length, the code, the process id and the secret key.
    let [_, _, _, _, a, b, c, d, id @ .., _, _, _, _] = request.0.last_chunk::<16>()?;
    let is_cancel = i32::from_be_bytes([*a, *b, *c, *d]) == CANCEL_REQUEST;
    is_cancel.then(|| i32::from_be_bytes(*id))
}

/// The code of a request to cancel, in the protocol's documentation under "CancelRequest".
const CANCEL_REQUEST: i32 = 80_877_102;

/// Keeps what is written to it. Agrees to TLS, with [`Plain`] in place of TLS.
struct Captured(Vec<u8>);

impl AsyncWrite for Captured {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Captured {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        answer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        answer.put_slice(b"S");
        Poll::Ready(Ok(()))
    }
}

impl TlsStream for &mut Captured {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

struct Plain;

impl<'a> TlsConnect<&'a mut Captured> for Plain {
    type Stream = &'a mut Captured;
    type Error = Infallible;
    type Future = Ready<Result<&'a mut Captured, Infallible>>;

    fn connect(self, stream: &'a mut Captured) -> Self::Future {
        ready(Ok(stream))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sql_that_removes_prepared_statements_is_noticed() {
        for sql in ["DEALLOCATE ALL", "select 1; discard all", "Deallocate s1"] {
            assert!(removes_names(sql), "{sql}");
        }
        for sql in ["", "INSERT INTO orders VALUES (1)", "SELECT 'disc', 'card'"] {
            assert!(!removes_names(sql), "{sql}");
        }
    }
}
