use super::consumers;
use super::html::Html;
use super::parts::{MOST_ROWS, rest};
use super::sections;
use super::verdict::Verdict;
use super::view::View;
use super::words::{duration, utc};

/// The style sheet. The page's content security policy allows it by its hash.
pub(super) const STYLE: &str = include_str!("style.css");

/// Writes the whole page.
pub(super) fn write(html: &mut Html, view: &View, refreshes: bool) {
    let status = &view.status;
    head(html, &view.verdict, refreshes);
    masthead(html, view, refreshes);
    html.raw("<main>");
    verdict(html, &view.verdict);
    if status.producers.is_empty() && status.consumers.is_empty() {
        html.raw("<p class=\"more\">No producer and no consumer runs in this process.</p>");
    }
    consumers::write(html, &status.consumers);
    sections::producers(html, &status.producers);
    sections::outboxes(html, &status.outboxes);
    sections::dead_letters(html, &status.dead_letters);
    sections::errors(html, &status.errors, view.as_of_unix_ms);
    sections::brokers(html, &status.brokers);
    html.raw("</main></body></html>\n");
}

fn head(html: &mut Html, verdict: &Verdict, refreshes: bool) {
    html.raw("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">")
        .raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")
        .raw("<meta name=\"color-scheme\" content=\"light dark\">");
    if refreshes {
        html.raw("<meta http-equiv=\"refresh\" content=\"10\">");
    }
    html.raw("<title>")
        .raw(if verdict.ready {
            "✓ Ready"
        } else {
            "✗ Not ready"
        })
        .raw(" · Kafka</title><style>")
        .raw(STYLE)
        .raw("</style></head><body>");
}

fn masthead(html: &mut Html, view: &View, refreshes: bool) {
    html.raw("<header><h1>Kafka</h1><p>")
        .text(utc(view.as_of_unix_ms))
        .raw(", up ")
        .text(duration(view.up_ms))
        .raw("</p><nav aria-label=\"This page\">");
    // Relative links, because a proxy may serve the service below a path.
    html.raw(if refreshes {
        "<a href=\"?refresh=off\">Stop reloading</a>"
    } else {
        "<a href=\"?\">Reload every 10 s</a>"
    })
    .raw(" <a href=\"kafka.json\">JSON</a></nav></header>");
}

fn verdict(html: &mut Html, verdict: &Verdict) {
    if verdict.ready {
        html.raw(
            "<section class=\"verdict good\"><h2><span aria-hidden=\"true\">✓</span> Ready</h2>",
        );
    } else {
        html.raw(
            "<section class=\"verdict bad\"><h2><span aria-hidden=\"true\">✗</span> Not ready</h2>",
        );
        list(html, &verdict.causes);
    }
    html.raw("</section>");
    if !verdict.notes.is_empty() {
        html.raw(
            "<section class=\"verdict warn\"><h2><span aria-hidden=\"true\">!</span> Warnings</h2>",
        );
        list(html, &verdict.notes);
        html.raw("</section>");
    }
}

fn list(html: &mut Html, lines: &[String]) {
    html.raw("<ul>");
    for line in lines.iter().take(MOST_ROWS) {
        html.raw("<li>").text(line).raw("</li>");
    }
    rest(html, lines.len(), "<li>", "</li>");
    html.raw("</ul>");
}
