//! Orders come in by HTTP, go through Kafka, and are fulfilled by a worker.
//!
//! ```text
//! POST /orders ──▶ transaction: order + outbox ──▶ relay ──▶ orders.created ──▶ worker ──▶ GET /orders/1
//!                                                                     not an order └──▶ orders.created.dlq
//! ```
//!
//! The database is that of `DATABASE_URL`; without it, orders are published directly.

mod handlers;
mod kafka;
mod orders;
mod store;
mod worker;

use kafka::Kafka;
use rust_web_server::app::App;
use rws_kafka::{KafkaLayer, KafkaProducer, Serve};
use std::error::Error;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::sync::Arc;
use store::Store;

/// Orders, keyed by their ids, so that the events of one order keep their sequence.
const TOPIC: &str = "orders.created";

/// The number of partitions of either topic, if this service creates it.
const PARTITIONS: u32 = 3;

/// The dead letters: messages that are not orders.
const DEAD_LETTERS: &str = "orders.created.dlq";

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .init();
    match run() {
        Ok(code) => code,
        Err(error) => {
            tracing::error!("{}", with_causes(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode, Box<dyn Error>> {
    // First: if the address is in use, the service ends before it joins a consumer group. From here on,
    // signals stop it gracefully.
    let options = Serve::new().bind()?;
    // Dropped at the end of this function, after the clients.
    let kafka = Kafka::configured_or_embedded()?;

    let producer = KafkaProducer::new(kafka.config().clone())?;
    let store = Arc::new(Store::configured(&producer)?);
    store.purge_daily()?;
    let relay = store.relay(producer.clone(), kafka.config());
    let worker = worker::start(kafka.config().clone(), Arc::clone(&store))?;

    let app = App::with_state(store)
        .post("/orders", handlers::create)
        .get("/orders/:id", handlers::show)
        .wrap(KafkaLayer::new());

    if let Some(address) = options.local_addr() {
        tracing::info!("listening on http://{address}");
    }
    let mut options = options.producer(producer).worker(worker);
    if let Some(relay) = relay {
        options = options.relay(relay);
    }
    let report = rws_kafka::serve(app, options)?;
    Ok(if report.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
