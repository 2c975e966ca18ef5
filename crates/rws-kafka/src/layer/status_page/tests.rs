use super::html::Html;
use super::verdict::Verdict;
use super::{STYLE_HASH, View, page};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rws_kafka_observe::{
    BrokerState, BrokerStatus, ConsumerStatus, DeadLetterStatus, Observer, OutboxStatus,
    PartitionState, PartitionStatus, ProducerStatus, RecentError, Status, WorkerState,
};
use std::time::Duration;

const HOSTILE: &str = "<script>alert(\"1\")</script>&'\u{202e}\0";

/// Builds a value of a `#[non_exhaustive]` type of another crate.
macro_rules! made {
    (@value $field:ident) => { $field };
    (@value $field:ident $value:expr) => { $value };
    ($type:ty { $($field:ident $(: $value:expr)?),* $(,)? }) => {{
        let mut made = <$type>::default();
        $(made.$field = made!(@value $field $($value)?).into();)*
        made
    }};
}

fn view(status: Status) -> View {
    let readiness = Observer::new().readiness();
    View {
        verdict: Verdict::of(&readiness, true, &status),
        as_of_unix_ms: 1_798_761_599_000,
        up_ms: 11_040_000,
        status,
    }
}

fn html(view: &View) -> String {
    let mut html = Html::default();
    page::write(&mut html, view, true);
    html.into()
}

fn partition(
    topic: &str,
    partition: i32,
    state: PartitionState,
    lag: Option<u64>,
) -> PartitionStatus {
    made!(PartitionStatus {
        topic,
        partition,
        state,
        committed: Some(1_000),
        lag,
    })
}

fn consumer(state: WorkerState, partitions: Vec<PartitionStatus>) -> ConsumerStatus {
    made!(ConsumerStatus {
        group: "fulfilment",
        client: "orders-service",
        broker: BrokerState::Ok,
        state,
        lag: Some(1_204),
        partitions,
    })
}

fn with_consumers(consumers: Vec<ConsumerStatus>) -> Status {
    made!(Status { consumers })
}

#[test]
fn the_policy_allows_the_pages_own_style_sheet() {
    let digest = ring::digest::digest(&ring::digest::SHA256, page::STYLE.as_bytes());
    let expected = format!("sha256-{}", BASE64_STANDARD.encode(digest));
    assert_eq!(STYLE_HASH, expected);
    assert!(html(&view(Status::default())).contains(&format!("<style>{}</style>", page::STYLE)));
}

#[test]
fn no_name_and_no_error_becomes_markup() {
    let hostile = || HOSTILE.to_owned();
    let mut consumer = consumer(
        WorkerState::Ok,
        vec![partition(HOSTILE, 0, PartitionState::Running, None)],
    );
    consumer.group = hostile();
    consumer.client = hostile();
    let mut stalled = consumer.clone();
    stalled.state = WorkerState::Stalled;
    let status = made!(Status {
        brokers: vec![made!(BrokerStatus {
            client: hostile(),
            name: hostile(),
            state: hostile()
        })],
        producers: vec![made!(ProducerStatus { client: hostile() })],
        consumers: vec![consumer, stalled],
        outboxes: vec![made!(OutboxStatus {
            schema: hostile(),
            parked: 1_u64
        })],
        dead_letters: vec![made!(DeadLetterStatus {
            topic: hostile(),
            group: hostile(),
            count: 1_u64
        })],
        errors: vec![made!(RecentError {
            source: hostile(),
            message: hostile()
        })],
    });
    let mut view = view(status);
    view.verdict.ready = false;
    view.verdict.causes.push(hostile());

    let html = html(&view);

    assert!(
        html.contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;\\u{202e}\\u{0}")
    );
    assert!(!html.contains("<script"), "{html}");
    assert!(!html.contains('\u{202e}') && !html.contains('\0'));
}

#[test]
fn the_verdict_comes_first_and_tells_the_causes_in_words() {
    let observer = Observer::new();
    let _producer = observer.register_producer();
    let mut stalled = consumer(WorkerState::Stalled, vec![]);
    stalled.since_last_commit_ms = Some(245_000);
    stalled.oldest_in_flight_ms = Some(61_000);
    let status = made!(Status {
        producers: vec![made!(ProducerStatus {
            client: "api",
            broker: BrokerState::Unreachable,
            queued_messages: 1_u64,
        })],
        consumers: vec![
            stalled,
            consumer(WorkerState::Rebalancing, vec![]),
            consumer(WorkerState::Failed, vec![])
        ],
    });

    let verdict = Verdict::of(&observer.readiness(), false, &status);

    assert!(!verdict.ready);
    assert_eq!(
        verdict.causes,
        [
            "Producer api cannot reach its brokers: 1 message waits in its queue.",
            "Consumer orders-service of group fulfilment has work but has committed nothing \
             for 4 min 5 s; a handler has had one message for 1 min 1 s.",
            "Consumer orders-service of group fulfilment waits for its partitions: \
             the group is rebalancing, or not joined yet.",
            "Consumer orders-service of group fulfilment ended with an error and handles nothing more.",
            "The web server is starting or stopping.",
        ]
    );
    let mut view = view(status);
    view.verdict = verdict;
    let html = html(&view);
    let at = |text| {
        html.find(text)
            .unwrap_or_else(|| panic!("{text} is not in {html}"))
    };
    assert!(at("Not ready</h2>") < at("cannot reach its brokers"));
    assert!(at("cannot reach its brokers") < at("id=\"consumers\""));
}

#[test]
fn what_ended_between_two_looks_still_has_a_cause() {
    let observer = Observer::new();
    let consumer = observer.register_consumer("fulfilment", Duration::from_secs(60));
    let of =
        |observer: &Observer| Verdict::of(&observer.readiness(), true, &Status::default()).causes;
    assert_eq!(of(&observer), ["A consumer waits for its partitions."]);
    consumer.assigned();
    assert_eq!(of(&observer), ["A consumer cannot reach its brokers."]);
    consumer.failed();
    assert_eq!(of(&observer), ["A consumer has work but commits nothing."]);
    let relay = observer.register_outbox(Duration::from_secs(60));
    relay.failed();
    let stalled = "An outbox has events, but its relay publishes none.";
    assert_eq!(of(&observer), [stalled]);
    relay.told();
    drop(relay);
    let _producer = observer.register_producer();
    assert_eq!(of(&observer), ["A producer cannot reach its brokers."]);
}

#[test]
fn what_takes_no_traffic_away_is_noted() {
    let status = made!(Status {
        brokers: vec![
            made!(BrokerStatus { state: "UP" }),
            made!(BrokerStatus { state: "DOWN" }),
        ],
        producers: vec![made!(ProducerStatus {
            broker: BrokerState::Ok,
            failed: 2_u64
        })],
        consumers: vec![consumer(WorkerState::Paused, vec![])],
        outboxes: vec![made!(OutboxStatus {
            schema: "rws_kafka",
            oldest_age_seconds: Some(61),
            parked: 1_200_u64,
        })],
        dead_letters: vec![
            made!(DeadLetterStatus { count: 1_u64 }),
            made!(DeadLetterStatus { count: 2_u64 }),
        ],
    });

    let verdict = view(status).verdict;

    assert!(verdict.ready && verdict.causes.is_empty());
    assert_eq!(
        verdict.notes,
        [
            "Consumer orders-service of group fulfilment is paused: it handles no messages until `resume` is called.",
            "3 messages became dead letters.",
            "2 messages could not be published.",
            "Outbox rws_kafka: the oldest event has waited for 1 min 1 s.",
            "Outbox rws_kafka: 1,200 events parked after refusals.",
            "1 of 2 connections to brokers is not up.",
        ]
    );
    assert!(view(Status::default()).verdict.notes.is_empty());
}

#[test]
fn handlers_that_never_commit_are_noted() {
    let mut consumer = consumer(WorkerState::Ok, vec![]);
    consumer.handled_without_commit = 1_200;

    let view = view(with_consumers(vec![consumer]));

    let note = "Consumer orders-service of group fulfilment has handled 1,200 messages without a commit: its \
                handlers return Ok without calling commit, and offsets do not move.";
    assert_eq!(view.verdict.notes, [note]);
    assert!(html(&view).contains(note));
}

#[test]
fn a_thousand_partitions_are_folded_cut_and_led_by_the_worst() {
    let partitions = (0..1_000).map(|number| {
        let state = if number == 500 {
            PartitionState::Full
        } else {
            PartitionState::Running
        };
        partition("orders.created", number, state, Some(number as u64))
    });
    let html = html(&view(with_consumers(vec![consumer(
        WorkerState::Ok,
        partitions.collect(),
    )])));

    assert!(html.contains("<details><summary>"), "it is not open");
    assert!(
        html.contains("1,000 partitions, lag 499,500, most on partition 999: 999, <strong>1 full")
    );
    let rows: Vec<_> = html.split("<th scope=\"row\">").skip(1).collect();
    assert_eq!(rows.len(), 100);
    assert!(
        rows[0].starts_with("500<") && rows[1].starts_with("999<"),
        "{rows:?}"
    );
    assert!(html.contains("and 900 more, all in the JSON"));
    assert!(html.len() < 100_000, "{} bytes", html.len());
}

#[test]
fn a_few_partitions_are_open_and_in_their_order() {
    let partitions = [(1, Some(7)), (0, None)]
        .map(|(number, lag)| partition("orders.created", number, PartitionState::Running, lag));
    let html = html(&view(with_consumers(vec![consumer(
        WorkerState::Ok,
        partitions.into(),
    )])));

    assert!(html.contains("<details open><summary>"));
    let rows: Vec<_> = html.split("<th scope=\"row\">").skip(1).collect();
    assert!(
        rows[0].starts_with("0<") && rows[0].contains(">unknown<"),
        "{rows:?}"
    );
    assert!(
        rows[1].starts_with("1<") && rows[1].contains(">7<"),
        "{rows:?}"
    );
}

#[test]
fn missing_topics_and_permissions_are_named_in_the_verdict() {
    let observer = Observer::new();
    let _producer = observer.register_producer();
    let mut missing = consumer(WorkerState::MissingTopic, vec![]);
    missing.missing_topics = vec!["orders".to_owned(), "pay\u{202e}ments".to_owned()];
    let mut refused = consumer(WorkerState::Rebalancing, vec![]);
    refused.cause = Some("User:guest needs Read on group \"fulfilment\"".to_owned());
    let mut untrusted = consumer(WorkerState::Ok, vec![]);
    untrusted.broker = BrokerState::Unreachable;
    untrusted.cause = Some("the certificate is not trusted".to_owned());
    let status = with_consumers(vec![missing, refused, untrusted]);

    let verdict = Verdict::of(&observer.readiness(), true, &status);

    assert_eq!(
        verdict.causes,
        [
            "Consumer orders-service of group fulfilment subscribes to topics that do not exist: \
             orders, pay\\u{202e}ments. Create them; they are found within seconds.",
            "Consumer orders-service of group fulfilment: User:guest needs Read on group \
             \"fulfilment\".",
            "Consumer orders-service of group fulfilment cannot reach its brokers (the certificate \
             is not trusted).",
        ]
    );
}

#[test]
fn every_list_is_bounded() {
    fn many<T: Clone>(one: T) -> Vec<T> {
        vec![one; 5_000]
    }
    let topics = (0..5_000)
        .map(|number| partition(&format!("topic-{number}"), 0, PartitionState::Running, None));
    let mut consumers = many(consumer(WorkerState::Paused, vec![]));
    consumers[0].partitions = topics.collect();
    let status = made!(Status {
        brokers: many(BrokerStatus::default()),
        producers: many(ProducerStatus::default()),
        consumers,
        outboxes: many(made!(OutboxStatus { parked: 1_u64 })),
        dead_letters: many(DeadLetterStatus::default()),
        errors: many(made!(RecentError {
            message: "x".repeat(100_000)
        })),
    });

    let html = html(&view(status));

    assert!(html.len() < 500_000, "{} bytes", html.len());
    assert_eq!(html.matches("and 4,900 more, all in the JSON").count(), 7);
}

#[test]
fn the_json_has_the_verdict_and_the_whole_status() {
    let status = with_consumers(vec![consumer(
        WorkerState::Ok,
        vec![partition("orders", 3, PartitionState::Running, None)],
    )]);
    let json = serde_json::to_value(view(status)).expect("JSON");

    assert_eq!(json["ready"], true);
    assert_eq!(json["causes"], serde_json::json!([]));
    assert_eq!(json["as_of_unix_ms"], 1_798_761_599_000_u64);
    assert_eq!(json["consumers"][0]["group"], "fulfilment");
    assert_eq!(json["consumers"][0]["partitions"][0]["partition"], 3);
    assert!(json["consumers"][0]["partitions"][0]["lag"].is_null());
    assert_eq!(json["outboxes"], serde_json::json!([]));
}
