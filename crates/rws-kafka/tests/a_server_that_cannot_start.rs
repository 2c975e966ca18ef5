//! `serve` when the server cannot start.

mod common;

use common::child::Child;
use rust_web_server::app::App;
use rws_kafka::{KafkaProducer, ProducerConfig, ProducerError, Serve, ServeError};
use std::net::TcpListener;

#[test]
fn a_port_in_use_is_an_error_that_names_address_and_cause() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();

    let mut service = Child::start("service", &[("RWS_CONFIG_PORT", &port)]);

    let error = service.wait_for("error: ");
    assert!(
        error.starts_with(&format!(
            "cannot listen on 127.0.0.1:{port}: Address already in use"
        )),
        "{error}"
    );
    assert!(service.wait().success());
}

#[test]
fn an_address_of_another_machine_is_an_error() {
    let mut service = Child::start("service", &[("RWS_CONFIG_IP", "192.0.2.1")]);

    let error = service.wait_for("error: ");
    assert!(
        error.starts_with("cannot listen on 192.0.2.1:0: "),
        "{error}"
    );
}

#[test]
fn a_server_without_threads_is_an_error_that_names_the_setting() {
    let mut service = Child::start("service", &[("RWS_CONFIG_THREAD_COUNT", "0")]);

    assert_eq!(
        service.wait_for("error: "),
        "RWS_CONFIG_THREAD_COUNT is 0 and must be at least 1"
    );
}

#[test]
#[ignore = "run as a process of its own by the tests above"]
fn service() {
    let early = Serve::new().bind().expect_err("it cannot be bound");
    let producer = ProducerConfig::new("127.0.0.1:1").and_then(KafkaProducer::new);
    let producer = producer.expect("a producer");
    let options = Serve::new().producer(producer.clone());

    let late = rws_kafka::serve(App::with_state(()), options);

    let late: ServeError = late.expect_err("it cannot be bound");
    assert_eq!(early, late);
    let send = producer.send("orders.created", "too late");
    assert!(matches!(send, Err(ProducerError::Closed)), "{send:?}");
    println!("error: {late}");
}
