//! What several sections of the page are made of.

use super::html::Html;
use super::words::{bytes, number};

/// What the page shows at most of any one list.
pub(super) const MOST_ROWS: usize = 100;

pub(super) fn fact(html: &mut Html, name: &'static str, value: String) {
    html.raw("<div><dt>")
        .raw(name)
        .raw("</dt><dd>")
        .text(value)
        .raw("</dd></div>");
}

/// What waits, in messages and bytes.
pub(super) fn queue(html: &mut Html, messages: u64, size: u64) {
    let size = (size > 0).then(|| format!(" ({})", bytes(size)));
    let queued = number(messages) + &size.unwrap_or_default();
    fact(html, "Queued", queued);
}

/// Says of a list that was cut how much is missing, between these pieces of markup.
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
