use crate::message;
use rust_web_server::app::App;
use rust_web_server::application::Application;
use rust_web_server::core::New;
use rust_web_server::header::Header;
use rust_web_server::request::Request;
use rust_web_server::response::{Response, STATUS_CODE_REASON_PHRASE};
use rust_web_server::server::ConnectionInfo;
use rws_kafka_observe::panics::{self, Panicked};
use rws_kafka_observe::text::printable;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The application in the form that `Server::run` takes on every supported version of the server.
///
/// Version 17 needs `Copy` and `New`; neither `with_state` nor `wrap` returns such a type there.
#[derive(Clone, Copy)]
pub(super) struct Served(&'static Shared);

struct Shared {
    app: Box<dyn Application + Send + Sync>,
    running: AtomicUsize,
    begun: AtomicUsize,
    guests: AtomicUsize,
    last_call: AtomicBool,
}

impl Served {
    /// Leaks the application, because the server's threads may outlive every deadline.
    pub(super) fn leak(app: impl Application + Send + Sync + 'static) -> Self {
        Self(Box::leak(Box::new(Shared {
            app: Box::new(app),
            running: AtomicUsize::new(0),
            begun: AtomicUsize::new(0),
            guests: AtomicUsize::new(0),
            last_call: AtomicBool::new(false),
        })))
    }

    /// Makes every response from now on ask its client to close the connection.
    pub(super) fn last_call(self) {
        self.0.last_call.store(true, Ordering::SeqCst);
    }

    /// Returns the number of requests whose handlers run now.
    pub(super) fn running(self) -> usize {
        self.0.running.load(Ordering::SeqCst)
    }

    /// Counts a connection that the server's own loop does not accept, until the guard is dropped.
    pub(super) fn guest(self) -> Guest {
        self.0.guests.fetch_add(1, Ordering::SeqCst);
        Guest(self.0)
    }

    /// Returns the number of connections that a [`Guest`] counts.
    pub(super) fn guests(self) -> usize {
        self.0.guests.load(Ordering::SeqCst)
    }

    /// Returns the number of requests that have ever started.
    pub(super) fn begun(self) -> usize {
        self.0.begun.load(Ordering::SeqCst)
    }
}

impl New for Served {
    fn new() -> Self {
        Self::leak(App::new())
    }
}

impl Application for Served {
    fn execute(&self, request: &Request, connection: &ConnectionInfo) -> Result<Response, String> {
        let _running = Running::enter(self.0);
        // On version 17 a panic would end one of the pool's threads permanently.
        let mut response = match panics::catch(|| self.0.app.execute(request, connection)) {
            Ok(answer) => answer?,
            Err(panic) => panicked(request, &panic),
        };
        message::announce_empty_body(&mut response);
        let upgrades = response.status_code
            == *STATUS_CODE_REASON_PHRASE
                .n101_switching_protocols
                .status_code;
        if self.0.last_call.load(Ordering::SeqCst) && !upgrades {
            // The server adds `Connection: keep-alive` after it; `close` wins (RFC 9112, 9.3).
            response
                .headers
                .push(message::header(Header::_CONNECTION, "close"));
        }
        Ok(response)
    }
}

/// Counts a request for as long as its handler runs.
struct Running(&'static Shared);

impl Running {
    fn enter(shared: &'static Shared) -> Self {
        shared.begun.fetch_add(1, Ordering::SeqCst);
        shared.running.fetch_add(1, Ordering::SeqCst);
        Self(shared)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Counts a connection while it lives; see [`Served::guest`].
pub(super) struct Guest(&'static Shared);

impl Drop for Guest {
    fn drop(&mut self) {
        self.0.guests.fetch_sub(1, Ordering::SeqCst);
    }
}

fn panicked(request: &Request, panic: &Panicked) -> Response {
    tracing::error!(
        method = %request.method,
        path = %printable(message::path(request)),
        %panic,
        "answered 500: an HTTP handler panicked"
    );
    message::json(
        STATUS_CODE_REASON_PHRASE.n500_internal_server_error,
        Header::get_header_list(request),
        r#"{"error":"internal server error"}"#,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use rust_web_server::test_client::TestClient;

    /// Returns the bytes that the server sends in response to `GET /`.
    fn sent(status: &'static rust_web_server::response::StatusCodeReasonPhrase) -> String {
        let app = App::with_state(()).get("/", move |_req, _params, _conn, ()| {
            Response::get_response(status, None, None)
        });
        struct Sent(Served, std::cell::RefCell<String>);
        impl Application for &Sent {
            fn execute(
                &self,
                request: &Request,
                info: &ConnectionInfo,
            ) -> Result<Response, String> {
                let answer = self.0.execute(request, info)?;
                let bytes = Response::generate_response(answer, request.clone());
                *self.1.borrow_mut() = String::from_utf8_lossy(&bytes).into_owned();
                Err("seen".to_owned())
            }
        }
        let seen = Sent(Served::leak(app), std::cell::RefCell::default());
        TestClient::new(&seen).get("/").send();
        seen.1.take()
    }

    #[test]
    fn an_answer_without_a_body_says_so_once() {
        let accepted = sent(STATUS_CODE_REASON_PHRASE.n202_accepted);
        assert!(accepted.starts_with("HTTP/1.1 202 "), "{accepted}");
        assert_eq!(
            accepted.matches("Content-Length: 0\r\n").count(),
            1,
            "{accepted}"
        );

        let no_content = sent(STATUS_CODE_REASON_PHRASE.n204_no_content);
        assert!(no_content.starts_with("HTTP/1.1 204 "), "{no_content}");
        assert!(!no_content.contains("Content-Length"), "{no_content}");
    }
}
