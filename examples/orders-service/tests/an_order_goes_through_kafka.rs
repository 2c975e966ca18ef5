//! The service as a process, on its embedded broker.

mod service;

use service::Service;

#[test]
fn an_order_is_accepted_published_fulfilled_and_shown() {
    let service = Service::start(&[]);
    let order = r#"{"order_id":1,"user_id":42,"amount_cents":9900}"#;
    assert_eq!(service.get("/orders/1").0, 404);

    let (status, body) = service.post(order);

    assert_eq!(
        (status, body.as_str()),
        (202, r#"{"order_id":1,"status":"accepted"}"#)
    );
    service.wait_until("the order is fulfilled", |service| {
        service.get("/orders/1") == (200, order.to_owned())
    });
    service.wait_until("the service is ready", |service| {
        service.get("/readyz").0 == 200
    });
    assert_eq!(service.get("/healthz").0, 200);
    let (_, metrics) = service.get("/metrics");
    assert!(metrics.contains("rws_requests_total"), "{metrics}");
    assert!(
        metrics.contains(r#"rws_kafka_messages_produced_total{topic="orders.created"} 1"#),
        "{metrics}"
    );
}

#[test]
fn a_bad_body_is_refused_with_the_reason() {
    let service = Service::start(&[]);

    for (body, reason) in [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "found an array"),
        (
            r#"{"order_id":1,"amount_cents":9900}"#,
            "user_id is missing",
        ),
        (
            r#"{"order_id":1,"user_id":"me","amount_cents":9900}"#,
            r#"user_id must be an integer from 0 to 18446744073709551615, found \"me\""#,
        ),
    ] {
        let (status, answer) = service.post(body);
        assert_eq!(status, 400, "{body}: {answer}");
        assert!(answer.contains(reason), "{body}: {answer}");
    }
    assert_eq!(service.post(&"a".repeat(20_000)).0, 413);
    assert_eq!(service.get("/orders/one").0, 400);
    assert_eq!(service.get("/healthz").0, 200, "it has survived all that");
}

#[test]
fn sigterm_ends_it_in_order() {
    let mut service = Service::start(&[]);
    assert_eq!(service.get("/healthz").0, 200);

    assert!(service.stop().success());

    service.wait_for_log("nothing left undone");
}

#[test]
fn its_log_says_which_broker_it_uses() {
    let service = Service::start(&[]);
    assert!(
        service
            .log_before_listening
            .iter()
            .any(|line| line.contains("using an embedded one on 127.0.0.1:")),
        "{:?}",
        service.log_before_listening
    );
}
