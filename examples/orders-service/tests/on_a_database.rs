//! The service as a process, on a broker and a database.

mod service;

use integration_tests::{Kafka, Postgres};
use service::Service;

fn start() -> (Service, String) {
    let kafka = Kafka::shared();
    for (topic, partitions) in [("orders.created", 3), ("orders.created.dlq", 1)] {
        kafka.create_topic(topic, partitions);
    }
    let url = Postgres::shared().create_database();
    let service = Service::start(&[
        ("RWS_CONFIG_KAFKA_BROKERS", &kafka.bootstrap()),
        ("DATABASE_URL", &url),
    ]);
    (service, url)
}

#[test]
fn an_order_and_its_event_are_of_one_transaction_and_it_is_fulfilled_once() {
    let (mut service, url) = start();
    let sql = |sql: &str| Postgres::shared().psql(&url, sql);
    let log = &service.log_before_listening;
    let says = |text: &str| log.iter().any(|line| line.contains(text));
    assert!(says("orders go through its outbox"), "{log:?}");
    assert!(!says("secret"), "no password in the log: {log:?}");

    let order = r#"{"order_id":18446744073709551615,"user_id":42,"amount_cents":9900}"#;
    assert_eq!(service.get("/orders/18446744073709551615").0, 404);
    assert_eq!(service.post(order).0, 202);
    service.wait_until("the order is fulfilled", |service| {
        service.get("/orders/18446744073709551615") == (200, order.to_owned())
    });
    service.wait_until("the service is ready", |service| {
        service.get("/readyz").0 == 200
    });

    let (status, answer) = service.post(order);
    assert_eq!(status, 409, "{answer}");
    assert!(answer.contains("already"), "{answer}");
    service.wait_until("the outbox is empty", |_| {
        sql("SELECT count(*) FROM rws_kafka.outbox") == "0"
    });
    assert_eq!(sql("SELECT count(*) FROM rws_kafka.seen"), "1");

    // The same message again, as after a crash between the commit and the offset.
    let again = format!(
        "INSERT INTO rws_kafka.outbox (shard, lane, message_id, topic, key, payload) \
         SELECT 0, 16, substr(message, 4)::uuid, 'orders.created', '1', convert_to('{order}', 'UTF8') \
         FROM rws_kafka.seen"
    );
    sql(&again);
    service.wait_for_log("this message was handled already");
    assert_eq!(sql("SELECT count(*) FROM fulfilled"), "1");
    let (_, metrics) = service.get("/metrics");
    let published = r#"rws_kafka_outbox_published_total{schema="rws_kafka"} 2"#;
    assert!(metrics.contains(published), "{metrics}");

    assert!(service.stop().success());
    service.wait_for_log("nothing left undone");
}
