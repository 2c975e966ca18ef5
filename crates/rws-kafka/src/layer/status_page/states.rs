//! Shows a state as a word, a sign and a colour together.

use super::html::Html;
use rws_kafka_observe::{BrokerState, PartitionState, WorkerState};
use std::fmt::Display;

#[derive(Clone, Copy)]
enum Tone {
    Good,
    Warn,
    Bad,
    Plain,
}

pub(super) fn worker(html: &mut Html, state: WorkerState) {
    let (tone, sign) = match state {
        WorkerState::Ok => (Tone::Good, "✓"),
        WorkerState::Paused => (Tone::Warn, "‖"),
        WorkerState::Rebalancing => (Tone::Bad, "↻"),
        // Stalled, failed, missing topic, and states added later.
        _ => (Tone::Bad, "✗"),
    };
    pill(html, tone, sign, state);
}

pub(super) fn partition(html: &mut Html, state: PartitionState) {
    let (tone, sign) = match state {
        PartitionState::Running => (Tone::Good, "✓"),
        PartitionState::Full => (Tone::Warn, "≡"),
        PartitionState::Paused => (Tone::Warn, "‖"),
        _ => (Tone::Warn, "↻"),
    };
    pill(html, tone, sign, state);
}

pub(super) fn broker_state(html: &mut Html, state: BrokerState) {
    match state {
        BrokerState::Ok => pill(html, Tone::Good, "✓", state),
        BrokerState::Unreachable => pill(html, Tone::Bad, "✗", state),
    }
}

/// Writes the state of a connection to a broker, given librdkafka's name for it.
pub(super) fn connection(html: &mut Html, state: &str) {
    match state {
        "INIT" => pill(html, Tone::Plain, "·", "not used yet"),
        state if is_up(state) => pill(html, Tone::Good, "✓", "up"),
        state => pill(html, Tone::Warn, "!", state.to_lowercase()),
    }
}

/// Returns `true` if a connection is healthy. librdkafka opens a connection only when it needs it.
pub(super) fn is_up(state: &str) -> bool {
    ["UP", "UPDATE", "INIT"].contains(&state)
}

fn pill(html: &mut Html, tone: Tone, sign: &'static str, words: impl Display) {
    html.raw(match tone {
        Tone::Good => "<span class=\"state good\">",
        Tone::Warn => "<span class=\"state warn\">",
        Tone::Bad => "<span class=\"state bad\">",
        Tone::Plain => "<span class=\"state\">",
    })
    .raw("<span aria-hidden=\"true\">")
    .raw(sign)
    .raw("</span> ")
    .text(words)
    .raw("</span>");
}
