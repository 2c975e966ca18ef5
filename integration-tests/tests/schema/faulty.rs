//! A proxy for a real registry that causes errors.

use integration_tests::{HttpAnswer, HttpRequest, Registry, SOON};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// What happens to one request.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// It reaches the registry.
    None,
    /// It reaches the registry once [`Faulty::release`] is called.
    Held,
    /// It reaches the registry after a while.
    Slow(Duration),
    /// This is the answer.
    Answer {
        status: u16,
        headers: &'static str,
        body: String,
    },
    /// The registry's answer, without its last bytes.
    CutShort,
    /// The registry's answer is well-formed HTTP with half of its JSON.
    HalfOfTheJson,
    /// The connection is closed.
    Closed,
}

/// A server that forwards requests to a registry, counts them, and breaks some.
pub(crate) struct Faulty {
    inner: Arc<Inner>,
    port: u16,
}

struct Inner {
    registry: &'static Registry,
    requests: AtomicUsize,
    /// The headers of each request, as they came.
    headers: Mutex<Vec<String>>,
    /// For the next requests; then none.
    faults: Mutex<VecDeque<Fault>>,
    /// For requests whose path has this in it.
    by_path: Mutex<Vec<(String, Fault)>>,
    released: Mutex<bool>,
    release: Condvar,
    stopped: AtomicBool,
}

impl Faulty {
    pub(crate) fn before(registry: &'static Registry) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let inner = Arc::new(Inner {
            registry,
            requests: AtomicUsize::new(0),
            headers: Mutex::default(),
            faults: Mutex::default(),
            by_path: Mutex::default(),
            released: Mutex::default(),
            release: Condvar::new(),
            stopped: AtomicBool::new(false),
        });
        let serving = Arc::clone(&inner);
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                if serving.stopped.load(Ordering::Relaxed) {
                    break;
                }
                let inner = Arc::clone(&serving);
                std::thread::spawn(move || inner.serve(connection.unwrap()));
            }
        });
        Self { inner, port }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Sets what happens to each of the next requests.
    pub(crate) fn next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.inner.faults.lock().unwrap().extend(faults);
    }

    /// Sets what happens to requests whose path contains `part`.
    pub(crate) fn on(&self, part: &str, fault: Fault) {
        let rule = (part.to_owned(), fault);
        self.inner.by_path.lock().unwrap().push(rule);
    }

    pub(crate) fn release(&self) {
        *self.inner.released.lock().unwrap() = true;
        self.inner.release.notify_all();
    }

    /// Returns the headers of each request so far, in lower case.
    pub(crate) fn headers(&self) -> Vec<String> {
        self.inner.headers.lock().unwrap().clone()
    }

    pub(crate) fn requests(&self) -> usize {
        self.inner.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        self.inner.stopped.store(true, Ordering::Relaxed);
        self.release();
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

struct Request {
    method: String,
    path: String,
    headers: String,
    body: Vec<u8>,
}

impl Inner {
    /// One request a connection.
    fn serve(&self, mut connection: TcpStream) {
        let Some(request) = read(&mut BufReader::new(&connection)) else {
            return;
        };
        self.headers.lock().unwrap().push(request.headers.clone());
        self.requests.fetch_add(1, Ordering::SeqCst);
        let answer = match self.fault(&request.path) {
            Fault::None => whole(&self.forward(&request)),
            Fault::Held => {
                self.wait_for_release(&request.path);
                whole(&self.forward(&request))
            }
            Fault::Slow(wait) => {
                std::thread::sleep(wait);
                whole(&self.forward(&request))
            }
            Fault::Answer {
                status,
                headers,
                body,
            } => http(status, headers, body.as_bytes()),
            Fault::CutShort => {
                let mut answer = whole(&self.forward(&request));
                answer.truncate(answer.len() - 10);
                answer
            }
            Fault::HalfOfTheJson => {
                let answer = self.forward(&request);
                let half = answer.body.len() / 2;
                http(answer.status, "", &answer.body.as_bytes()[..half])
            }
            Fault::Closed => return,
        };
        // The client may have closed the connection.
        let _ = connection.write_all(&answer);
    }

    fn wait_for_release(&self, path: &str) {
        let released = self.released.lock().unwrap();
        let (_released, waited) = self
            .release
            .wait_timeout_while(released, SOON, |released| !*released)
            .unwrap();
        assert!(!waited.timed_out(), "{path} was not released in time");
    }

    fn fault(&self, path: &str) -> Fault {
        let by_path = self.by_path.lock().unwrap();
        if let Some((_, fault)) = by_path.iter().find(|(part, _)| path.contains(part)) {
            return fault.clone();
        }
        self.faults
            .lock()
            .unwrap()
            .pop_front()
            .unwrap_or(Fault::None)
    }

    fn forward(&self, request: &Request) -> HttpAnswer {
        let url = format!("{}{}", self.registry.url(), request.path);
        let mut forwarded = HttpRequest::new(&request.method, &url);
        if !request.body.is_empty() {
            forwarded = forwarded.body(
                "application/vnd.schemaregistry.v1+json",
                request.body.clone(),
            );
        }
        forwarded.send().unwrap()
    }
}

fn whole(answer: &HttpAnswer) -> Vec<u8> {
    http(answer.status, "", answer.body.as_bytes())
}

fn http(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status} Status\r\n{headers}connection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn read(reader: &mut BufReader<&TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (mut length, mut headers) = (0, String::new());
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let header = header.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        headers.push_str(&header);
        headers.push('\n');
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request {
        method,
        path,
        headers,
        body,
    })
}
