//! Receives notifications of commits in other processes.

use crate::database::{Origin, Pool, channel};
use futures_util::stream::{StreamExt, poll_fn};
use rws_kafka_observe::causes::with_causes;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_postgres::{AsyncMessage, Error};

const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);

/// How long a connection may be silent before a keepalive is sent.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Wakes the relays of `pool` for each NOTIFY, until `stopping`. While it has no connection, the relays poll.
/// `origin` says how to connect.
pub(super) async fn listen(pool: Pool, origin: Arc<Origin>, mut stopping: watch::Receiver<bool>) {
    let mut backoff = FIRST_BACKOFF;
    let mut told = false;
    loop {
        let mut heard = false;
        let ended = tokio::select! {
            ended = hear(&pool, &origin, &mut heard) => ended,
            _ = stopping.wait_for(|stopping| *stopping) => return,
        };
        if heard {
            (backoff, told) = (FIRST_BACKOFF, false);
        }
        if !told && !matches!(ended, Ok(Ended::Doubted)) {
            let error = ended.err().map(|error| with_causes(&error));
            tracing::warn!(
                error,
                "the outbox relay receives no notifications, and polls"
            );
            told = true;
        }
        tokio::select! {
            () = tokio::time::sleep(backoff) => {}
            _ = stopping.wait_for(|stopping| *stopping) => return,
        }
        backoff = (backoff * 2).min(LONGEST_BACKOFF);
    }
}

/// Why it stopped listening on a connection.
enum Ended {
    Closed,
    /// It may lead to a server on which events are no longer committed.
    Doubted,
}

/// Listens until the connection ends.
async fn hear(pool: &Pool, origin: &Origin, heard: &mut bool) -> Result<Ended, Error> {
    let mut doubts = pool.doubts();
    let mut config = origin.config.clone();
    // Nothing is sent on this connection, so only keepalives show that the server is unreachable.
    config
        .keepalives_idle(KEEPALIVE)
        .keepalives_interval(KEEPALIVE / 3)
        .keepalives_retries(3);
    let (client, mut connection) = config.connect(origin.tls.clone()).await?;
    let mut messages = poll_fn(move |context| connection.poll_message(context));
    let sql = format!("LISTEN \"{}\"", channel(pool.schema()));
    let mut listening = pin!(client.batch_execute(&sql));
    loop {
        tokio::select! {
            done = &mut listening, if !*heard => {
                done?;
                *heard = true;
                // For events committed before LISTEN.
                pool.wake_own_relays();
            }
            message = messages.next() => match message {
                Some(Ok(AsyncMessage::Notification(_))) => pool.wake_own_relays(),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
                None => return Ok(Ended::Closed),
            },
            _ = doubts.changed() => return Ok(Ended::Doubted),
        }
    }
}
