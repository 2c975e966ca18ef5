//! Counts of requests to schema registries.

use integration_tests::{Registry, metric, unique};
use rws_kafka::schema::Schema;
use rws_kafka::schema_registry::{SchemaId, SchemaRegistry};
use rws_kafka_observe::Observer;

#[test]
fn requests_and_cache_hits_are_counted() {
    let observer = Observer::new();
    let registry =
        SchemaRegistry::confluent(Registry::shared().url()).with_observer(observer.clone());
    let schema = Schema::avro(r#"{"type":"string"}"#);
    let counts = || {
        [
            r#"rws_kafka_schema_registry_requests_total{outcome="ok"}"#,
            r#"rws_kafka_schema_registry_requests_total{outcome="failed"}"#,
            "rws_kafka_schema_registry_cache_hits_total",
        ]
        .map(|series| metric(&observer, series))
    };
    let subject = unique("metrics");
    registry.register(&subject, &schema).unwrap();
    let stats = registry.stats();
    assert_eq!(
        counts(),
        [Some(stats.requests as f64), Some(0.0), Some(0.0)]
    );
    registry.register(&subject, &schema).unwrap();
    let after = registry.stats();
    assert_eq!(after.requests, stats.requests);
    assert_eq!(
        counts(),
        [Some(after.requests as f64), Some(0.0), Some(1.0)]
    );
    registry
        .schema(SchemaId::Number(u32::MAX >> 1))
        .unwrap_err();
    assert_eq!(counts()[1], Some(1.0));

    // Another registry of the same observer counts on the same series.
    let other = SchemaRegistry::confluent(Registry::shared().url()).with_observer(observer.clone());
    other.ping().unwrap();
    assert_eq!(
        counts()[0],
        Some((after.requests + other.stats().requests) as f64)
    );
}
