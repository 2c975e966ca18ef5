use std::{
    sync::mpsc::{RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use integration_tests::{
    jobs::{
        Pen,
        stormer::{CLEAN, Entry, OWNS, REBALANCING, STOPPED, Stormer},
    },
    now_ms,
};
use rws_kafka::{ConsumerContext, ConsumerHandle, KafkaConsumer};

/// The interval in which changes of the assignment are reported.
const LOOK: Duration = Duration::from_millis(20);
/// So that messages are in flight when a worker ends.
const WORK: Duration = Duration::from_micros(300);

/// Works until SIGTERM, then stops.
pub(crate) fn run(stormer: &Stormer) {
    let (ask, asked) = channel();
    ctrlc::set_handler(move || {
        let _ = ask.send(());
    })
    .expect("a handler of SIGTERM");

    let (place, worker) = (&stormer.place, stormer.worker);
    let config = stormer
        .protocol
        .config(&place.brokers, &place.group, stormer.session);
    let pen = Pen::open(&stormer.journal);
    let handle = KafkaConsumer::new(config)
        .and_then(|consumer| consumer.subscribe([&place.topic]))
        .expect("a valid consumer")
        .concurrency(3)
        .start(move |msg: ConsumerContext| {
            pen.note(Entry {
                partition: msg.partition(),
                offset: msg.offset(),
                worker,
                at_ms: now_ms(),
            });
            thread::sleep(WORK);
            msg.commit()
        });

    let mut last = String::new();
    loop {
        let now = report(&handle);
        if now != last {
            println!("{now}");
            last = now;
        }
        match asked.recv_timeout(LOOK) {
            Ok(()) => break,
            Err(RecvTimeoutError::Timeout) => {
                let status = handle.status();
                assert!(!status.stopped, "the worker ended by itself: {status:#?}");
            }
            Err(RecvTimeoutError::Disconnected) => panic!("the SIGTERM handler was dropped"),
        }
    }
    let report = handle.stop();
    match report.is_clean() {
        true => println!("{STOPPED}{CLEAN}"),
        false => println!("{STOPPED}{report:?}"),
    }
    assert!(report.is_clean(), "{report:?}");
}

/// Returns what the worker owns, for the test.
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
