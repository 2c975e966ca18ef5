//! The service as a process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Far longer than anything here takes: only a hang reaches it.
const SOON: Duration = Duration::from_secs(60);

/// Killed when it is dropped.
pub(crate) struct Service {
    process: Child,
    address: String,
    log: Receiver<String>,
    pub(crate) log_before_listening: Vec<String>,
}

impl Service {
    /// Starts it with these environment variables.
    pub(crate) fn start(variables: &[(&str, &str)]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_orders-service"))
            .env("RWS_CONFIG_IP", "127.0.0.1")
            .env("RWS_CONFIG_PORT", "0")
            .env_remove("RWS_CONFIG_KAFKA_BROKERS")
            .env_remove("DATABASE_URL")
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the service");
        let stderr = process.stderr.take().expect("its log");
        let (sender, log) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut service = Self {
            process,
            address: String::new(),
            log,
            log_before_listening: Vec::new(),
        };
        let (seen, address) = service.wait_for_log("listening on http://");
        service.address = address;
        service.log_before_listening = seen;
        service
    }

    /// Sends SIGTERM, and waits for its end.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        let kill = format!("kill -TERM {}", self.process.id());
        let killed = Command::new("sh").args(["-c", &kill]).status();
        assert!(killed.expect("a shell").success());
        let deadline = Instant::now() + SOON;
        loop {
            if let Some(status) = self.process.try_wait().expect("a process") {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for a line that holds `marker`: the lines before it, and what follows the marker.
    pub(crate) fn wait_for_log(&self, marker: &str) -> (Vec<String>, String) {
        let deadline = Instant::now() + SOON;
        let mut seen = Vec::new();
        while let Ok(line) = self.log.recv_timeout(deadline - Instant::now()) {
            if let Some((_, rest)) = line.split_once(marker) {
                return (seen, rest.to_owned());
            }
            seen.push(line);
        }
        panic!("{marker:?} is not in the log:\n{}", seen.join("\n"));
    }

    pub(crate) fn wait_until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + SOON;
        while !condition(self) {
            assert!(Instant::now() < deadline, "{what}: it does not come true");
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        self.request("GET", path, "")
    }

    pub(crate) fn post(&self, body: &str) -> (u16, String) {
        self.request("POST", "/orders", body)
    }

    fn request(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).expect("a connection");
        stream.set_read_timeout(Some(SOON)).expect("a timeout");
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).expect("a request");
        let mut answer = Vec::new();
        // A server that has not read the whole of a body may reset the connection after its answer.
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
        let status = head.split(' ').nth(1).expect("a status");
        (status.parse().expect("a number"), body.to_owned())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Both fail only when it has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
