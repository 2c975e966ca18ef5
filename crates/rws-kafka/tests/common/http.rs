//! A minimal HTTP/1.1 client.

use super::SOON;
use std::io::{self, Read, Write};
use std::net::TcpStream;

/// An answer as it came over the wire.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// Of the bytes of one whole answer.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").expect("an HTTP answer");
        let status = head.split(' ').nth(1).expect("a status");
        Self {
            status: status.parse().expect("a numeric status"),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    /// The value of the first header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).first().copied()
    }

    /// The values of all headers of this name.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .filter(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect()
    }
}

/// The bytes of a request after which the connection closes.
pub(crate) fn closing(method: &str, path: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
}

/// Sends one request on a connection of its own.
pub(crate) fn send(address: &str, method: &str, path: &str, body: &str) -> io::Result<Answer> {
    let mut stream = connect(address)?;
    stream.write_all(closing(method, path, body).as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(Answer::parse(&answer))
}

/// A connection whose reads time out in the end.
pub(crate) fn connect(address: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(SOON))?;
    Ok(stream)
}

/// Waits until the server answers: from then on it handles signals too.
pub(crate) fn wait_until_served(address: &str) {
    let answer = send(address, "GET", "/healthz", "").expect("the server answers");
    assert_eq!(answer.status, 200);
}
