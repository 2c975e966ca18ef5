//! The page a scrape sees.

use rws_kafka_observe::{
    BrokerStatus, ConsumerStatus, FamilyKind, Observer, PartitionState, PartitionStatus,
    ProducerStatus, Source, families,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

#[test]
fn the_six_families_have_the_roadmaps_names_types_and_help() {
    let observer = Observer::new();
    let produced = observer.metrics().produced_to("orders.created");
    produced.delivered(Duration::from_millis(30));
    produced.failed();
    let consumed = observer
        .metrics()
        .consumed_from("orders.created", "my-service");
    consumed.processed(998);
    consumed.failed();
    let mut lag = observer.metrics().lag_of("orders.created", 1, "my-service");
    lag.set(5);

    let page = observer.render();
    for expected in [
        "# HELP rws_kafka_messages_produced_total Total messages successfully published to Kafka\n# TYPE rws_kafka_messages_produced_total counter\nrws_kafka_messages_produced_total{topic=\"orders.created\"} 1\n",
        "# HELP rws_kafka_produce_errors_total Messages that failed to publish\n# TYPE rws_kafka_produce_errors_total counter\nrws_kafka_produce_errors_total{topic=\"orders.created\"} 1\n",
        "# HELP rws_kafka_produce_latency_ms Publish round-trip latency to broker\n# TYPE rws_kafka_produce_latency_ms histogram\n",
        "rws_kafka_produce_latency_ms_bucket{topic=\"orders.created\",le=\"25\"} 0\n",
        "rws_kafka_produce_latency_ms_bucket{topic=\"orders.created\",le=\"50\"} 1\n",
        "rws_kafka_produce_latency_ms_bucket{topic=\"orders.created\",le=\"+Inf\"} 1\n",
        "# HELP rws_kafka_messages_consumed_total Total messages processed by the consumer\n# TYPE rws_kafka_messages_consumed_total counter\nrws_kafka_messages_consumed_total{group=\"my-service\",topic=\"orders.created\"} 998\n",
        "# HELP rws_kafka_consumer_errors_total Messages that failed processing (before DLQ)\n# TYPE rws_kafka_consumer_errors_total counter\nrws_kafka_consumer_errors_total{group=\"my-service\",topic=\"orders.created\"} 1\n",
        "# HELP rws_kafka_consumer_lag Current consumer lag (messages behind the latest offset)\n# TYPE rws_kafka_consumer_lag gauge\nrws_kafka_consumer_lag{group=\"my-service\",partition=\"1\",topic=\"orders.created\"} 5\n",
    ] {
        assert!(page.contains(expected), "missing:\n{expected}\nin:\n{page}");
    }
}

#[test]
fn what_becomes_of_failed_messages_is_counted() {
    let observer = Observer::new();
    let consumed = observer.metrics().consumed_from("orders", "group");
    (0..3).for_each(|_| consumed.retried());
    (0..4).for_each(|_| consumed.put_off());
    (0..2).for_each(|_| consumed.dead_lettered());
    consumed.skipped();
    let page = observer.render();
    for (family, count) in [
        ("rws_kafka_consumer_retries_total", 3),
        ("rws_kafka_consumer_delayed_retries_total", 4),
        ("rws_kafka_dead_letters_total", 2),
        ("rws_kafka_messages_skipped_total", 1),
    ] {
        let series = format!("{family}{{group=\"group\",topic=\"orders\"}} {count}\n");
        let kind = format!("# TYPE {family} counter\n");
        assert!(
            page.contains(&series) && page.contains(&kind),
            "{series}{page}"
        );
    }
}

#[test]
fn an_unknown_lag_is_absent_and_a_revoked_partition_leaves() {
    let observer = Observer::new();
    let mut lag = observer.metrics().lag_of("t", 0, "g");
    assert_eq!(lag.value(), None);
    assert!(!observer.render().contains("rws_kafka_consumer_lag{"));
    lag.set(1);
    assert!(observer.render().contains("rws_kafka_consumer_lag{"));
    lag.forget();
    assert!(!observer.render().contains("rws_kafka_consumer_lag{"));
    lag.set(2);
    assert_eq!(lag.value(), Some(2));
    drop(lag);
    assert!(!observer.render().contains("rws_kafka_consumer_lag{"));
}

/// Whether the page has each of these lines.
fn assert_lines(page: &str, lines: &[&str]) {
    for line in lines {
        assert!(page.lines().any(|other| other == *line), "{line}\n{page}");
    }
}

#[test]
fn a_partition_that_moves_within_a_process_keeps_its_series() {
    let observer = Observer::new();
    let mut before = observer.metrics().lag_of("t", 0, "g");
    let mut after = observer.metrics().lag_of("t", 0, "g");
    before.set(3);
    after.set(2);
    drop(before);
    let series = r#"rws_kafka_consumer_lag{group="g",partition="0",topic="t"} 2"#;
    assert_lines(&observer.render(), &[series]);
}

#[test]
fn topics_beyond_the_limit_share_a_label() {
    let observer = Observer::new();
    let metrics = observer.metrics();
    observer.limit_topics(2);
    for topic in ["a", "b", "c", "d", "a"] {
        let produced = metrics.produced_to(topic);
        produced.delivered(Duration::ZERO);
        metrics.consumed_from(topic, "g").processed(10);
    }
    let mut lags: Vec<_> = ["a", "c", "d"]
        .map(|topic| metrics.lag_of(topic, 7, "g"))
        .into();
    lags.iter_mut().for_each(|lag| lag.set(5));
    let page = observer.render();
    assert_lines(
        &page,
        &[
            r#"rws_kafka_messages_produced_total{topic="a"} 2"#,
            r#"rws_kafka_messages_produced_total{topic="b"} 1"#,
            r#"rws_kafka_messages_produced_total{topic="other"} 2"#,
            r#"rws_kafka_produce_latency_ms_count{topic="other"} 2"#,
            r#"rws_kafka_messages_consumed_total{group="g",topic="other"} 20"#,
            r#"rws_kafka_consumer_lag{group="g",partition="7",topic="a"} 5"#,
            r#"rws_kafka_consumer_lag{group="g",partition="other",topic="other"} 10"#,
        ],
    );
    assert!(!page.contains(r#"topic="c""#), "{page}");
    drop(lags);
    assert!(!observer.render().contains("rws_kafka_consumer_lag{"));
}

#[test]
fn handlers_are_counted_in_the_bucket_of_the_longest() {
    let observer = Observer::new();
    let consumed = observer.metrics().consumed_from("t", "g");
    consumed.handled(16, Duration::from_micros(320), Duration::from_micros(320));
    consumed.handled(1, Duration::from_millis(1), Duration::from_millis(1));
    consumed.handled(1, Duration::from_micros(1001), Duration::from_micros(1001));
    consumed.handled(1, Duration::from_secs(6), Duration::from_secs(6));
    assert_lines(
        &observer.render(),
        &[
            "# TYPE rws_kafka_handler_duration_ms histogram",
            r#"rws_kafka_handler_duration_ms_bucket{group="g",topic="t",le="1"} 17"#,
            r#"rws_kafka_handler_duration_ms_bucket{group="g",topic="t",le="2"} 18"#,
            r#"rws_kafka_handler_duration_ms_bucket{group="g",topic="t",le="5000"} 18"#,
            r#"rws_kafka_handler_duration_ms_bucket{group="g",topic="t",le="+Inf"} 19"#,
            r#"rws_kafka_handler_duration_ms_sum{group="g",topic="t"} 6002.321"#,
            r#"rws_kafka_handler_duration_ms_count{group="g",topic="t"} 19"#,
        ],
    );
}

struct Client(u64);

impl Source<ProducerStatus> for Client {
    fn fill(&self, status: &mut ProducerStatus) {
        status.client = "my-service".to_owned();
        status.queued_messages = self.0;
        status.queued_bytes = 100 * self.0;
    }
}

impl Source<ConsumerStatus> for Client {
    fn fill(&self, status: &mut ConsumerStatus) {
        status.in_flight = self.0;
        status.queued_messages = 10 * self.0;
        status.queued_bytes = 1000 * self.0;
        status.oldest_in_flight_ms = (self.0 > 1).then_some(500 * self.0);
        for state in [PartitionState::Running, PartitionState::Full] {
            let mut partition = PartitionStatus::default();
            partition.state = state;
            status.partitions.push(partition);
        }
    }
}

#[test]
fn gauges_are_of_all_clients_of_a_name_and_end_with_them() {
    let observer = Observer::new();
    let clients = [1, 2].map(|number| Arc::new(Client(number)));
    let producers = clients.each_ref().map(|client| {
        let producer = observer.register_producer();
        producer.told_by(client);
        producer
    });
    let consumers = clients.each_ref().map(|client| {
        let consumer = observer.register_consumer("g", Duration::from_secs(60));
        consumer.told_by(client);
        consumer
    });
    let page = observer.render();
    assert_lines(
        &page,
        &[
            "# TYPE rws_kafka_consumer_in_flight gauge",
            r#"rws_kafka_consumer_queued_messages{group="g"} 30"#,
            r#"rws_kafka_consumer_queued_bytes{group="g"} 3000"#,
            r#"rws_kafka_consumer_in_flight{group="g"} 3"#,
            r#"rws_kafka_consumer_oldest_in_flight_seconds{group="g"} 1"#,
            r#"rws_kafka_consumer_paused_partitions{group="g"} 2"#,
            r#"rws_kafka_consumer_assigned_partitions{group="g"} 4"#,
            r#"rws_kafka_producer_queued_messages{client="my-service"} 3"#,
            r#"rws_kafka_producer_queued_bytes{client="my-service"} 300"#,
        ],
    );
    drop((producers, consumers));
    assert_eq!(observer.render(), "");
}

#[test]
fn a_broker_is_told_of_once_for_each_client_id() {
    let observer = Observer::new();
    let broker = |state: &str, round_trip_ms| {
        let mut broker = BrokerStatus::default();
        broker.name = "kafka:9092/1".to_owned();
        broker.state = state.to_owned();
        broker.round_trip_ms = round_trip_ms;
        broker
    };
    let [one, other] = ["my-service"; 2].map(|client| observer.register_brokers(client));
    one.set(vec![broker("UP", Some(1.5))]);
    other.set(vec![broker("INIT", None)]);
    let brokers = observer.status().brokers;
    assert_eq!(brokers.len(), 1);
    assert_eq!(brokers[0].client, "my-service");
    assert_eq!(brokers[0].state, "UP");
    let series = r#"rws_kafka_broker_round_trip_ms{broker="kafka:9092/1",client="my-service"} 1.5"#;
    assert_lines(&observer.render(), &[series]);
    other.set(vec![broker("DOWN", Some(9.0))]);
    assert_eq!(observer.status().brokers[0].state, "DOWN");
    assert_eq!(observer.status().brokers[0].round_trip_ms, Some(9.0));
    drop((one, other));
    assert!(observer.status().brokers.is_empty());
    assert_eq!(observer.render(), "");
}

#[test]
fn an_observer_without_metrics_keeps_readiness_and_status() {
    let observer = Observer::without_metrics();
    let client = Arc::new(Client(1));
    let producer = observer.register_producer();
    producer.told_by(&client);
    producer.reachable();
    let metrics = observer.metrics();
    metrics.produced_to("t").delivered(Duration::ZERO);
    let consumed = metrics.consumed_from("t", "g");
    assert!(!consumed.is_on());
    consumed.processed(1);
    metrics.lag_of("t", 0, "g").set(1);
    metrics.member_of("g").committed();
    assert_eq!(observer.render(), "");
    assert!(observer.readiness().is_ready());
    assert_eq!(observer.status().producers[0].queued_messages, 1);
}

#[test]
fn rebalances_commits_and_registry_requests_begin_at_zero() {
    let observer = Observer::new();
    let member = observer.metrics().member_of("g");
    let registry = observer.metrics().registry_requests();
    member.assigned();
    member.revoked();
    member.revoked();
    member.committed();
    registry.answered();
    registry.hit();
    assert_lines(
        &observer.render(),
        &[
            r#"rws_kafka_consumer_rebalances_total{group="g",kind="assigned"} 1"#,
            r#"rws_kafka_consumer_rebalances_total{group="g",kind="revoked"} 2"#,
            r#"rws_kafka_consumer_rebalances_total{group="g",kind="lost"} 0"#,
            r#"rws_kafka_consumer_commits_total{group="g"} 1"#,
            r#"rws_kafka_consumer_commit_failures_total{group="g"} 0"#,
            r#"rws_kafka_schema_registry_requests_total{outcome="ok"} 1"#,
            r#"rws_kafka_schema_registry_requests_total{outcome="failed"} 0"#,
            "rws_kafka_schema_registry_cache_hits_total 1",
        ],
    );
    member.lost();
    member.commit_failed();
    registry.failed();
    assert_lines(
        &observer.render(),
        &[
            r#"rws_kafka_consumer_rebalances_total{group="g",kind="lost"} 1"#,
            r#"rws_kafka_consumer_commit_failures_total{group="g"} 1"#,
            r#"rws_kafka_schema_registry_requests_total{outcome="failed"} 1"#,
        ],
    );
}

/// The names of the labels of each sample on the page, but `le`, by the name of the sample.
fn labels_on(page: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    samples
        .map(|sample| {
            let (series, _) = sample.rsplit_once(' ').expect("a value");
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let labels = labels.trim_end_matches('}').split(',');
            let names = labels.filter_map(|label| label.split_once('=').map(|(name, _)| name));
            (name, names.filter(|name| *name != "le").collect())
        })
        .collect()
}

#[test]
fn each_declared_family_is_on_the_page_and_no_other() {
    let observer = Observer::new();
    let metrics = observer.metrics();
    let _recorders = (
        metrics.produced_to("t"),
        metrics.consumed_from("t", "g"),
        metrics.member_of("g"),
        metrics.registry_requests(),
    );
    let outbox = metrics.outbox_of("s");
    outbox.backlog(1, Duration::from_secs(1));
    outbox.shard(0, true);
    let mut lag = metrics.lag_of("t", 0, "g");
    lag.set(1);
    let client = Arc::new(Client(1));
    let producer = observer.register_producer();
    producer.told_by(&client);
    let consumer = observer.register_consumer("g", Duration::from_secs(60));
    consumer.told_by(&client);
    let mut broker = BrokerStatus::default();
    broker.round_trip_ms = Some(1.0);
    broker.throttle_ms = Some(1.0);
    let brokers = observer.register_brokers("my-service");
    brokers.set(vec![broker]);

    let page = observer.render();
    let labels = labels_on(&page);
    for family in families() {
        let (name, kind) = (family.name(), family.kind());
        let head = format!("# HELP {name} {}\n# TYPE {name} {kind}\n", family.help());
        assert!(page.contains(&head), "{head}\n{page}");
        let sample = match kind {
            FamilyKind::Histogram => format!("{name}_bucket"),
            _ => name.to_owned(),
        };
        let declared: BTreeSet<_> = family.labels().iter().copied().collect();
        assert_eq!(labels[sample.as_str()], declared, "{name}");
        for value in family.values() {
            let pair = format!("=\"{value}\"");
            let mut lines = page.lines().filter(|line| line.starts_with(name));
            assert!(lines.any(|line| line.contains(&pair)), "{name} {value}");
        }
    }
    assert_eq!(page.matches("# TYPE ").count(), families().count());
}
