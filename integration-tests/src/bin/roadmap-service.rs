//! The roadmap's snippets of items 2 and 3 in one service, configured as item 1 says.
//!
//! They stand here as the roadmap has them, but for the path, the placeholders and what carries
//! `?` in an HTTP handler. `tests/serve` runs it as a child process.

use rust_web_server::app::App;
use rust_web_server::header::Header;
use rust_web_server::range::Range;
use rust_web_server::request::Request;
use rust_web_server::response::{Response, STATUS_CODE_REASON_PHRASE};
use rws_kafka::{ConsumerContext, KafkaConsumer};
use rws_kafka::{ConsumerHandle, HandlerError, KafkaLayer, Serve};
use rws_kafka::{KafkaProducer, ProducerConfig};
use std::error::Error;
use std::time::Duration;

struct State {
    producer: KafkaProducer,
}

fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();

    // Item 2.
    let producer = KafkaProducer::from_env()?; // reads RWS_CONFIG_KAFKA_* env vars

    let explicit = KafkaProducer::new(ProducerConfig::from_env()?)?;
    let flushed = [producer.clone(), explicit.clone()];

    let app = App::with_state(State { producer })
        .post("/orders", |req, _params, _conn, state| {
            rws_kafka::respond(|| {
                // ... create order in DB ...
                create_order_in_db(req);

                state
                    .producer
                    .send("orders.created", r#"{"order_id": 1}"#)?;
                // or with a key for partition affinity:
                state
                    .producer
                    .send_keyed("orders.created", "order-1", r#"{"order_id": 1}"#)?;

                json_ok(r#"{"status": "created"}"#)
            })
        })
        .post("/payments", move |req, _params, _conn, _state| {
            let producer = &explicit;
            rws_kafka::respond(|| {
                create_order_in_db(req);
                let topic = "payments.completed";
                let payload = r#"{"order_id": 1}"#;
                producer.send_sync(topic, payload)?;
                let headers = [("schema-version", "1"), ("correlation-id", "abc")];
                producer.send_with_headers(topic, "order-1", payload, headers)?;
                json_ok(r#"{"status": "completed"}"#)
            })
        })
        .wrap(KafkaLayer::new());

    // Item 3.
    let consumer =
        KafkaConsumer::from_env()?.subscribe(["orders.created", "payments.completed"])?;

    // Runs in its own OS thread; does not block the HTTP thread pool.
    let handle = consumer.start(|msg: ConsumerContext| {
        println!(
            "topic={} partition={} offset={}",
            msg.topic(),
            msg.partition(),
            msg.offset()
        );
        let payload = msg.payload_str()?;
        process(payload);
        msg.commit()?; // manual offset commit after successful processing
        Ok(())
    });

    // Start the HTTP server alongside the consumer:
    let server = Server {
        app,
        handle: handle.clone(),
        producers: flushed,
    };
    server.run();
    handle.join();
    Ok(())
}

/// The roadmap's placeholder for a running server.
struct Server<A> {
    app: A,
    handle: ConsumerHandle,
    producers: [KafkaProducer; 2],
}

impl<A: rust_web_server::application::Application + Send + Sync + 'static> Server<A> {
    fn run(self) {
        let options = Serve::new().worker(self.handle).bind().expect("a port");
        let address = options.local_addr().expect("an address");
        println!("listening on {address}");
        let options = self.producers.into_iter().fold(options, Serve::producer);
        let report = rws_kafka::serve(self.app, options).expect("a server");
        println!("clean: {}", report.is_clean());
    }
}

/// Slow enough that requests are in flight when the service stops.
fn create_order_in_db(_request: &Request) {
    println!("begun");
    std::thread::sleep(Duration::from_millis(500));
}

fn process(payload: &str) {
    assert_eq!(payload, r#"{"order_id": 1}"#);
}

fn json_ok(json: &str) -> Result<Response, HandlerError> {
    let body = Range::get_content_range(json.as_bytes().to_vec(), "application/json".to_owned());
    let headers: Vec<Header> = Vec::new();
    Ok(Response::get_response(
        STATUS_CODE_REASON_PHRASE.n200_ok,
        Some(headers),
        Some(vec![body]),
    ))
}
