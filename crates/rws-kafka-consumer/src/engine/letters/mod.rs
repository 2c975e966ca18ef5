//! Messages that are sent to the dead letter queue or to a retry topic.

pub(super) mod dead_letters;
pub(super) mod letter;
