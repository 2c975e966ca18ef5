//! The page a scrape sees.

use rws_kafka_observe::Observer;
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
    (0..2).for_each(|_| consumed.dead_lettered());
    consumed.skipped();
    let page = observer.render();
    for (family, count) in [
        ("rws_kafka_consumer_retries_total", 3),
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
