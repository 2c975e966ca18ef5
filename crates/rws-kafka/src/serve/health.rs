use super::ServeError;
use super::http::refuse_connections;
use super::late;
use super::served::Served;
use crate::{KafkaLayer, message};
use rust_web_server::app::App;
use rust_web_server::application::Application;
use rust_web_server::header::Header;
use rust_web_server::middleware::Middleware;
use rust_web_server::request::{METHOD, Request};
use rust_web_server::response::{Response, STATUS_CODE_REASON_PHRASE};
use rust_web_server::server::ConnectionInfo;
use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// How old a poll thread's heartbeat may be before `/livez` fails: longer than the longest wait of a
/// healthy worker, which is a drain at a rebalance.
const SILENCE: Duration = Duration::from_secs(60);

/// The most connections answered at the same time; others are refused. Probes and a scraper need few.
const MOST: usize = 16;

/// The pause before `accept` is tried again after an error, mostly that file descriptors ran out.
const PAUSE: Duration = Duration::from_millis(100);

/// A port for probes and scrapes that listens and does not answer yet.
pub(super) struct HealthPort {
    listener: TcpListener,
    address: SocketAddr,
}

impl HealthPort {
    pub(super) fn bind(address: &str) -> Result<Self, ServeError> {
        let refused = |error: std::io::Error| ServeError::Bind {
            address: address.to_owned(),
            cause: error.to_string(),
        };
        let listener = TcpListener::bind(address).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Self { listener, address })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests on its own thread until the result is dropped.
    pub(super) fn start(self, layer: Option<KafkaLayer>) -> Result<Health, ServeError> {
        let not_started = |error: std::io::Error| ServeError::Start {
            cause: error.to_string(),
        };
        let door = self.listener.try_clone().map_err(not_started)?;
        let served = Served::leak(Pages {
            layer: layer.unwrap_or_default().livez_unless_set(SILENCE),
            server: Box::new(App::with_state(())),
        });
        // Responses ask the client to close; `late` ends the connection after a while in any case.
        served.last_call();
        let closed = Arc::new(AtomicBool::new(false));
        let is_closed = Arc::clone(&closed);
        thread::Builder::new()
            .name("rws-kafka-health".to_owned())
            .spawn(move || {
                while !is_closed.load(Ordering::SeqCst) {
                    accept(&self.listener, served);
                }
            })
            .map_err(not_started)?;
        Ok(Health { door, closed })
    }
}

impl fmt::Debug for HealthPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.address, f)
    }
}

fn accept(listener: &TcpListener, served: Served) {
    let Ok((stream, peer)) = listener.accept() else {
        thread::sleep(PAUSE);
        return;
    };
    if served.guests() >= MOST {
        tracing::debug!(%peer, "refused a connection to the health port: there are {MOST} already");
        return;
    }
    if let Err(error) = late::serve(stream, peer, served) {
        tracing::debug!(%error, "dropped a connection to the health port");
    }
}

/// The port while it answers. Dropping it refuses new connections and does not wait for open ones.
pub(super) struct Health {
    door: TcpListener,
    closed: Arc<AtomicBool>,
}

impl Drop for Health {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::SeqCst);
        refuse_connections(&self.door);
    }
}

/// Kafka's answers, and below them the server's health and metrics. The server's own application would
/// also serve the files of the working directory.
struct Pages {
    layer: KafkaLayer,
    server: Box<dyn Application + Send + Sync>,
}

impl Application for Pages {
    fn execute(&self, request: &Request, connection: &ConnectionInfo) -> Result<Response, String> {
        self.layer
            .handle(request, connection, &ServerPages(&*self.server))
    }
}

struct ServerPages<'a>(&'a (dyn Application + Send + Sync));

impl Application for ServerPages<'_> {
    fn execute(&self, request: &Request, connection: &ConnectionInfo) -> Result<Response, String> {
        let is_get = request.method == METHOD.get;
        let is_head = request.method == METHOD.head;
        match message::path(request) {
            "/healthz" if is_get || is_head => self.0.execute(request, connection),
            "/metrics" if is_get => self.0.execute(request, connection),
            _ => Ok(message::json(
                STATUS_CODE_REASON_PHRASE.n404_not_found,
                Header::get_header_list(request),
                r#"{"error":"not found"}"#,
            )),
        }
    }
}
