//! The service as a process, on a broker that has no topics and creates none by itself.

#[allow(dead_code)] // Each test uses a part of it.
mod service;

use integration_tests::Kafka;
use service::Service;

#[test]
fn it_creates_its_topics_becomes_ready_and_fulfils_an_order() {
    let kafka = Kafka::start_with(&[("auto.create.topics.enable", "false")]);
    let service = Service::start(&[("RWS_CONFIG_KAFKA_BROKERS", &kafka.bootstrap())]);
    service.wait_until("the service is ready", |service| {
        service.get("/readyz").0 == 200
    });
    let order = r#"{"order_id":1,"user_id":42,"amount_cents":9900}"#;
    assert_eq!(service.post(order).0, 202);
    service.wait_until("the order is fulfilled", |service| {
        service.get("/orders/1") == (200, order.to_owned())
    });
    for topic in ["orders.created", "orders.created.dlq"] {
        kafka.end_offset(topic, 2);
    }
}
