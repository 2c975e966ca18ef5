use super::served::Served;
use rust_web_server::application::Application;
use rust_web_server::request::Request;
use rust_web_server::response::Response;
use rust_web_server::server::{Address, ConnectionInfo, Server};
use rust_web_server::test_client::TestClient;
use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// The most connections to serve: more than the standard library queues, and few enough that a flood of
/// clients cannot delay the stop.
const MOST: usize = 1024;

/// The server's own default, in bytes.
const DEFAULT_REQUEST_SIZE: i64 = 10_000;

/// A late client that sends nothing for this long is disconnected.
const READ_TIMEOUT: Duration = Duration::from_secs(1);

/// After this long a connection ends, whatever its client does.
const LONGEST: Duration = Duration::from_secs(10);

/// Serves the connections that were waiting to be accepted when the server stopped accepting.
///
/// The server polls every 10 ms, so at the signal some clients may have sent a request that the server
/// has not seen. `listener` must be non-blocking.
pub(super) fn serve_waiting(listener: &TcpListener, served: Served) {
    for _ in 0..MOST {
        let Ok((stream, peer)) = listener.accept() else {
            return;
        };
        if let Err(error) = serve(stream, peer, served) {
            tracing::warn!(%error, "a connection made at the stop was dropped");
        }
    }
}

/// Serves this connection on its own thread.
pub(super) fn serve(stream: TcpStream, peer: SocketAddr, served: Served) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    let connection = connection_info(peer, stream.local_addr()?);
    let stream = Bounded {
        stream,
        end: Instant::now() + LONGEST,
    };
    let guest = served.guest();
    thread::Builder::new()
        .name("rws-kafka-late".to_owned())
        .spawn(move || {
            let _guest = guest;
            if let Err(error) = Server::process(stream, connection, served) {
                tracing::debug!(error, "a connection made at the stop failed");
            }
        })?;
    Ok(())
}

/// A connection that ends at a fixed time; otherwise the server would read and write for as long as the
/// client keeps it busy.
struct Bounded {
    stream: TcpStream,
    end: Instant,
}

impl Bounded {
    fn left(&self) -> io::Result<Duration> {
        let left = self.end.saturating_duration_since(Instant::now());
        match left.is_zero() {
            true => Err(io::ErrorKind::TimedOut.into()),
            false => Ok(left),
        }
    }
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let time = self.left()?.min(READ_TIMEOUT);
        self.stream.set_read_timeout(Some(time))?;
        self.stream.read(buffer)
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Returns the connection's info. The fields of `ConnectionInfo` differ between versions of the server,
/// so it cannot be built here; the test client builds one.
fn connection_info(client: SocketAddr, server: SocketAddr) -> ConnectionInfo {
    struct Capture<'a>(&'a RefCell<Option<ConnectionInfo>>);
    impl Application for Capture<'_> {
        fn execute(&self, _: &Request, connection: &ConnectionInfo) -> Result<Response, String> {
            *self.0.borrow_mut() = Some(connection.clone());
            Err("captured".to_owned())
        }
    }
    let captured = RefCell::new(None);
    TestClient::new(Capture(&captured)).get("/").send();
    let mut info = captured
        .take()
        .expect("the test client runs its application");
    info.client = address(client);
    info.server = address(server);
    info.request_size = request_size();
    info
}

/// Returns the size of the server's request buffer, in bytes. The server's own function prints a line if
/// the variable is not set, and without an HTTP application it is not.
fn request_size() -> i64 {
    std::env::var("RWS_CONFIG_REQUEST_ALLOCATION_SIZE_IN_BYTES")
        .ok()
        .and_then(|size| size.parse().ok())
        .filter(|size| *size > 0)
        .unwrap_or(DEFAULT_REQUEST_SIZE)
}

fn address(address: SocketAddr) -> Address {
    Address {
        ip: address.ip().to_string(),
        port: i32::from(address.port()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rust_web_server::app::App;

    const SOON: Duration = Duration::from_secs(60);

    #[test]
    fn whoever_had_connected_is_answered_and_let_go_of() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let served = Served::leak(App::with_state(()));
        served.last_call();
        let mut late = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        late.set_read_timeout(Some(SOON)).unwrap();
        late.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .unwrap();

        serve_waiting(&listener, served);

        let mut answer = String::new();
        late.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.contains("Connection: close\r\n"), "{answer}");
        let deadline = Instant::now() + SOON;
        while served.guests() > 0 {
            assert!(Instant::now() < deadline, "it is still counted");
            thread::yield_now();
        }
    }

    #[test]
    fn a_client_that_keeps_its_connection_busy_or_does_not_read_is_let_go_of_in_time() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connected = || {
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            (client, listener.accept().unwrap().0)
        };
        let (mut client, stream) = connected();
        let end = Instant::now() + Duration::from_millis(200);
        let mut bounded = Bounded { stream, end };
        let busy = thread::spawn(move || while client.write_all(b"x").is_ok() {});
        let error = loop {
            if let Err(error) = bounded.read_exact(&mut [0]) {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(bounded);
        busy.join().unwrap();

        let (_client, stream) = connected();
        let end = Instant::now() + Duration::from_millis(200);
        let mut bounded = Bounded { stream, end };
        let endless = vec![0; 64 << 20];
        assert!(bounded.write_all(&endless).is_err());
    }

    #[test]
    fn nobody_at_the_door_is_not_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let served = Served::leak(App::with_state(()));

        serve_waiting(&listener, served);

        assert_eq!(served.guests(), 0);
    }
}
