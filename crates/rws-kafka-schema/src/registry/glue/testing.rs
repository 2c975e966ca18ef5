//! Test servers that return a few fixed responses.

use parking_lot::Mutex;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The longest time to wait for a client.
const DEADLINE: Duration = Duration::from_secs(10);

/// A request.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// The request line: `GET /path`.
    pub(super) line: String,
    headers: Vec<(String, String)>,
    pub(super) body: String,
}

/// A response: status, one more header (`name: value`, or empty) and body.
pub(super) type Told = (u16, &'static str, String);

/// An HTTP server on this machine, which stops when it is dropped.
pub(super) struct Server {
    pub(super) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(found, _)| found.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    fn read(from: &mut impl BufRead) -> Option<Self> {
        let mut line = String::new();
        from.read_line(&mut line).ok()?;
        let line = line.trim().rsplit_once(' ')?.0.to_owned();
        let mut headers = Vec::new();
        loop {
            let mut header = String::new();
            from.read_line(&mut header).ok()?;
            let Some((name, value)) = header.trim().split_once(':') else {
                break;
            };
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let mut asked = Self {
            line,
            headers,
            body: String::new(),
        };
        let length = asked.header("content-length").unwrap_or("0").parse().ok()?;
        from.take(length).read_to_string(&mut asked.body).ok()?;
        Some(asked)
    }
}

impl Server {
    /// Starts a server. `answer` gets the request and the number of requests before it.
    pub(super) fn start(answer: impl Fn(&Asked, usize) -> Told + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let ends = Arc::new(AtomicBool::new(false));
        let (log, end) = (Arc::clone(&asked), Arc::clone(&ends));
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if end.load(Ordering::SeqCst) {
                    return;
                }
                serve(stream.unwrap(), &log, &answer);
            }
        });
        Self {
            url: format!("http://{address}"),
            asked,
            ends,
            thread: Some(thread),
        }
    }

    /// Starts a server that returns these responses, one after the other.
    pub(super) fn telling(told: Vec<Told>) -> Self {
        Self::start(move |asked, before| {
            let told = told.get(before);
            told.unwrap_or_else(|| panic!("no answer is left for {asked:?}"))
                .clone()
        })
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.url.trim_start_matches("http://"));
        let ended = self.thread.take().map(JoinHandle::join);
        if let (Some(Err(_)), false) = (ended, thread::panicking()) {
            panic!("the server panicked");
        }
    }
}

fn serve(mut stream: TcpStream, log: &Mutex<Vec<Asked>>, answer: &impl Fn(&Asked, usize) -> Told) {
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let Some(asked) = Asked::read(&mut BufReader::new(&stream)) else {
        return;
    };
    let before = log.lock().len();
    log.lock().push(asked.clone());
    let (status, header, body) = answer(&asked, before);
    let header = match header {
        "" => String::new(),
        header => format!("{header}\r\n"),
    };
    let length = body.len();
    let _ = write!(
        stream,
        "HTTP/1.1 {status} -\r\nConnection: close\r\nContent-Length: {length}\r\n{header}\r\n{body}"
    );
}
