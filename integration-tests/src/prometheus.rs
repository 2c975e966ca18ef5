//! Runs a Prometheus server, and `promtool`, which checks files.

use std::{
    fmt, fs,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    http::HttpRequest,
    names::free_port,
    program::{run_program, tool},
};

const PATIENCE: Duration = Duration::from_secs(30);

/// Runs `promtool` and returns its output.
///
/// # Panics
///
/// Panics if it is not installed, or finds fault.
pub fn promtool(arguments: &[&str]) -> String {
    let (status, output, errors) = run_program(&tool("promtool"), arguments, b"");
    let output = String::from_utf8_lossy(&output).into_owned();
    assert!(
        status.is_some_and(|status| status.success()),
        "promtool {}:\n{output}{errors}",
        arguments.join(" ")
    );
    output
}

/// A server with its own store, killed when this value is dropped.
pub struct Prometheus {
    process: Child,
    port: u16,
    store: TempDir,
}

impl Prometheus {
    /// Starts one on this configuration file.
    ///
    /// # Panics
    ///
    /// Panics if it is not installed, or is not ready within 30 s.
    pub fn start(configuration: &Path) -> Self {
        let store = tempfile::tempdir().expect("an empty folder");
        let port = free_port();
        let log = fs::File::create(store.path().join("log")).expect("a log file");
        let process = Command::new(tool("prometheus"))
            .arg(format!("--config.file={}", configuration.display()))
            .arg(format!("--storage.tsdb.path={}", store.path().display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("prometheus: {error}; run scripts/test"));
        let mut server = Self {
            process,
            port,
            store,
        };
        let end = Instant::now() + PATIENCE;
        while !server.is_ready() {
            let has_ended = !matches!(server.process.try_wait(), Ok(None));
            if has_ended || Instant::now() > end {
                panic!("Prometheus did not start:\n{}", server.log());
            }
            thread::sleep(Duration::from_millis(50));
        }
        server
    }

    /// Sends these parameters to a path of its API, such as `query`, and returns the response's
    /// `data`.
    ///
    /// # Errors
    ///
    /// What it says of a query that it refuses.
    pub fn ask(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Value, String> {
        let url = format!("http://127.0.0.1:{}/api/v1/{path}", self.port);
        let request = HttpRequest::new("GET", &url).in_the_url();
        let request = parameters
            .iter()
            .fold(request, |request, (name, value)| request.field(name, value));
        let answer = request.send()?;
        if answer.status == 200 {
            Ok(answer.json()["data"].take())
        } else {
            Err(answer.body)
        }
    }

    /// Returns the values of this query at this moment, of all series that it gives.
    ///
    /// # Errors
    ///
    /// What it says of a query that it refuses.
    pub fn values(&self, query: &str) -> Result<Vec<f64>, String> {
        let data = self.ask("query", &[("query", query)])?;
        let value = |value: &Value| value.as_str()?.parse().ok();
        match &data["result"] {
            Value::Array(series) if data["resultType"] == "vector" => Ok(series
                .iter()
                .filter_map(|series| value(&series["value"][1]))
                .collect()),
            scalar => Ok(value(&scalar[1]).into_iter().collect()),
        }
    }

    fn is_ready(&self) -> bool {
        let url = format!("http://127.0.0.1:{}/-/ready", self.port);
        let answer = HttpRequest::new("GET", &url).send();
        answer.is_ok_and(|answer| answer.status == 200)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.store.path().join("log")).unwrap_or_default()
    }
}

impl fmt::Debug for Prometheus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prometheus")
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
