//! Does one [`Job`] of a test, which is its only argument. It ends when its standard input does.

mod consumers;
mod environment;
mod metrics;
mod outbox;
mod retrier;
mod stormer;

use std::{io::Read, process, thread};

use integration_tests::{Cluster, jobs::Job};
use rws_kafka::{ConsumerConfig, Observer, Replay};
use tracing_subscriber::filter::LevelFilter;

fn main() {
    let job = std::env::args().nth(1).expect("a job");
    end_with_the_test();
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(LevelFilter::INFO)
        .with_writer(std::io::stderr)
        .init();
    match Job::read(&job) {
        Job::CommitWithinBatches {
            place,
            batch,
            lanes,
        } => consumers::commit_within_batches(&place, batch, lanes),
        Job::Copy(copier) => {
            let report = copier.start().join();
            panic!("the worker ended by itself: {report:?}");
        }
        Job::DeadLetter {
            place,
            queue,
            poison,
            commit_interval,
        } => consumers::dead_letter(&place, &queue, poison, commit_interval),
        Job::HoldCluster => hold_cluster(),
        Job::Print(place) => consumers::print(&place),
        Job::PublishByOutbox { topic } => environment::publish_by_outbox(&topic),
        Job::Relay {
            brokers,
            database,
            batch,
        } => outbox::relay(&brokers, &database, batch),
        Job::Replay {
            brokers,
            queue,
            group,
            batch,
        } => replay(brokers, queue, group, batch),
        Job::Retry(retrier) => retrier::run(&retrier),
        Job::RoundTrip { topic } => environment::round_trip(&topic),
        Job::ServeMetrics {
            place,
            queue,
            registry,
        } => metrics::serve(&place, &queue, &registry),
        Job::StaticMember(member) => {
            member.start(&Observer::new()).join();
        }
        Job::Storm(stormer) => stormer::run(&stormer),
    }
}

/// Ends this process when its input ends, because a test that is killed must not leave its child
/// running.
fn end_with_the_test() {
    thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        process::exit(2);
    });
}

fn hold_cluster() {
    Cluster::shared().create_topic("up", 1);
    loop {
        thread::park();
    }
}

fn replay(brokers: String, queue: String, group: String, batch: usize) {
    let config = ConsumerConfig::new(brokers, "not used").expect("valid settings");
    let replay = Replay::new(config.observer(Observer::new()), queue);
    let handle = replay.group(group).rate(100).batch_size(batch).start();
    let _ = handle.expect("it starts").join();
}
