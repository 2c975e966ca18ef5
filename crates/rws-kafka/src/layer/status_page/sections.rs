//! The page's sections, except those about consumers.

use super::html::Html;
use super::parts::{MOST_ROWS, fact, queue, rest};
use super::states::{self, broker_state, connection};
use super::words::{duration, known, number, short, utc};
use rws_kafka_observe::{
    BrokerStatus, DeadLetterStatus, OutboxStatus, ProducerStatus, RecentError,
};

/// The most characters shown of an error's text; the JSON has the whole text.
const ERROR_CHARACTERS: usize = 400;

pub(super) fn producers(html: &mut Html, producers: &[ProducerStatus]) {
    if producers.is_empty() {
        return;
    }
    html.raw("<section id=\"producers\"><h2>Producers</h2>");
    for producer in producers.iter().take(MOST_ROWS) {
        html.raw("<article><h3><span class=\"name\">")
            .text(&producer.client)
            .raw("</span> ");
        broker_state(html, producer.broker);
        html.raw("</h3><dl>");
        queue(html, producer.queued_messages, producer.queued_bytes);
        fact(html, "Delivered", number(producer.delivered));
        fact(html, "Failed", number(producer.failed));
        html.raw("</dl></article>");
    }
    rest(html, producers.len(), "<p class=\"more\">", "</p>");
    html.raw("</section>");
}

pub(super) fn outboxes(html: &mut Html, outboxes: &[OutboxStatus]) {
    if outboxes.is_empty() {
        return;
    }
    html.raw("<section id=\"outboxes\"><h2>Outboxes</h2>");
    for outbox in outboxes.iter().take(MOST_ROWS) {
        html.raw("<article><h3><span class=\"name\">")
            .text(&outbox.schema)
            .raw("</span></h3><dl>");
        fact(html, "Backlog", known(outbox.backlog));
        let age = outbox
            .oldest_age_seconds
            .filter(|_| outbox.backlog != Some(0));
        let age = age.map(|age| duration(age.saturating_mul(1000)));
        fact(html, "Oldest", age.unwrap_or_else(|| "–".to_owned()));
        fact(html, "Published", number(outbox.published));
        fact(html, "Refused", number(outbox.refused));
        fact(html, "Parked", number(outbox.parked));
        html.raw("</dl></article>");
    }
    rest(html, outboxes.len(), "<p class=\"more\">", "</p>");
    html.raw("</section>");
}

pub(super) fn dead_letters(html: &mut Html, letters: &[DeadLetterStatus]) {
    if letters.is_empty() {
        return;
    }
    html.raw("<section id=\"dead-letters\"><h2>Dead letters</h2><table><thead><tr>")
        .raw("<th scope=\"col\">Original topic and group</th>")
        .raw("<th scope=\"col\" class=\"n\">Dead letters</th></tr></thead><tbody>");
    let mut sorted: Vec<_> = letters.iter().collect();
    sorted.sort_by_key(|letters| std::cmp::Reverse(letters.count));
    for letters in sorted.into_iter().take(MOST_ROWS) {
        html.raw("<tr><th scope=\"row\">")
            .text(&letters.topic)
            .raw("<span class=\"sub\">")
            .text(&letters.group)
            .raw("</span></th><td class=\"n\">")
            .text(number(letters.count))
            .raw("</td></tr>");
    }
    rest(
        html,
        letters.len(),
        "<tr><td colspan=\"2\" class=\"more\">",
        "</td></tr>",
    );
    html.raw("</tbody></table></section>");
}

pub(super) fn errors(html: &mut Html, errors: &[RecentError], now_ms: u64) {
    if errors.is_empty() {
        return;
    }
    html.raw("<section id=\"errors\"><h2>Last errors</h2><ul class=\"errors\">");
    let mut sorted: Vec<_> = errors.iter().collect();
    sorted.sort_by_key(|error| std::cmp::Reverse(error.at_unix_ms));
    for error in sorted.into_iter().take(MOST_ROWS) {
        html.raw("<li><p class=\"when\"><time>")
            .text(utc(error.at_unix_ms))
            .raw("</time> ")
            .text(duration(now_ms.saturating_sub(error.at_unix_ms)))
            .raw(" ago");
        if error.count > 1 {
            html.raw(", ").text(number(error.count)).raw(" times");
        }
        html.raw(" · ")
            .text(&error.source)
            .raw("</p><p>")
            .text(short(&error.message, ERROR_CHARACTERS))
            .raw("</p></li>");
    }
    html.raw("</ul>");
    rest(html, errors.len(), "<p class=\"more\">", "</p>");
    html.raw("</section>");
}

pub(super) fn brokers(html: &mut Html, brokers: &[BrokerStatus]) {
    if brokers.is_empty() {
        return;
    }
    html.raw("<section id=\"brokers\"><h2>Brokers</h2><table><thead><tr>")
        .raw("<th scope=\"col\">Broker</th><th scope=\"col\">State</th>")
        .raw("<th scope=\"col\" class=\"n\">Round trip</th>")
        .raw("<th scope=\"col\" class=\"n\">Throttled</th></tr></thead><tbody>");
    let mut sorted: Vec<_> = brokers.iter().collect();
    sorted.sort_by_key(|broker| (states::is_up(&broker.state), &broker.client, &broker.name));
    for broker in sorted.into_iter().take(MOST_ROWS) {
        html.raw("<tr><th scope=\"row\">")
            .text(&broker.name)
            .raw("<span class=\"sub\">")
            .text(&broker.client)
            .raw("</span></th><td>");
        connection(html, &broker.state);
        html.raw("</td><td class=\"n\">")
            .text(milliseconds(broker.round_trip_ms))
            .raw("</td><td class=\"n\">")
            .text(milliseconds(broker.throttle_ms))
            .raw("</td></tr>");
    }
    rest(
        html,
        brokers.len(),
        "<tr><td colspan=\"4\" class=\"more\">",
        "</td></tr>",
    );
    html.raw("</tbody></table></section>");
}

fn milliseconds(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |ms| format!("{ms:.1} ms"))
}
