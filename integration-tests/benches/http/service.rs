//! The services: this program again, as a child process.

use integration_tests::{Child, Program};
use rust_web_server::app::App;
use rust_web_server::response::{Response, STATUS_CODE_REASON_PHRASE};
use rws_kafka::{KafkaLayer, KafkaProducer, Serve};

const CHILD: &str = "RWS_KAFKA_BENCH_CHILD";
const TOPIC: &str = "RWS_KAFKA_BENCH_TOPIC";

pub(crate) struct Service {
    name: &'static str,
    process: Child,
    address: String,
}

impl Service {
    /// One that publishes to this topic, or to none.
    pub(crate) fn start(name: &'static str, brokers: &str, topic: Option<&str>) -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut process = Program::new(program.to_str().expect("a path in UTF-8"))
            .env(CHILD, name)
            .env(TOPIC, topic.unwrap_or_default())
            .env("RWS_CONFIG_IP", "127.0.0.1")
            .env("RWS_CONFIG_PORT", "0")
            .env("RWS_CONFIG_KAFKA_BROKERS", brokers)
            .start();
        let address = process.wait_for("listening on ");
        Self {
            name,
            process,
            address,
        }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Stops it gracefully: what it published is flushed.
    pub(crate) fn stop(mut self) {
        self.process.signal("TERM");
        let status = self.process.wait();
        assert!(status.success(), "{}: {status}", self.name);
    }
}

pub(crate) fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

pub(crate) fn child() {
    let topic = std::env::var(TOPIC).expect("a topic");
    let topic = (!topic.is_empty()).then_some(topic);
    let service = Serve::new().bind().expect("a port");
    // Both have a producer, so that they differ by `send` alone.
    let producer = KafkaProducer::from_env().expect("a producer");
    let app = App::with_state((producer.clone(), topic))
        .post("/orders", |req, _params, _conn, (producer, topic)| {
            rws_kafka::respond(|| {
                let body = rws_kafka::body(req)?;
                if let Some(topic) = topic {
                    producer.send(topic, body)?;
                }
                let accepted = STATUS_CODE_REASON_PHRASE.n202_accepted;
                Ok(Response::get_response(accepted, None, None))
            })
        })
        .wrap(KafkaLayer::new());
    println!("listening on {}", service.local_addr().expect("an address"));
    let report = rws_kafka::serve(app, service.producer(producer)).expect("a server");
    let _report = report.into_result().expect("a clean stop");
}
