//! Telling relays of a commit, so that they need not find out when they look.

use super::failure::answer;
use super::runtime::handle;
use super::schema::Schema;
use rws_kafka_observe::causes::with_causes;
use std::sync::Once;
use tokio::sync::watch;
use tokio_postgres::types::{ToSql, Type};

/// Shared by the clones of a pool.
#[derive(Debug)]
pub(crate) struct Wake {
    /// Counts; a relay that was busy sees that there were some.
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

    /// Has NOTIFY follow commits, in the background: one statement for those that came during the
    /// last. Ends with the pool's last clone.
    pub(crate) fn notify_too(&self, connections: &deadpool_postgres::Pool, schema: &Schema) {
        self.notifier.call_once(|| {
            let Ok(runtime) = handle() else { return };
            let mut commits = self.commits();
            // The one that it is started for.
            commits.mark_changed();
            let (connections, schema) = (connections.clone(), schema.clone());
            runtime.spawn(async move {
                while commits.changed().await.is_ok() {
                    if let Err(error) = notify(&connections, &schema).await {
                        // Relays find the events when they look.
                        let error = with_causes(error.as_ref());
                        tracing::debug!(error, "NOTIFY was not sent");
                    }
                }
            });
        });
    }
}

/// The channel of an outbox.
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
