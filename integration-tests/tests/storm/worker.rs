//! The worker's side: a process that handles messages until it is killed or stopped.

use crate::journal::Pen;
use crate::order::Order;
use rws_kafka_consumer::{ConsumerContext, ConsumerHandle, KafkaConsumer};
use std::io::Read;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// Begins the lines that are meant for the test: the test runner writes there, too.
pub(crate) const MARK: &str = "worker: ";
pub(crate) const OWNS: &str = "owns ";
pub(crate) const REBALANCING: &str = "rebalancing";
pub(crate) const STOPPED: &str = "stopped ";
pub(crate) const CLEAN: &str = "clean";

/// How soon a change of the assignment is reported.
const LOOK: Duration = Duration::from_millis(20);
/// So that messages are in hand when a worker goes.
const WORK: Duration = Duration::from_micros(300);

/// Works until SIGTERM, then stops in order.
pub(crate) fn run(order: &Order) {
    let (ask, asked) = channel();
    ctrlc::set_handler(move || {
        let _ = ask.send(());
    })
    .expect("a handler of SIGTERM");
    end_with_the_test();
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing_subscriber::filter::LevelFilter::INFO)
        .with_writer(std::io::stderr)
        .init();

    let config = order
        .protocol
        .config(&order.brokers, &order.group, order.session);
    let pen = Arc::new(Pen::open(&order.journal, order.worker));
    let handle = KafkaConsumer::new(config)
        .and_then(|consumer| consumer.subscribe([&order.topic]))
        .expect("a valid consumer")
        .concurrency(3)
        .start(move |msg: ConsumerContext| {
            pen.note(msg.partition(), msg.offset());
            thread::sleep(WORK);
            msg.commit()
        });

    let mut last = String::new();
    loop {
        let now = report(&handle);
        if now != last {
            println!("{MARK}{now}");
            last = now;
        }
        match asked.recv_timeout(LOOK) {
            Ok(()) => break,
            Err(RecvTimeoutError::Timeout) => {
                let status = handle.status();
                assert!(!status.stopped, "it ended by itself: {status:#?}");
            }
            Err(RecvTimeoutError::Disconnected) => panic!("the handler of SIGTERM is gone"),
        }
    }
    let report = handle.stop();
    match report.is_clean() {
        true => println!("{MARK}{STOPPED}{CLEAN}"),
        false => println!("{MARK}{STOPPED}{report:?}"),
    }
    assert!(report.is_clean(), "{report:?}");
}

/// What the worker owns, for the test.
fn report(handle: &ConsumerHandle) -> String {
    let status = handle.status();
    let partitions: Vec<String> = status
        .assignment
        .iter()
        .map(|owned| owned.partition.partition().to_string())
        .collect();
    let state = if status.rebalancing { REBALANCING } else { "" };
    format!("{OWNS}{};{state}", partitions.join(","))
}

/// A test that is killed must not leave its workers running: their input ends with it.
fn end_with_the_test() {
    thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(2);
    });
}
