//! Notifies relays of commits, so that they need not wait for their next poll.

use super::failure::answer;
use super::runtime::handle;
use super::schema::Schema;
use rws_kafka_observe::causes::with_causes;
use std::sync::Once;
use tokio::sync::watch;
use tokio_postgres::types::{ToSql, Type};

/// The notification of relays. All clones of a pool share it.
#[derive(Debug)]
pub(crate) struct Wake {
    /// Counts commits, so that a relay that was busy notices them later.
    commits: watch::Sender<u64>,
    notifier: Once,
}

impl Wake {
    pub(crate) fn new() -> Self {
        Self {
            commits: watch::Sender::new(0),
            notifier: Once::new(),
        }
    }

    pub(crate) fn commits(&self) -> watch::Receiver<u64> {
        self.commits.subscribe()
    }

    pub(crate) fn announce(&self) {
        self.commits
            .send_modify(|commits| *commits = commits.wrapping_add(1));
    }

    /// Sends NOTIFY after commits, in the background. One statement covers all commits during the previous
    /// one. Ends with the pool's last clone.
    pub(crate) fn notify_too(&self, connections: &deadpool_postgres::Pool, schema: &Schema) {
        self.notifier.call_once(|| {
            let Ok(runtime) = handle() else { return };
            let mut commits = self.commits();
            // The commit for which this was started.
            commits.mark_changed();
            let (connections, schema) = (connections.clone(), schema.clone());
            runtime.spawn(async move {
                while commits.changed().await.is_ok() {
                    if let Err(error) = notify(&connections, &schema).await {
                        // Relays find the events at their next poll.
                        let error = with_causes(error.as_ref());
                        tracing::debug!(error, "NOTIFY was not sent");
                    }
                }
            });
        });
    }
}

/// Returns the name of an outbox's channel.
pub(crate) fn channel(schema: &Schema) -> String {
    format!("{schema}.outbox")
}

async fn notify(
    connections: &deadpool_postgres::Pool,
    schema: &Schema,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let client = connections.get().await?;
    let channel = channel(schema);
    let params: [(&(dyn ToSql + Sync), Type); 1] = [(&channel, Type::TEXT)];
    let sent = client.execute_typed("SELECT pg_notify($1, '')", &params);
    answer("notify the relays", schema, sent).await?;
    Ok(())
}
