//! `run`: a worker without an HTTP application.

mod common;

use common::child::Child;
use common::http::send;
use common::kafka::{GROUP, TOPIC, broker, committed};
use common::wait_until;
use rdkafka::Offset;
use rust_web_server::metrics::SERVER_READY;
use rws_kafka::{
    ConsumerConfig, ConsumerContext, KafkaConsumer, KafkaProducer, ProducerConfig, Serve,
};
use std::sync::atomic::Ordering;

#[test]
fn sigterm_drains_the_worker_and_main_returns() {
    let broker = broker();
    let mut service = Child::start("service", &[("BROKERS", broker.bootstrap_servers())]);
    let health = service.wait_for("health on ");
    let config = ProducerConfig::new(broker.bootstrap_servers()).unwrap();
    let producer = KafkaProducer::new(config).unwrap();
    producer.send_sync(TOPIC, "an order").unwrap();
    service.wait_for("in flight");
    let get = |path| send(&health, "GET", path, "").expect("an answer");
    wait_until(|| get("/readyz").status == 200);
    assert_eq!(get("/healthz").status, 200);
    assert_eq!(get("/livez").status, 200);
    let metrics = get("/metrics").body;
    assert!(
        metrics.contains("rws_kafka_consumer_in_flight"),
        "{metrics}"
    );
    for path in ["/", "/kafka", "/Cargo.toml", "/src/lib.rs"] {
        assert_eq!(get(path).status, 404, "{path}");
    }
    assert_eq!(get("/healthz").header("Connection"), Some("close"));

    service.signal("TERM");

    assert_eq!(service.wait_for("ended: "), "nothing left undone");
    assert!(service.wait().success());
    assert_eq!(committed(&broker), Offset::Offset(1));
    send(&health, "GET", "/healthz", "").expect_err("nobody listens");
}

#[test]
fn a_worker_that_fails_ends_main_with_an_error() {
    let broker = broker();
    let env = [
        ("BROKERS", broker.bootstrap_servers()),
        ("DEAD_LETTERS", TOPIC),
    ];
    let mut service = Child::start("service", &env);

    let error = service.wait_for("error: ");

    assert!(error.contains("worker 1: "), "{error}");
    assert!(error.contains("ended by: "), "{error}");
    assert!(!service.wait().success());
}

#[test]
#[ignore = "run as a process of its own by the tests above"]
fn service() {
    let env = |name| std::env::var(name).ok();
    let options = Serve::new().handle_signals().expect("signals");
    let options = options.health_on("127.0.0.1:0").expect("a free port");
    let address = options.health_addr().expect("it is bound");
    let config = ConsumerConfig::new(env("BROKERS").expect("BROKERS"), GROUP);
    let mut consumer = KafkaConsumer::new(config.expect("a configuration"))
        .and_then(|consumer| consumer.subscribe([TOPIC]))
        .expect("a consumer");
    if let Some(topic) = env("DEAD_LETTERS") {
        consumer = consumer.dead_letter_queue(topic);
    }
    let worker = consumer.start(|msg: ConsumerContext| {
        println!("in flight");
        // Ready from `run` on, and until its stop.
        wait_until(|| SERVER_READY.load(Ordering::SeqCst));
        wait_until(|| !SERVER_READY.load(Ordering::SeqCst));
        msg.commit()
    });
    println!("health on {address}");

    let ended = rws_kafka::run(options.worker(worker)).expect("threads");

    match ended.into_result() {
        Ok(report) => {
            let text = report.to_string();
            let (_, left) = text.split_once(", ").expect("two parts");
            println!("ended: {left}");
        }
        Err(error) => {
            println!("error: {error:?}");
            std::process::exit(1);
        }
    }
}
