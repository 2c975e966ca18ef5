use super::states;
use super::words::{count, duration, number};
use rws_kafka_observe::text::printable;
use rws_kafka_observe::{
    BrokerState, ConsumerState, ConsumerStatus, OutboxState, Readiness, Status, WorkerState,
};
use serde::Serialize;

/// Events that wait longer than this are worth a note: a relay takes well under a second.
const LONG_IN_OUTBOX_SECONDS: u64 = 60;

/// The most missing topics that a sentence names.
const MOST_TOPICS: usize = 10;

/// What an operator should read first.
#[derive(Debug, Serialize)]
pub(super) struct Verdict {
    /// `true` if `/readyz` answers 200.
    pub(super) ready: bool,
    /// Why it does not, in words.
    pub(super) causes: Vec<String>,
    /// Findings that do not affect readiness.
    pub(super) notes: Vec<String>,
}

impl Verdict {
    pub(super) fn of(readiness: &Readiness, server_is_ready: bool, status: &Status) -> Self {
        let ready = readiness.is_ready();
        let mut causes = Vec::new();
        if !ready {
            causes = causes_in(status);
            match readiness.outbox() {
                Some(OutboxState::Stalled) => {
                    causes.push("An outbox has events, but its relay publishes none.".to_owned());
                }
                Some(OutboxState::CannotDelete) => causes.push(
                    "The database does not let a relay delete events, so the relay publishes \
                     none."
                        .to_owned(),
                ),
                Some(OutboxState::Ok) | None => {}
            }
            if !server_is_ready {
                causes.push("The web server is starting or stopping.".to_owned());
            }
            if causes.is_empty() {
                // The state changed between the reading of the readiness and of the status.
                causes.push(cause_by(readiness).to_owned());
            }
        }
        Self {
            ready,
            causes,
            notes: notes_on(status),
        }
    }
}

fn causes_in(status: &Status) -> Vec<String> {
    let mut causes = Vec::new();
    for producer in status
        .producers
        .iter()
        .filter(|it| it.broker != BrokerState::Ok)
    {
        causes.push(format!(
            "Producer {} cannot reach its brokers{}: {} in its queue.",
            producer.client,
            because(producer.cause.as_deref()),
            count(producer.queued_messages, "message waits", "messages wait"),
        ));
    }
    let hindered = status.producers.iter();
    for producer in hindered.filter(|it| it.broker == BrokerState::Ok) {
        if let Some(cause) = &producer.cause {
            causes.push(format!(
                "Producer {}: {}.",
                producer.client,
                printable(cause)
            ));
        }
    }
    for consumer in &status.consumers {
        causes.extend(cause_of(consumer));
        causes.extend(hindrance_of(consumer));
    }
    causes
}

fn cause_of(consumer: &ConsumerStatus) -> Option<String> {
    let who = format!("Consumer {} of group {}", consumer.client, consumer.group);
    if consumer.state == WorkerState::Failed {
        return Some(format!(
            "{who} ended with an error and handles nothing more."
        ));
    }
    if consumer.broker != BrokerState::Ok {
        let because = because(consumer.cause.as_deref());
        return Some(format!("{who} cannot reach its brokers{because}."));
    }
    match consumer.state {
        WorkerState::Stalled => {
            let mut cause = format!("{who} has work but has committed nothing");
            if let Some(ms) = consumer.since_last_commit_ms {
                cause.push_str(&format!(" for {}", duration(ms)));
            }
            if let Some(ms) = consumer.oldest_in_flight_ms {
                cause.push_str(&format!(
                    "; a handler has had one message for {}",
                    duration(ms)
                ));
            }
            Some(cause + ".")
        }
        WorkerState::MissingTopic => Some(format!(
            "{who} subscribes to topics that do not exist: {}. Create them; they are found within \
             seconds.",
            missing_topics(&consumer.missing_topics),
        )),
        WorkerState::Rebalancing if consumer.cause.is_some() => None,
        WorkerState::Rebalancing => Some(format!(
            "{who} waits for its partitions: the group is rebalancing, or not joined yet."
        )),
        _ => None,
    }
}

/// Returns the permission or setting that hinders a consumer whose brokers answer.
fn hindrance_of(consumer: &ConsumerStatus) -> Option<String> {
    let cause = consumer.cause.as_deref()?;
    (consumer.broker == BrokerState::Ok).then(|| {
        let (client, group) = (&consumer.client, &consumer.group);
        format!("Consumer {client} of group {group}: {}.", printable(cause))
    })
}

fn because(cause: Option<&str>) -> String {
    cause.map_or_else(String::new, |cause| format!(" ({})", printable(cause)))
}

fn missing_topics(topics: &[String]) -> String {
    let shown = topics.iter().take(MOST_TOPICS);
    let shown: Vec<_> = shown.map(|topic| printable(topic)).collect();
    let mut text = shown.join(", ");
    if topics.len() > MOST_TOPICS {
        text += &format!(" and {} more", topics.len() - MOST_TOPICS);
    }
    text
}

fn cause_by(readiness: &Readiness) -> &'static str {
    match (readiness.producer(), readiness.consumer()) {
        (Some(BrokerState::Unreachable), _) => "A producer cannot reach its brokers.",
        (_, Some(ConsumerState::Stalled)) => "A consumer has work but commits nothing.",
        (_, Some(ConsumerState::MissingTopic)) => {
            "A consumer subscribes to a topic that does not exist."
        }
        (_, Some(ConsumerState::Rebalancing)) => "A consumer waits for its partitions.",
        _ => "A consumer cannot reach its brokers.",
    }
}

fn notes_on(status: &Status) -> Vec<String> {
    let mut notes = Vec::new();
    let paused = status
        .consumers
        .iter()
        .filter(|it| it.state == WorkerState::Paused);
    for consumer in paused {
        notes.push(format!(
            "Consumer {} of group {} is paused: it handles no messages until `resume` is called.",
            consumer.client, consumer.group
        ));
    }
    let forgetful = status
        .consumers
        .iter()
        .filter(|it| it.handled_without_commit > 0);
    for consumer in forgetful {
        notes.push(format!(
            "Consumer {} of group {} has handled {} without a commit: its handlers return Ok without calling \
             commit, and offsets do not move.",
            consumer.client,
            consumer.group,
            count(consumer.handled_without_commit, "message", "messages"),
        ));
    }
    let dead = status.dead_letters.iter().map(|it| it.count).sum();
    if dead > 0 {
        notes.push(count(
            dead,
            "message became a dead letter.",
            "messages became dead letters.",
        ));
    }
    let failed = status.producers.iter().map(|it| it.failed).sum();
    if failed > 0 {
        notes.push(count(
            failed,
            "message could not be published.",
            "messages could not be published.",
        ));
    }
    for outbox in &status.outboxes {
        notes.extend(note_on_age(outbox.oldest_age_seconds, &outbox.schema));
        if outbox.parked > 0 {
            let parked = count(outbox.parked, "event", "events");
            notes.push(format!(
                "Outbox {}: {parked} parked after refusals.",
                outbox.schema
            ));
        }
    }
    let all = status.brokers.len();
    let down = status
        .brokers
        .iter()
        .filter(|it| !states::is_up(&it.state))
        .count();
    if down > 0 {
        let number = |count| number(u64::try_from(count).unwrap_or(u64::MAX));
        let are = if down == 1 { "is" } else { "are" };
        notes.push(format!(
            "{} of {} connections to brokers {are} not up.",
            number(down),
            number(all),
        ));
    }
    notes
}

fn note_on_age(age_seconds: Option<u64>, schema: &str) -> Option<String> {
    let age = age_seconds.filter(|age| *age > LONG_IN_OUTBOX_SECONDS)?;
    let age = duration(age.saturating_mul(1000));
    Some(format!(
        "Outbox {schema}: the oldest event has waited for {age}."
    ))
}
