use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

pub(crate) const CONNECTIONS: usize = 16;

/// An order of 300 B.
pub(crate) const BODY: &str = concat!(
    r#"{"event":"order.created","order_id":471100,"customer_id":42,"currency":"EUR","#,
    r#""items":[{"sku":"SKU-00017","quantity":1,"cents":9900},"#,
    r#"{"sku":"SKU-00023","quantity":2,"cents":1250}],"at":"2026-11-30T12:00:00Z","#,
    r#""note":"please leave it with the neighbours if nobody answers the door, thank you very much"}"#,
);

/// The longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends this many requests over all connections, each after the answer to the one before; the time runs
/// from the first request to the last answer.
///
/// # Panics
///
/// When an answer is not a 202.
pub(crate) fn post(address: &str, requests: usize) -> Duration {
    let connections: Vec<_> = (0..CONNECTIONS).map(|_| connect(address)).collect();
    let request = format!(
        "POST /orders HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{BODY}",
        BODY.len()
    );
    let start = Instant::now();
    std::thread::scope(|scope| {
        for (index, mut connection) in connections.into_iter().enumerate() {
            let request = request.as_bytes();
            let share = requests / CONNECTIONS + usize::from(index < requests % CONNECTIONS);
            scope.spawn(move || {
                for _ in 0..share {
                    connection.get_mut().write_all(request).expect("a request");
                    answer(&mut connection);
                }
            });
        }
    });
    start.elapsed()
}

fn connect(address: &str) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_nodelay(true).expect("no delay");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    BufReader::new(stream)
}

/// Reads one answer to its end.
fn answer(connection: &mut BufReader<TcpStream>) {
    let mut head = String::with_capacity(1024);
    while !head.ends_with("\r\n\r\n") {
        let read = connection.read_line(&mut head).expect("an answer");
        assert!(read > 0, "the connection was closed: {head:?}");
    }
    assert!(head.starts_with("HTTP/1.1 202 "), "{head}");
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim())
    });
    let length: u64 = length.map_or(0, |length| length.parse().expect("a length"));
    let mut body = connection.take(length);
    std::io::copy(&mut body, &mut std::io::sink()).expect("a body");
}
