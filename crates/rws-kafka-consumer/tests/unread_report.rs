//! Unread reports of failed workers. In a process of its own, without a subscriber: the test starts
//! itself.

use rws_kafka_consumer::{ConsumerConfig, ConsumerContext, KafkaConsumer};
use rws_kafka_observe::Observer;
use std::process::Command;

const TEST: &str = "a_failed_worker_is_heard_of_though_nobody_reads_its_report";
const ROLE: &str = "RWS_KAFKA_TEST_ROLE";

#[test]
fn a_failed_worker_is_heard_of_though_nobody_reads_its_report() {
    if let Ok(role) = std::env::var(ROLE) {
        return fail_as(&role);
    }
    let ignores = stderr_of("ignores");
    assert_eq!(ignores.matches("group unread").count(), 1, "{ignores}");
    assert!(ignores.contains("ended by: "), "{ignores}");
    assert!(ignores.contains("dead_letter_queue"), "{ignores}");
    for role in ["shows", "has the result", "reads a field"] {
        let read = stderr_of(role);
        assert!(!read.contains("group unread"), "{role}: {read}");
    }
}

/// The dead letter topic is the one that is read: the worker does not start.
fn fail_as(role: &str) {
    let config = ConsumerConfig::new("127.0.0.1:9", "unread")
        .expect("valid settings")
        .observer(Observer::new());
    let worker = KafkaConsumer::new(config)
        .and_then(|consumer| consumer.subscribe(["orders"]))
        .expect("a consumer")
        .dead_letter_queue("orders")
        .start(|msg: ConsumerContext| msg.commit());
    match role {
        // As in the roadmap; twice, but reported once.
        "ignores" => {
            worker.join();
            worker.join();
        }
        "shows" => println!("{}", worker.join()),
        "has the result" => assert!(worker.join().into_result().is_err()),
        "reads a field" => assert!(worker.join().error.is_some()),
        other => panic!("no such role: {other}"),
    }
}

fn stderr_of(role: &str) -> String {
    let output = Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", TEST, "--nocapture"])
        .env(ROLE, role)
        .output()
        .expect("the test binary starts");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{role}: {stderr}");
    stderr
}
