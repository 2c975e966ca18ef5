//! No degraded answer of `/readyz` is without its cause, and none that is ready has one.

use rws_kafka_observe::{ConsumerHealth, Observer, OutboxHealth, ProducerHealth};
use serde_json::{Map, Value};
use std::time::Duration;

const DOWN: &str =
    r#"{"status":"degraded","kafka_producer":"unreachable","kafka_consumer_lag":null}"#;
const UNTRUSTED: &str = "the broker's certificate is not signed by a CA in \"ssl_ca_file\"\n\\";
const NOT_ALLOWED: &str = "User:guest needs Read on topic \"orders\"";

#[derive(Clone, Copy, Debug, PartialEq)]
enum Broker {
    Unasked,
    Answered,
    /// And then it went down.
    Down,
    Untrusted,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Work {
    Ok,
    Joining,
    Preparing,
    Missing,
    Hindered,
    Stalled,
    Failed,
}

const BROKERS: [Broker; 4] = [
    Broker::Unasked,
    Broker::Answered,
    Broker::Down,
    Broker::Untrusted,
];
const WORK: [Work; 7] = [
    Work::Ok,
    Work::Joining,
    Work::Preparing,
    Work::Missing,
    Work::Hindered,
    Work::Stalled,
    Work::Failed,
];

fn producer(observer: &Observer, broker: Broker) -> ProducerHealth {
    let producer = observer.register_producer();
    match broker {
        Broker::Unasked => {}
        Broker::Answered => producer.reachable(),
        Broker::Down => {
            producer.reachable();
            producer.unreachable();
        }
        Broker::Untrusted => producer.unreachable_for(Some(UNTRUSTED.to_owned())),
    }
    producer
}

fn consumer(observer: &Observer, broker: Broker, work: Work) -> ConsumerHealth {
    let consumer = observer.register_consumer("billing", Duration::ZERO);
    if broker != Broker::Unasked {
        consumer.reachable();
        consumer.work(Some(0), 0);
    }
    if work != Work::Joining {
        consumer.assigned();
    }
    match work {
        Work::Ok | Work::Joining => {}
        Work::Preparing => consumer.preparing(),
        Work::Missing => consumer.missing_topics(["orders"]),
        Work::Hindered => consumer.hindered(Some(NOT_ALLOWED.to_owned())),
        Work::Stalled => consumer.work(Some(3), 1),
        Work::Failed => consumer.failed(),
    }
    match broker {
        Broker::Down => consumer.unreachable(),
        Broker::Untrusted => consumer.unreachable_for(Some(UNTRUSTED.to_owned())),
        Broker::Unasked | Broker::Answered => {}
    }
    consumer
}

fn relay(observer: &Observer, is_stalled: bool) -> OutboxHealth {
    let relay = observer.register_outbox(Duration::ZERO);
    if is_stalled {
        relay.has_work();
    }
    relay
}

fn body(observer: &Observer, server: bool) -> Map<String, Value> {
    // Past the lag timeout of no time at all.
    std::thread::sleep(Duration::from_micros(1));
    let body = observer.readiness().and_server(server).to_json();
    let value: Value =
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{body}: {error}"));
    value.as_object().expect("an object").clone()
}

fn check(body: &Map<String, Value>, state: &str) {
    let causes = ["kafka_consumer", "kafka_outbox", "cause"];
    let has_cause = causes.iter().any(|field| body.contains_key(*field));
    let allowed = [
        "stalled",
        "rebalancing",
        "missing topic",
        "starting",
        "unreachable",
    ];
    if let Some(word) = body.get("kafka_consumer") {
        let word = word.as_str().expect("a word");
        assert!(allowed.contains(&word), "{body:?} {state}");
    }
    match body["status"].as_str() {
        Some("ok") => assert!(!has_cause, "{body:?} {state}"),
        Some("degraded") => {
            let is_down = body["kafka_producer"] == "unreachable";
            assert!(is_down || has_cause, "{body:?} {state}");
        }
        other => panic!("{other:?} {state}"),
    }
}

#[test]
fn every_degraded_answer_has_a_cause_and_no_other_does() {
    let producers = || std::iter::once(None).chain(BROKERS.map(Some));
    let works = || {
        BROKERS
            .into_iter()
            .flat_map(|broker| WORK.map(|work| (broker, work)))
    };
    let consumers = || std::iter::once(None).chain(works().map(Some));
    for of_producer in producers() {
        for of_consumer in consumers() {
            for is_producer_first in [true, false] {
                for of_relay in [None, Some(false), Some(true)] {
                    let observer = Observer::without_metrics();
                    let early = of_producer.filter(|_| is_producer_first);
                    let early = early.map(|broker| producer(&observer, broker));
                    let _consumer =
                        of_consumer.map(|(broker, work)| consumer(&observer, broker, work));
                    let late = of_producer.filter(|_| !is_producer_first);
                    let late = late.map(|broker| producer(&observer, broker));
                    let _relay = of_relay.map(|is_stalled| relay(&observer, is_stalled));
                    for server in [true, false] {
                        let state = format!(
                            "producer {of_producer:?} (first: {is_producer_first}), consumer \
                             {of_consumer:?}, relay stalled {of_relay:?}, server {server}"
                        );
                        check(&body(&observer, server), &state);
                    }
                    drop((early, late));
                }
            }
        }
    }
}

/// The two find out at different times; the first one counts for both.
#[test]
fn the_first_answer_of_an_outage_is_the_roadmaps_whichever_client_finds_out() {
    for is_producer_first in [true, false] {
        let observer = Observer::new();
        let producer = producer(&observer, Broker::Answered);
        let consumer = observer.register_consumer("billing", Duration::from_secs(3600));
        consumer.reachable();
        consumer.assigned();
        consumer.work(Some(5), 0);
        assert!(observer.readiness().is_ready());
        match is_producer_first {
            true => producer.unreachable(),
            false => consumer.unreachable(),
        }
        assert_eq!(observer.readiness().to_json(), DOWN);
        match is_producer_first {
            true => consumer.unreachable(),
            false => producer.unreachable(),
        }
        assert_eq!(observer.readiness().to_json(), DOWN);

        // The producer is back first.
        producer.reachable();
        assert_eq!(
            observer.readiness().to_json(),
            r#"{"status":"degraded","kafka_producer":"ok","kafka_consumer_lag":null,"kafka_consumer":"unreachable"}"#
        );
        consumer.reachable();
        consumer.work(Some(5), 0);
        assert!(observer.readiness().is_ready());
    }
}

#[test]
fn the_first_answer_of_a_start_without_a_broker_is_the_roadmaps() {
    let observer = Observer::new();
    let producer = observer.register_producer();
    let consumer = observer.register_consumer("billing", Duration::ZERO);
    assert_eq!(observer.readiness().to_json(), DOWN);
    producer.reachable();
    assert_eq!(
        observer.readiness().to_json(),
        r#"{"status":"degraded","kafka_producer":"ok","kafka_consumer_lag":null,"kafka_consumer":"starting"}"#
    );
    consumer.reachable();
    assert_eq!(
        observer.readiness().to_json(),
        r#"{"status":"degraded","kafka_producer":"ok","kafka_consumer_lag":null,"kafka_consumer":"rebalancing"}"#
    );
}

#[test]
fn a_missing_topic_is_named_in_the_status_and_its_state_in_the_answer() {
    let observer = Observer::new();
    let consumer = consumer(&observer, Broker::Answered, Work::Missing);
    assert_eq!(
        observer.readiness().to_json(),
        r#"{"status":"degraded","kafka_producer":null,"kafka_consumer_lag":0,"kafka_consumer":"missing topic"}"#
    );
    let status = &observer.status().consumers[0];
    assert_eq!(status.missing_topics, ["orders"]);
    assert_eq!(status.state.to_string(), "missing topic");
    consumer.missing_topics(Vec::<String>::new());
    assert!(observer.readiness().is_ready());
}

#[test]
fn a_missing_permission_degrades_until_it_is_granted_and_not_while_the_broker_is_down() {
    let observer = Observer::new();
    let producer = producer(&observer, Broker::Answered);
    let consumer = consumer(&observer, Broker::Answered, Work::Hindered);
    let refused = r#"{"status":"degraded","kafka_producer":"ok","kafka_consumer_lag":0,"cause":"User:guest needs Read on topic \"orders\""}"#;
    assert_eq!(observer.readiness().to_json(), refused);
    assert_eq!(observer.readiness().cause(), Some(NOT_ALLOWED));
    assert_eq!(
        observer.status().consumers[0].cause.as_deref(),
        Some(NOT_ALLOWED)
    );
    producer.unreachable();
    assert_eq!(observer.readiness().to_json(), DOWN);
    producer.reachable();
    consumer.reachable();
    assert_eq!(observer.readiness().to_json(), refused);
    consumer.hindered(None);
    assert!(observer.readiness().is_ready());
}

#[test]
fn a_certificate_is_a_cause_in_words_on_one_line() {
    let observer = Observer::new();
    let _producer = producer(&observer, Broker::Untrusted);
    let body = body(&observer, true);
    assert_eq!(body["kafka_producer"], "unreachable");
    let expected = r#"the broker's certificate is not signed by a CA in "ssl_ca_file"\n\"#;
    assert_eq!(body["cause"], expected);
    assert_eq!(
        observer.status().producers[0].cause.as_deref(),
        Some(UNTRUSTED)
    );
}
