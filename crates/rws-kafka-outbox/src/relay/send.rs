use super::Ordering;
use super::failure::{Fault, fault};
use super::rows::Pending;
use crate::event::MESSAGE_ID_HEADER;
use futures_util::stream::{FuturesUnordered, StreamExt};
use rws_kafka_producer::{DeliveryFuture, KafkaProducer, ProducerError, Record};
use std::collections::HashMap;

/// What came of a batch. Events in neither list were not sent, for one of their strand failed.
pub(super) struct Sent<'a> {
    pub(super) acknowledged: Vec<&'a Pending>,
    pub(super) refused: Vec<(&'a Pending, ProducerError)>,
    /// Those that the brokers left unanswered for the delivery timeout.
    pub(super) unanswered: Vec<&'a Pending>,
    /// The brokers, or the producer, and no event, failed.
    pub(super) broken: Option<ProducerError>,
}

/// Sends `rows` and waits for the outcome of each that was sent. Strands go side by side; in a strand each
/// waits for the one before it, as a refused one must not be overtaken.
pub(super) async fn send<'a>(
    producer: &KafkaProducer,
    rows: &'a [Pending],
    ordering: Ordering,
) -> Sent<'a> {
    let mut strands: HashMap<i64, Vec<&Pending>> = HashMap::with_capacity(rows.len());
    for row in rows {
        strands.entry(row.place(ordering).1).or_default().push(row);
    }
    let mut sent = Sent {
        acknowledged: Vec::with_capacity(rows.len()),
        refused: Vec::new(),
        unanswered: Vec::new(),
        broken: None,
    };
    let mut running: FuturesUnordered<_> = strands
        .into_values()
        .map(|strand| send_strand(producer, strand))
        .collect();
    while let Some((acknowledged, failed)) = running.next().await {
        sent.acknowledged.extend(acknowledged);
        match failed {
            Some((row, error)) if fault(&error) == Fault::Event => sent.refused.push((row, error)),
            Some((row, error)) => {
                if matches!(error, ProducerError::TimedOut { .. }) {
                    sent.unanswered.push(row);
                }
                sent.broken = Some(error);
            }
            None => {}
        }
    }
    sent
}

type Strand<'a> = (Vec<&'a Pending>, Option<(&'a Pending, ProducerError)>);

async fn send_strand<'a>(producer: &KafkaProducer, strand: Vec<&'a Pending>) -> Strand<'a> {
    let mut acknowledged = Vec::with_capacity(strand.len());
    for row in strand {
        match post(producer, row).await {
            Ok(_) => acknowledged.push(row),
            Err(error) => return (acknowledged, Some((row, error))),
        }
    }
    (acknowledged, None)
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
