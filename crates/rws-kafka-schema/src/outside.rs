//! Escapes text from outside before it gets into an error.

use rws_kafka_observe::text::printable;

/// Makes all `texts` printable. They may contain text from payloads, schemas and registries' responses.
pub(crate) fn escape<'a>(texts: impl IntoIterator<Item = &'a mut String>) {
    for text in texts {
        if let std::borrow::Cow::Owned(shown) = printable(text) {
            *text = shown;
        }
    }
}
