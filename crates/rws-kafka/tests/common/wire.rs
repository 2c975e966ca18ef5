//! Runs an application on the server's own connection loop, without a socket.

use super::http::{Answer, closing};
use rust_web_server::application::Application;
use rust_web_server::request::Request;
use rust_web_server::response::Response;
use rust_web_server::server::{ConnectionInfo, Server};
use rust_web_server::test_client::TestClient;
use std::cell::RefCell;
use std::io::{self, Cursor, Read, Write};

/// What a client gets for `method` `path`.
pub(crate) fn exchange(app: impl Application, method: &str, path: &str) -> Answer {
    exchange_raw(app, &closing(method, path, ""))
}

/// What a client gets for these bytes.
pub(crate) fn exchange_raw(app: impl Application, request: &str) -> Answer {
    let mut output = Vec::new();
    let wire = Wire {
        input: Cursor::new(request.as_bytes()),
        output: &mut output,
    };
    Server::process(wire, connection(), app).expect("a request that the server can parse");
    Answer::parse(&output)
}

struct Wire<'a> {
    input: Cursor<&'a [u8]>,
    output: &'a mut Vec<u8>,
}

impl Read for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.input.read(buffer)
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Its fields differ between the server's versions, so the test client makes one.
fn connection() -> ConnectionInfo {
    struct Capture<'a>(&'a RefCell<Option<ConnectionInfo>>);
    impl Application for Capture<'_> {
        fn execute(&self, _: &Request, connection: &ConnectionInfo) -> Result<Response, String> {
            *self.0.borrow_mut() = Some(connection.clone());
            Err("captured".to_owned())
        }
    }
    let captured = RefCell::new(None);
    TestClient::new(Capture(&captured)).get("/").send();
    captured.take().expect("a connection")
}
