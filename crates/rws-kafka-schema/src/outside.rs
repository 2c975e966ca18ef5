//! Text from outside, before it gets into an error.

use rws_kafka_observe::text::printable;

/// Makes all `texts` printable: they may hold what is in payloads, schemas and answers of registries.
pub(crate) fn escape<'a>(texts: impl IntoIterator<Item = &'a mut String>) {
    for text in texts {
        if let std::borrow::Cow::Owned(shown) = printable(text) {
            *text = shown;
        }
    }
}
