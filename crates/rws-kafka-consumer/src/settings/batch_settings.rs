use rws_kafka_dispatch::Gathering;
use std::time::Duration;

const MAX_MESSAGES: usize = 500;
const MAX_BYTES: usize = 1024 * 1024;
const MAX_WAIT: Duration = Duration::from_millis(50);

/// The limits of a batch; `None` is the default.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BatchSettings {
    pub(crate) max_messages: Option<usize>,
    pub(crate) max_bytes: Option<usize>,
    pub(crate) max_wait: Option<Duration>,
}

impl BatchSettings {
    pub(crate) fn gathering(self) -> Gathering {
        Gathering {
            max_messages: self.max_messages.unwrap_or(MAX_MESSAGES),
            max_bytes: self.max_bytes.unwrap_or(MAX_BYTES),
            max_wait: self.max_wait.unwrap_or(MAX_WAIT),
        }
    }
}
