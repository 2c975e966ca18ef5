//! `operated-service` in its own process. `tests/page` uses this file too, and each uses a part of
//! it.
#![allow(dead_code)]

use integration_tests::{Child, HttpAnswer, HttpRequest, Kafka, Program, SOON, eventually_some};
use std::time::Duration;

pub(crate) struct Service {
    pub(crate) child: Child,
    /// `host:port`.
    pub(crate) address: String,
}

impl Service {
    /// Starts it with this topic and group, and with these additional variables.
    pub(crate) fn start(kafka: &Kafka, topic: &str, group: &str, more: &[(&str, &str)]) -> Self {
        let mut program = Program::new(env!("CARGO_BIN_EXE_operated-service"))
            .env("RWS_CONFIG_IP", "127.0.0.1")
            .env("RWS_CONFIG_PORT", "0")
            .env("RWS_CONFIG_KAFKA_BROKERS", kafka.bootstrap())
            .env("RWS_CONFIG_KAFKA_CLIENT_ID", "orders-service")
            .env("RWS_CONFIG_KAFKA_CONSUMER_GROUP", group)
            .env("TOPIC", topic);
        for &(name, value) in more {
            program = program.env(name, value);
        }
        let mut child = program.start();
        let address = child.wait_for("listening on ");
        Self { child, address }
    }

    pub(crate) fn get(&self, path: &str) -> HttpAnswer {
        let url = format!("http://{}{path}", self.address);
        let answer = HttpRequest::new("GET", &url).send();
        answer.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Sends a request that is answered with 200.
    pub(crate) fn post(&self, path: &str, body: &str) {
        let url = format!("http://{}{path}", self.address);
        let request = HttpRequest::new("POST", &url).body("text/plain", body);
        let answer = request.send().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(answer.status, 200, "{path} gave {}", answer.body);
    }

    pub(crate) fn publish(&self, topic: &str, payload: &str) {
        self.post(&format!("/publish/{topic}"), payload);
    }

    /// Waits until `/readyz` answers with this status and body.
    #[track_caller]
    pub(crate) fn becomes(&self, status: u16, body: &str) {
        let mut last = None;
        let end = std::time::Instant::now() + SOON;
        while std::time::Instant::now() < end {
            let answer = self.get("/readyz");
            if (answer.status, answer.body.as_str()) == (status, body) {
                return;
            }
            last = Some(answer);
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("/readyz did not become {status} {body}, but is {last:?}");
    }

    /// Sends the request until the response contains the text.
    #[track_caller]
    pub(crate) fn until<T>(&self, path: &str, look: impl Fn(&HttpAnswer) -> Option<T>) -> T {
        eventually_some(SOON, || look(&self.get(path)))
    }

    pub(crate) fn stop(mut self) {
        self.post("/release", "");
        self.child.signal("TERM");
        assert_eq!(self.child.wait_for("clean: "), "true");
        assert!(self.child.wait().success());
    }
}
