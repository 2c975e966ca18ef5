//! The service as a process, on a broker and a database.

mod service;

use integration_tests::{Kafka, Postgres, eventually, unique};
use rws_kafka::outbox::Pool;
use service::Service;
use std::sync::Once;
use std::thread;
use std::time::Duration;

fn start() -> (Service, String) {
    let url = Postgres::shared().create_database();
    (start_on(&url), url)
}

fn start_on(url: &str) -> Service {
    static TOPICS: Once = Once::new();
    let kafka = Kafka::shared();
    TOPICS.call_once(|| {
        for (topic, partitions) in [("orders.created", 3), ("orders.created.dlq", 1)] {
            kafka.create_topic(topic, partitions);
        }
    });
    Service::start(&[
        ("RWS_CONFIG_KAFKA_BROKERS", &kafka.bootstrap()),
        // The topics are those of all tests here, but each has a database of its own.
        ("RWS_CONFIG_KAFKA_CONSUMER_GROUP", &unique("orders-service")),
        ("DATABASE_URL", url),
    ])
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
    service.wait_for_log("this message was already handled");
    assert_eq!(sql("SELECT count(*) FROM fulfilled"), "1");
    let (_, metrics) = service.get("/metrics");
    let published = r#"rws_kafka_outbox_published_total{schema="rws_kafka"} 2"#;
    assert!(metrics.contains(published), "{metrics}");

    assert!(service.stop().success());
    service.wait_for_log("nothing left undone");
}

#[test]
fn two_instances_start_at_once_on_a_fresh_database() {
    let url = Postgres::shared().create_database();
    let pool = Pool::from_url(&url, None).expect("a URL");
    let mut connection = pool.get().expect("a connection");
    // Until it is rolled back, both wait where they make the same table.
    let tx = connection.transaction().expect("a transaction");
    tx.execute("CREATE TABLE orders ()", &[]).expect("a table");
    let waiting = "SELECT count(*) FROM pg_stat_activity \
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
    thread::scope(|scope| {
        // Each panics when its service does not listen.
        for _ in 0..2 {
            scope.spawn(|| start_on(&url));
        }
        eventually(Duration::from_secs(60), || {
            Postgres::shared().psql(&url, waiting) == "2"
        });
        tx.rollback().expect("a rollback");
    });
}

#[test]
fn what_was_handled_long_ago_is_forgotten_at_the_next_start() {
    let (service, url) = start();
    let sql = |sql: &str| Postgres::shared().psql(&url, sql);
    sql(
        "INSERT INTO rws_kafka.seen SELECT 'group', days::text, now() - days * interval '1 day' \
         FROM unnest(ARRAY[29, 31]) AS days",
    );
    drop(service);
    let service = start_on(&url);
    service.wait_until("the older one is forgotten", |_| {
        sql("SELECT message FROM rws_kafka.seen WHERE consumer_group = 'group'") == "29"
    });
}
