use super::membership::Client;
use crate::engine::shared::Engine;
use crate::partition::{Partition, show_lag};
use crate::transport::{Consumer, Unreachable};
use rws_kafka_client::Deadline;
use rws_kafka_dispatch::TopicPartition;
use rws_kafka_dispatch::history::Look;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How often the broker is asked for the end offsets of the assigned partitions.
const INTERVAL: Duration = Duration::from_secs(2);
/// The timeout of its answer.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Updates lag and health until the worker stops, even if nothing is fetched.
pub(crate) fn run(engine: &Arc<Engine>, client: &Client) {
    // Measures for the first time as soon as there is an assignment.
    engine.wait_assigned(Deadline::after(INTERVAL).instant());
    while !engine.stop.is_asked() {
        let consumer = &*client.present();
        let partitions = engine.partitions();
        if engine.has_new_topics.swap(false, Ordering::AcqRel) {
            // librdkafka rejoins after new topics appeared only when it fetches the metadata of all topics.
            let _ = consumer.ping(TIMEOUT);
        }
        let total = measure(engine, consumer, &partitions);
        match total {
            Ok(lag) => {
                engine.connection.recovered();
                engine.health.reachable();
                engine.health.waiting(waiting(engine, &partitions));
                engine.health.work(lag, engine.in_flight());
                engine.look_at_topics(consumer, &partitions);
            }
            Err(Unreachable) => {
                engine.tell_unreachable();
                partitions
                    .iter()
                    .for_each(|partition| show_lag(partition, None));
            }
        }
        engine.stop.sleep(INTERVAL);
    }
}

/// How many messages of the lag wait in retry topics until they are due.
fn waiting(engine: &Engine, partitions: &[Arc<Partition>]) -> u64 {
    let now = engine.clock.now();
    let partitions = partitions.iter();
    let waiting = partitions.filter(|partition| partition.is_waiting(now));
    waiting
        .filter_map(|partition| partition.recorders.shown_lag())
        .sum()
}

/// The total lag of `partitions`; `None` if the lag of one of them is unknown.
fn measure(
    engine: &Engine,
    consumer: &Consumer,
    partitions: &[Arc<Partition>],
) -> Result<Option<u64>, Unreachable> {
    if partitions.is_empty() {
        consumer.ping(TIMEOUT)?;
        return Ok(engine.is_settled().then_some(0));
    }
    let names: Vec<&TopicPartition> = partitions.iter().map(|partition| &partition.name).collect();
    let looks: Vec<Look> = partitions
        .iter()
        .map(|partition| partition.look())
        .collect();
    let ends = consumer.end_offsets(&names, TIMEOUT)?;
    find_new_histories(engine, consumer, partitions.iter().zip(looks), &ends)?;
    let committed = committed(engine, consumer, partitions)?;
    let mut total = Some(0);
    for partition in partitions {
        let lag = match (ends.get(&partition.name), committed.get(&partition.name)) {
            (Some(end), Some(committed)) => Some(partition.lag(*end, *committed)),
            _ => None,
        };
        show_lag(partition, lag);
        total = total.zip(lag).map(|(total, lag)| total + lag);
    }
    Ok(total)
}

/// Finds partitions that end before the position that was read: their topic was deleted and created again, or
/// their log was truncated.
fn find_new_histories<'a>(
    engine: &Engine,
    consumer: &Consumer,
    looks: impl Iterator<Item = (&'a Arc<Partition>, Look)>,
    ends: &HashMap<TopicPartition, i64>,
) -> Result<(), Unreachable> {
    let mut outlived = Vec::new();
    for (partition, look) in looks {
        if let Some(end) = ends.get(&partition.name)
            && partition.is_outlived(look, *end)
        {
            outlived.push((partition, look));
        }
    }
    if outlived.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = outlived
        .iter()
        .map(|(partition, _)| &partition.name)
        .collect();
    let starts = consumer.start_offsets(&names, TIMEOUT)?;
    for (partition, look) in outlived {
        if let Some(start) = starts.get(&partition.name) {
            partition.outlive(look, *start);
        }
    }
    engine.outlived.store(true, Ordering::Release);
    Ok(())
}

/// The position of the group in each partition: its committed offset. Without one, the start of the partition
/// if the group begins there, otherwise the offset at which this worker began.
fn committed(
    engine: &Engine,
    consumer: &Consumer,
    partitions: &[Arc<Partition>],
) -> Result<HashMap<TopicPartition, i64>, Unreachable> {
    let mut known = HashMap::new();
    let mut unknown = Vec::new();
    for partition in partitions {
        match partition.tracker().committed() {
            Some(offset) => {
                known.insert(partition.name.clone(), offset);
            }
            None => unknown.push(&partition.name),
        }
    }
    if !unknown.is_empty() {
        known.extend(consumer.committed_offsets(&unknown, TIMEOUT)?);
        unknown.retain(|name| !known.contains_key(name));
    }
    if unknown.is_empty() {
        return Ok(known);
    }
    let (from_start, from_end): (Vec<_>, Vec<_>) = unknown
        .into_iter()
        .partition(|name| engine.settings.reads_from_start || engine.is_retry(name.topic()));
    if !from_start.is_empty() {
        known.extend(consumer.start_offsets(&from_start, TIMEOUT)?);
    }
    if from_end.is_empty() {
        return Ok(known);
    }
    for partition in partitions {
        if let Some(begin) = partition.began_at()
            && !known.contains_key(&partition.name)
        {
            known.insert(partition.name.clone(), begin);
        }
    }
    Ok(known)
}
