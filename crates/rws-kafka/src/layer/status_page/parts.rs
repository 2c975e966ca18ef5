//! Pieces that several sections of the page share.

use super::html::Html;
use super::words::{bytes, number};

/// The most rows that the page shows of any list.
pub(super) const MOST_ROWS: usize = 100;

pub(super) fn fact(html: &mut Html, name: &'static str, value: String) {
    html.raw("<div><dt>")
        .raw(name)
        .raw("</dt><dd>")
        .text(value)
        .raw("</dd></div>");
}

/// Writes the size of a queue, in messages and bytes.
pub(super) fn queue(html: &mut Html, messages: u64, size: u64) {
    let size = (size > 0).then(|| format!(" ({})", bytes(size)));
    let queued = number(messages) + &size.unwrap_or_default();
    fact(html, "Queued", queued);
}

/// Writes how many rows of a list were cut, between `open` and `close`.
pub(super) fn rest(html: &mut Html, all: usize, open: &'static str, close: &'static str) {
    if all > MOST_ROWS {
        let more = u64::try_from(all - MOST_ROWS).unwrap_or(u64::MAX);
        html.raw(open)
            .raw("and ")
            .text(number(more))
            .raw(" more, all in the JSON")
            .raw(close);
    }
}
