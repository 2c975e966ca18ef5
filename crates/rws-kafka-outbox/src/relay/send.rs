//! Sends the events of a batch, and sorts them by outcome.

use super::failure::{Remedy, remedy};
use super::options::Options;
use super::pending::Pending;
use crate::error::OutboxError;
use crate::event::MESSAGE_ID_HEADER;
use futures_util::stream::{FuturesUnordered, StreamExt};
use rws_kafka_producer::{DeliveryFuture, KafkaProducer, ProducerError, Record};
use std::collections::HashMap;
use std::time::Duration;

/// The outcome of a batch. Events that are in none of the lists were not sent, because an earlier event of
/// their strand failed.
#[derive(Default)]
pub(super) struct Sent<'a> {
    pub(super) acknowledged: Vec<&'a Pending>,
    /// Refused, and to be sent again after this time.
    pub(super) delayed: Vec<(Refusal<'a>, Duration)>,
    /// Refused, and to be parked.
    pub(super) parked: Vec<Refusal<'a>>,
    /// The events that the brokers left unanswered for the delivery timeout.
    pub(super) unanswered: Vec<&'a Pending>,
    /// Why events that are not at fault themselves were not acknowledged.
    pub(super) trouble: Option<OutboxError>,
}

/// An event that Kafka has refused.
pub(super) struct Refusal<'a> {
    pub(super) row: &'a Pending,
    pub(super) error: ProducerError,
    /// The number of times that it has been refused, including this time.
    pub(super) attempts: u32,
}

impl Sent<'_> {
    pub(super) fn refused(&self) -> usize {
        self.delayed.len() + self.parked.len()
    }
}

impl<'a> Sent<'a> {
    fn failed(&mut self, row: &'a Pending, error: ProducerError, options: &Options) {
        let attempts = row.attempts.saturating_add(1);
        let refusal = |error| Refusal {
            row,
            error,
            attempts,
        };
        match remedy(&error, attempts, options.on_refusal, options.max_attempts) {
            Remedy::RetryAfter(after) => self.delayed.push((refusal(error), after)),
            Remedy::Park => self.parked.push(refusal(error)),
            Remedy::SendAgain => {
                if matches!(error, ProducerError::TimedOut { .. }) {
                    self.unanswered.push(row);
                }
                self.trouble = Some(OutboxError::Unacknowledged(error));
            }
            Remedy::EndRelay => self.trouble = Some(OutboxError::Producer(error)),
        }
    }
}

/// Sends `rows` and waits for the outcome of each event that was sent. Strands are sent concurrently. Within
/// a strand each event waits for the previous one, so that no event overtakes a refused one.
pub(super) async fn send<'a>(
    producer: &KafkaProducer,
    rows: &'a [Pending],
    options: &Options,
) -> Sent<'a> {
    let mut strands: HashMap<i64, Vec<&Pending>> = HashMap::with_capacity(rows.len());
    for row in rows {
        let place = row.place(options.ordering);
        strands.entry(place.1).or_default().push(row);
    }
    let mut sent = Sent {
        acknowledged: Vec::with_capacity(rows.len()),
        ..Sent::default()
    };
    let mut running: FuturesUnordered<_> = strands
        .into_values()
        .map(|strand| send_strand(producer, strand))
        .collect();
    while let Some(outcome) = running.next().await {
        sent.acknowledged.extend(outcome.acknowledged);
        if let Some((row, error)) = outcome.failed {
            sent.failed(row, error, options);
        }
    }
    sent
}

/// The outcome of a strand's events.
struct StrandOutcome<'a> {
    acknowledged: Vec<&'a Pending>,
    /// The first event that was not acknowledged. Those after it were not sent.
    failed: Option<(&'a Pending, ProducerError)>,
}

async fn send_strand<'a>(producer: &KafkaProducer, strand: Vec<&'a Pending>) -> StrandOutcome<'a> {
    let mut acknowledged = Vec::with_capacity(strand.len());
    let mut failed = None;
    for row in strand {
        match post(producer, row).await {
            Ok(_) => acknowledged.push(row),
            Err(error) => {
                failed = Some((row, error));
                break;
            }
        }
    }
    StrandOutcome {
        acknowledged,
        failed,
    }
}

fn post(producer: &KafkaProducer, row: &Pending) -> DeliveryFuture {
    let id = row.message_id().to_string();
    let mut record = Record::to(row.topic());
    if let Some(key) = row.key() {
        record = record.key(key);
    }
    if let Some(payload) = row.payload() {
        record = record.payload(payload);
    }
    let headers: Vec<(&str, Option<&[u8]>)> = row.headers().collect();
    producer.send_record_async(record.headers(&headers).header(MESSAGE_ID_HEADER, &id))
}
