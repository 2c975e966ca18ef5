//! A service whose messages determine how they are handled, so that a test can create each state
//! that an operator sees. `tests/serve` and `tests/page` run it as a child process.
//!
//! | request | |
//! |---|---|
//! | `POST /publish/:topic` | publishes the body |
//! | `POST /enqueue/:topic` | publishes it through the outbox, if `DATABASE_URL` is set |
//! | `POST /typed/:topic` | publishes a JSON value with its schema, if a registry is configured |
//! | `POST /release` | releases all handlers that hold a message, now and later |
//! | `POST /slow` | is answered when handlers are released |
//!
//! | payload | its handler |
//! |---|---|
//! | `hold` | waits to be released |
//! | `flaky` | fails once |
//! | `broken: …` | fails permanently, with what follows as its error |
//!
//! One worker reads `TOPIC` and has a dead letter queue, another reads `PASSED_OVER` and skips
//! what fails.

use rust_web_server::app::App;
use rust_web_server::range::Range;
use rust_web_server::request::Request;
use rust_web_server::response::{Response, STATUS_CODE_REASON_PHRASE};
use rust_web_server::router::PathParams;
use rws_kafka::config::Layers;
use rws_kafka::outbox::{OnRefusal, Outbox, OutboxRelay, Pool, migrate};
use rws_kafka::producer::RegistryProducer;
use rws_kafka::schema::Schema;
use rws_kafka::schema_registry::SchemaRegistry;
use rws_kafka::{
    ConsumerContext, FailurePolicy, HandlerError, HandlerResult, KafkaConfig, KafkaConsumer,
    KafkaLayer, KafkaProducer, Serve,
};
use serde_json::{Value, json};
use std::error::Error;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Longer than any test runs, so that only a release ends the wait.
const HOLD: Duration = Duration::from_secs(600);

struct State {
    producer: KafkaProducer,
    pool: Option<Pool>,
    registry: Option<RegistryProducer>,
    gate: Arc<Gate>,
}

fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let options = Serve::new().deadline(Duration::from_secs(10)).bind()?;
    let address = options.local_addr().expect("it is bound");
    let producer = KafkaProducer::from_env()?;
    let gate = Arc::new(Gate::default());
    let (pool, relay) = match std::env::var_os("DATABASE_URL") {
        Some(_) => {
            let pool = Pool::from_env()?;
            migrate(&pool)?;
            let relay = OutboxRelay::new(producer.clone(), &pool)
                .on_refusal(OnRefusal::Park)
                .max_attempts(1)
                .start(100);
            (Some(pool), Some(relay))
        }
        None => (None, None),
    };

    let registry = match std::env::var_os("RWS_CONFIG_KAFKA_SCHEMA_REGISTRY_URL") {
        Some(_) => {
            let schema = Schema::json(
                r#"{"$schema": "http://json-schema.org/draft-07/schema#", "title": "Order", "type": "object"}"#,
            );
            let registry = SchemaRegistry::from_env()?.with_json_schema::<Value>(schema);
            Some(producer.with_registry(registry))
        }
        None => None,
    };

    let topic = std::env::var("TOPIC")?;
    let worker = KafkaConsumer::new(group("")?)?
        .subscribe([topic.as_str()])?
        .max_retries(2)
        .retry_backoff_ms(10)
        .dead_letter_queue(format!("{topic}.dlq"))
        .start(handler(&gate));
    let mut options = options.worker(worker);
    if let Ok(topic) = std::env::var("PASSED_OVER") {
        let worker = KafkaConsumer::new(group("-passing")?)?
            .subscribe([topic])?
            .max_retries(0)
            .on_failure(FailurePolicy::Skip)
            .start(handler(&gate));
        options = options.worker(worker);
    }

    let app = App::with_state(State {
        producer: producer.clone(),
        pool,
        registry,
        gate,
    })
    .post("/publish/:topic", |request, params, _connection, state| {
        rws_kafka::respond(|| publish(request, params, state))
    })
    .post("/enqueue/:topic", |request, params, _connection, state| {
        rws_kafka::respond(|| enqueue(request, params, state))
    })
    .post("/typed/:topic", |_request, params, _connection, state| {
        rws_kafka::respond(|| typed(params, state))
    })
    .post("/release", |_request, _params, _connection, state| {
        state.gate.open();
        done()
    })
    .post("/slow", |_request, _params, _connection, state| {
        state.gate.pass("a request");
        done()
    })
    .wrap(
        KafkaLayer::new()
            .status_page()
            .livez(Duration::from_secs(60)),
    );
    println!("listening on {address}");
    let report = rws_kafka::serve(app, options.producer(producer))?;
    if let Some(relay) = relay {
        relay.stop();
        println!("relay: {:?}", relay.join());
    }
    println!("clean: {}", report.is_clean());
    Ok(())
}

/// Returns the configuration with this suffix added to the group.
fn group(suffix: &str) -> Result<KafkaConfig, Box<dyn Error>> {
    let config = KafkaConfig::builder().layers(Layers::from_process());
    let group = std::env::var("RWS_CONFIG_KAFKA_CONSUMER_GROUP")?;
    Ok(config.consumer_group(group + suffix).build()?)
}

fn handler(gate: &Arc<Gate>) -> impl Fn(ConsumerContext) -> HandlerResult + Send + Sync + use<> {
    let gate = Arc::clone(gate);
    move |message| {
        match message.payload_str()? {
            "hold" => gate.pass("a message"),
            "flaky" if message.attempt() == 1 => return Err(HandlerError::new("not yet")),
            payload => {
                if let Some(reason) = payload.strip_prefix("broken: ") {
                    return Err(HandlerError::new(reason).permanent());
                }
            }
        }
        message.commit()
    }
}

fn publish(
    request: &Request,
    params: &PathParams,
    state: &State,
) -> Result<Response, HandlerError> {
    let topic = params.get("topic").expect("the route has it");
    state.producer.send(topic, rws_kafka::body(request)?)?;
    Ok(done())
}

fn enqueue(
    request: &Request,
    params: &PathParams,
    state: &State,
) -> Result<Response, HandlerError> {
    let topic = params.get("topic").expect("the route has it");
    let pool = state.pool.as_ref().expect("DATABASE_URL is set");
    let mut connection = pool.get()?;
    let mut transaction = connection.transaction()?;
    Outbox::new(&mut transaction).enqueue(topic, rws_kafka::body(request)?)?;
    transaction.commit()?;
    Ok(done())
}

fn typed(params: &PathParams, state: &State) -> Result<Response, HandlerError> {
    let topic = params.get("topic").expect("the route has it");
    let producer = state.registry.as_ref().expect("a registry is configured");
    producer.send_json_schema_latest(topic, &json!({"order_id": 1}))?;
    Ok(done())
}

/// With a body: without one, version 17 of the server sends no length, and clients wait for its
/// end.
fn done() -> Response {
    let body = Range::get_content_range(b"done\n".to_vec(), "text/plain".to_owned());
    Response::get_response(STATUS_CODE_REASON_PHRASE.n200_ok, None, Some(vec![body]))
}

#[derive(Default)]
struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn pass(&self, who: &str) {
        println!("holding {who}");
        let is_open = self.is_open.lock().unwrap_or_else(PoisonError::into_inner);
        let shut = |is_open: &mut bool| !*is_open;
        let passed = self.opened.wait_timeout_while(is_open, HOLD, shut);
        drop(passed);
    }

    fn open(&self) {
        *self.is_open.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.opened.notify_all();
    }
}
