use super::verdict::Verdict;
use rws_kafka_observe::Status;
use serde::Serialize;

/// A snapshot of everything that the page shows.
#[derive(Debug, Serialize)]
pub(super) struct View {
    #[serde(flatten)]
    pub(super) verdict: Verdict,
    pub(super) as_of_unix_ms: u64,
    pub(super) up_ms: u64,
    #[serde(flatten)]
    pub(super) status: Status,
}
