//! The sections about workers and their partitions.

use super::html::Html;
use super::parts::{MOST_ROWS, fact, queue, rest};
use super::states;
use super::words::{count, duration, known, number};
use rws_kafka_observe::{BrokerState, ConsumerStatus, PartitionState, PartitionStatus};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// With at most this many partitions, a worker's tables are unfolded and sorted by partition number.
const FEW: usize = 16;

pub(super) fn write(html: &mut Html, consumers: &[ConsumerStatus]) {
    if consumers.is_empty() {
        return;
    }
    html.raw("<section id=\"consumers\"><h2>Consumers</h2>");
    for consumer in consumers.iter().take(MOST_ROWS) {
        html.raw("<article><h3><span class=\"name\">")
            .text(&consumer.group)
            .raw("</span> ");
        states::worker(html, consumer.state);
        if consumer.broker != BrokerState::Ok {
            html.raw(" ");
            states::broker_state(html, consumer.broker);
        }
        html.raw("<span class=\"sub\">")
            .text(&consumer.client)
            .raw("</span></h3>");
        facts(html, consumer);
        topics(html, &consumer.partitions);
        html.raw("</article>");
    }
    rest(html, consumers.len(), "<p class=\"more\">", "</p>");
    html.raw("</section>");
}

fn facts(html: &mut Html, consumer: &ConsumerStatus) {
    let ago = |ms: Option<u64>| ms.map_or_else(|| "–".to_owned(), duration);
    html.raw("<dl>");
    fact(html, "Lag", known(consumer.lag));
    fact(html, "In flight", number(consumer.in_flight));
    fact(html, "Longest in flight", ago(consumer.oldest_in_flight_ms));
    fact(
        html,
        "Since last commit",
        ago(consumer.since_last_commit_ms),
    );
    queue(html, consumer.queued_messages, consumer.queued_bytes);
    html.raw("</dl>");
}

fn topics(html: &mut Html, partitions: &[PartitionStatus]) {
    if partitions.is_empty() {
        html.raw("<p class=\"more\">No partitions are assigned.</p>");
        return;
    }
    let mut topics = BTreeMap::<&str, Vec<&PartitionStatus>>::new();
    for partition in partitions {
        topics.entry(&partition.topic).or_default().push(partition);
    }
    let mut topics: Vec<_> = topics.into_iter().collect();
    let are_few = partitions.len() <= FEW;
    if !are_few {
        topics.sort_by_key(|(_, partitions)| Reverse(worst(partitions).map(urgency)));
    }
    for (topic, partitions) in topics.iter().take(MOST_ROWS) {
        html.raw(if are_few {
            "<details open>"
        } else {
            "<details>"
        });
        summary(html, topic, partitions);
        table(html, partitions, are_few);
        html.raw("</details>");
    }
    rest(html, topics.len(), "<p class=\"more\">", "</p>");
}

/// Writes the line that summarizes a folded topic.
fn summary(html: &mut Html, topic: &str, partitions: &[&PartitionStatus]) {
    let lag = partitions
        .iter()
        .map(|it| it.lag)
        .try_fold(0_u64, |sum, lag| Some(sum.saturating_add(lag?)));
    html.raw("<summary><span class=\"name\">")
        .text(topic)
        .raw("</span> <span class=\"sub\">")
        .text(count(len(partitions.len()), "partition", "partitions"))
        .raw(", lag ")
        .text(known(lag));
    let worst = worst(partitions).filter(|it| partitions.len() > 1 && it.lag > Some(0));
    if let Some(worst) = worst {
        html.raw(", most on partition ")
            .text(worst.partition)
            .raw(": ")
            .text(known(worst.lag));
    }
    for state in [
        PartitionState::Full,
        PartitionState::Waiting,
        PartitionState::Paused,
        PartitionState::Draining,
    ] {
        let found = partitions.iter().filter(|it| it.state == state).count();
        if found > 0 {
            html.raw(", <strong>")
                .text(number(len(found)))
                .raw(" ")
                .text(state)
                .raw("</strong>");
        }
    }
    html.raw("</span></summary>");
}

fn table(html: &mut Html, partitions: &[&PartitionStatus], in_order: bool) {
    let mut sorted = partitions.to_vec();
    if in_order {
        sorted.sort_by_key(|it| it.partition);
    } else {
        sorted.sort_by_key(|it| (Reverse(urgency(it)), it.partition));
    }
    html.raw("<table><thead><tr><th scope=\"col\">Partition</th>")
        .raw("<th scope=\"col\">State</th><th scope=\"col\" class=\"n\">Lag</th>")
        .raw("<th scope=\"col\" class=\"n\">Committed</th></tr></thead><tbody>");
    for partition in sorted.into_iter().take(MOST_ROWS) {
        html.raw("<tr><th scope=\"row\">")
            .text(partition.partition)
            .raw("</th><td>");
        states::partition(html, partition.state);
        html.raw("</td><td class=\"n\">")
            .text(known(partition.lag))
            .raw("</td><td class=\"n\">")
            .text(
                partition
                    .committed
                    .map_or_else(|| "–".to_owned(), |offset| offset.to_string()),
            )
            .raw("</td></tr>");
    }
    rest(
        html,
        partitions.len(),
        "<tr><td colspan=\"4\" class=\"more\">",
        "</td></tr>",
    );
    html.raw("</tbody></table>");
}

/// Returns the sort key: partitions that do not run come before those with a large lag.
fn urgency(partition: &PartitionStatus) -> (bool, Option<u64>) {
    (partition.state != PartitionState::Running, partition.lag)
}

fn worst<'a>(partitions: &[&'a PartitionStatus]) -> Option<&'a PartitionStatus> {
    partitions
        .iter()
        .copied()
        .max_by_key(|it| (it.lag, Reverse(it.partition)))
}

fn len(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
