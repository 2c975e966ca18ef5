//! `serve` under SIGTERM, SIGINT and its `Stopper`.

mod common;

use common::SOON;
use common::child::Child;
use common::http::{closing, connect, send, wait_until_served};
use common::kafka::{GROUP, TOPIC, broker, committed, events_in};
use common::wait_until;
use rdkafka::Offset;
use rust_web_server::app::App;
use rust_web_server::metrics::SERVER_READY;
use rust_web_server::response::{Response, STATUS_CODE_REASON_PHRASE};
use rws_kafka::{
    ConsumerConfig, ConsumerContext, ConsumerHandle, HandlerError, KafkaConsumer, KafkaLayer,
    KafkaProducer, ProducerConfig, Serve, ServeReport,
};
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

/// Long enough to be distinguished from a stop that waits for it.
const LONG_DEADLINE: Duration = Duration::from_secs(600);

#[test]
fn requests_in_flight_at_sigterm_are_answered_and_their_events_are_in_kafka() {
    let broker = broker();
    let mut service = Child::start("service", &[("BROKERS", broker.bootstrap_servers())]);
    let address = service.wait_for("listening on ");
    let clients: Vec<_> = (0..20)
        .map(|order| {
            let address = address.clone();
            thread::spawn(move || send(&address, "POST", "/until-stopped", &order.to_string()))
        })
        .collect();
    for _ in &clients {
        service.wait_for("begun");
    }

    service.signal("TERM");

    for client in clients {
        let answer = client.join().expect("a client").expect("an answer");
        assert_eq!(answer.status, 202);
        assert_eq!(answer.header("Connection"), Some("close"));
    }
    assert_eq!(service.wait_for("clean: "), "true");
    assert!(service.wait().success());
    assert_eq!(events_in(&broker), 20);
}

#[test]
fn sigint_stops_too() {
    let broker = broker();
    let mut service = Child::start("service", &[("BROKERS", broker.bootstrap_servers())]);
    let address = service.wait_for("listening on ");
    wait_until_served(&address);

    service.signal("INT");

    assert_eq!(service.wait_for("clean: "), "true");
    assert!(service.wait().success());
}

#[test]
fn an_idle_connection_is_not_waited_for() {
    let broker = broker();
    let mut service = Child::start("service", &[("BROKERS", broker.bootstrap_servers())]);
    let address = service.wait_for("listening on ");
    let mut idle = connect(&address).unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    let mut answer = [0; 4096];
    assert!(idle.read(&mut answer).unwrap() > 0);

    service.signal("TERM");

    assert_eq!(service.wait_for("clean: "), "true");
    assert!(service.wait().success());
}

#[test]
fn a_hung_handler_is_reported_at_the_deadline_and_does_not_keep_the_process() {
    let broker = broker();
    let env = [
        ("BROKERS", broker.bootstrap_servers()),
        ("DEADLINE_MS", "3000"),
    ];
    let mut service = Child::start("service", &env);
    let address = service.wait_for("listening on ");
    let mut hung = connect(&address).unwrap();
    hung.write_all(closing("POST", "/for-ever", "1").as_bytes())
        .unwrap();
    service.wait_for("begun");

    let signalled = Instant::now();
    service.signal("TERM");

    let report = service.wait_for("report: ");
    assert!(report.contains("unanswered requests: 1"), "{report}");
    assert!(service.wait().success());
    assert!(signalled.elapsed() < SOON, "{:?}", signalled.elapsed());
    assert_eq!(events_in(&broker), 1, "what it had published is flushed");
}

#[test]
fn a_worker_finishes_and_commits_the_message_in_flight() {
    let broker = broker();
    let env = [("BROKERS", broker.bootstrap_servers()), ("WORKER", "yes")];
    let mut service = Child::start("service", &env);
    wait_until_served(&service.wait_for("listening on "));
    let config = ProducerConfig::new(broker.bootstrap_servers()).unwrap();
    let producer = KafkaProducer::new(config).unwrap();
    producer.send_sync(TOPIC, "an order").unwrap();
    service.wait_for("in flight");

    service.signal("TERM");

    assert_eq!(service.wait_for("clean: "), "true");
    assert!(service.wait().success());
    assert_eq!(committed(&broker), Offset::Offset(1));
}

#[test]
fn sigterm_before_serve_stops_the_service_in_order_as_soon_as_it_serves() {
    let broker = broker();
    let go = tempfile::tempdir().expect("a folder");
    let go = go.path().join("go");
    let env = [
        ("BROKERS", broker.bootstrap_servers()),
        ("GO", go.to_str().expect("a path of text")),
    ];
    let mut service = Child::start("slow_starter", &env);
    let config = ProducerConfig::new(broker.bootstrap_servers()).unwrap();
    let producer = KafkaProducer::new(config).unwrap();
    producer.send_sync(TOPIC, "an order").unwrap();
    service.wait_for("in flight");

    service.signal("TERM");
    service.wait_for("asked to stop");
    std::fs::write(&go, "").expect("a file");

    assert_eq!(service.wait_for("clean: "), "true");
    assert!(service.wait().success());
    assert_eq!(committed(&broker), Offset::Offset(1));
}

#[test]
fn a_second_signal_before_serve_ends_a_start_that_hangs() {
    let broker = broker();
    let env = [
        ("BROKERS", broker.bootstrap_servers()),
        ("GO", "/nowhere/go"),
    ];
    let mut service = Child::start("slow_starter", &env);
    service.wait_for("starting");

    service.signal("INT");
    service.wait_for("asked to stop");
    service.signal("TERM");

    assert_eq!(service.wait().signal(), Some(15));
}

#[test]
fn a_stage_runs_before_the_flush_and_one_that_fails_is_reported() {
    let broker = broker();
    let env = [("BROKERS", broker.bootstrap_servers()), ("STAGES", "yes")];
    let mut service = Child::start("service", &env);
    wait_until_served(&service.wait_for("listening on "));

    service.signal("TERM");

    let report = service.wait_for("report: ");
    assert!(report.contains("broken: it does not work"), "{report}");
    assert!(report.contains("endless: did not end in time"), "{report}");
    assert!(service.wait().success());
    assert_eq!(events_in(&broker), 1, "what the stage published is flushed");
}

#[test]
fn a_handler_that_panics_is_answered_and_the_server_goes_on() {
    let broker = broker();
    let env = [
        ("BROKERS", broker.bootstrap_servers()),
        ("RWS_CONFIG_THREAD_COUNT", "1"),
    ];
    let mut service = Child::start("service", &env);
    let address = service.wait_for("listening on ");

    let answer = send(&address, "GET", "/panic", "").unwrap();

    assert_eq!(answer.status, 500);
    assert_eq!(answer.body, r#"{"error":"internal server error"}"#);
    assert_eq!(send(&address, "GET", "/healthz", "").unwrap().status, 200);
}

#[test]
fn a_stopper_stops_as_a_signal_would() {
    let mut service = Child::start("service_with_a_stopper", &[]);
    assert_eq!(service.wait_for("clean: "), "true");
    assert!(service.wait().success());
}

#[test]
#[ignore = "run as a process of its own by the tests above"]
fn service() {
    let env = |name| std::env::var(name).ok();
    let brokers = env("BROKERS").expect("BROKERS");
    let deadline = env("DEADLINE_MS").map_or(LONG_DEADLINE, |ms| {
        Duration::from_millis(ms.parse().expect("DEADLINE_MS"))
    });
    // The linger keeps events in the queue until the flush.
    let config = ProducerConfig::new(&brokers).expect("brokers");
    let producer = KafkaProducer::new(config.linger(Duration::from_secs(1))).expect("a producer");
    let app = App::with_state(producer.clone())
        .post("/until-stopped", |_req, _params, _conn, producer| {
            println!("begun");
            wait_until(|| !SERVER_READY.load(Ordering::SeqCst));
            publish(producer)
        })
        .post("/for-ever", |_req, _params, _conn, producer| {
            let _answer = publish(producer);
            println!("begun");
            loop {
                thread::park();
            }
        })
        .get("/panic", |_req, _params, _conn, _producer| panic!("boom"))
        .wrap(KafkaLayer::new());

    let mut options = Serve::new()
        .producer(producer.clone())
        .deadline(deadline)
        .bind()
        .expect("a free port");
    if env("STAGES").is_some() {
        options = options
            .deadline(Duration::from_secs(8))
            .stage(
                "publishes",
                move |_| Ok(producer.send(TOPIC, "last words")?),
            )
            .stage("broken", |_| Err(HandlerError::new("it does not work")))
            .stage("endless", |_| {
                loop {
                    thread::park();
                }
            });
    }
    if env("WORKER").is_some() {
        options = options.worker(worker(&brokers));
    }
    let address = options.local_addr().expect("it is bound");
    println!("listening on {address}");
    report(&rws_kafka::serve(app, options).expect("a server"));
}

/// Serves once the file `GO` is there, and has each message in flight until then.
#[test]
#[ignore = "run as a process of its own by the tests above"]
fn slow_starter() {
    tracing_subscriber::fmt()
        .with_writer(std::io::stdout)
        .init();
    let env = |name| std::env::var(name).expect(name);
    let options = Serve::new().deadline(LONG_DEADLINE).bind().expect("a port");
    let go = move || std::path::Path::new(&env("GO")).exists();
    let started = go;
    let config = ConsumerConfig::new(env("BROKERS"), GROUP).expect("a configuration");
    let worker = KafkaConsumer::new(config)
        .and_then(|consumer| consumer.subscribe([TOPIC]))
        .expect("a consumer")
        .start(move |msg: ConsumerContext| {
            println!("in flight");
            wait_until(started);
            msg.commit()
        });
    println!("starting");
    wait_until(go);
    let app = App::with_state(()).wrap(KafkaLayer::new());
    report(&rws_kafka::serve(app, options.worker(worker)).expect("a server"));
}

/// Has each message in flight until the service stops.
fn worker(brokers: &str) -> ConsumerHandle {
    let config = ConsumerConfig::new(brokers, GROUP).expect("a configuration");
    KafkaConsumer::new(config)
        .and_then(|consumer| consumer.subscribe([TOPIC]))
        .expect("a consumer")
        .start(|msg: ConsumerContext| {
            println!("in flight");
            wait_until(|| !SERVER_READY.load(Ordering::SeqCst));
            msg.commit()
        })
}

#[test]
#[ignore = "run as a process of its own by the tests above"]
fn service_with_a_stopper() {
    let options = Serve::new().deadline(LONG_DEADLINE).bind().expect("a port");
    let stopper = options.stopper();
    let address = options.local_addr().expect("it is bound").to_string();
    let server = thread::spawn(move || {
        let app = App::with_state(()).wrap(KafkaLayer::new());
        rws_kafka::serve(app, options)
    });
    wait_until(|| send(&address, "GET", "/readyz", "").is_ok_and(|answer| answer.status == 200));

    stopper.stop();

    report(&server.join().expect("no panic").expect("a server"));
    assert!(!SERVER_READY.load(Ordering::SeqCst));
    if cfg!(target_os = "linux") {
        connect(&address).expect_err("new connections are refused");
    }
}

fn publish(producer: &KafkaProducer) -> Response {
    rws_kafka::respond(|| {
        producer.send(TOPIC, "an order")?;
        let accepted = STATUS_CODE_REASON_PHRASE.n202_accepted;
        Ok(Response::get_response(accepted, None, None))
    })
}

fn report(report: &ServeReport) {
    println!("report: {report}");
    println!("clean: {}", report.is_clean());
}
