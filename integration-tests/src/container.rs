//! Starts, stops and removes one container, whatever runs in it.

use std::{
    fmt,
    future::Future,
    thread,
    time::{Duration, Instant},
};

use testcontainers::{
    ContainerAsync, ContainerRequest, GenericImage, ImageExt, TestcontainersError,
    bollard::query_parameters::KillContainerOptionsBuilder,
    core::{ExecCommand, client::docker_client_instance},
    runners::AsyncRunner,
};

use crate::{
    names::unique,
    reaper::{PROCESS_LABEL, RUN_LABEL, process_label, run_label, watched},
    runtime::{Failure, run},
    wait::eventually,
};

/// The timeout for creating or starting a container.
const START: Duration = Duration::from_secs(90);
/// The timeout for a container's service to answer: a broker that starts in 5 s on an idle machine
/// takes 50 s on a busy one, and more with two others beside it.
const READY: Duration = Duration::from_secs(240);
/// The timeout for any other request to Docker or to a container's service.
pub(crate) const OPERATION: Duration = Duration::from_secs(30);
/// The timeout for a program in a container: the clients in Python and Java take long to start on
/// a busy machine.
const PROGRAM: Duration = Duration::from_secs(90);
/// The time that a container's process has to stop by itself.
const GRACE_SECONDS: i32 = 20;

/// An image that `docker/build-images` builds.
#[derive(Clone, Copy)]
pub(crate) struct Image {
    pub(crate) name: &'static str,
    pub(crate) tag: &'static str,
}

impl Image {
    /// Returns the settings that every container here has.
    pub(crate) fn request(self) -> ContainerRequest<GenericImage> {
        Self::request_of(GenericImage::new(self.name, self.tag))
    }

    fn request_of(image: GenericImage) -> ContainerRequest<GenericImage> {
        image
            .with_container_name(unique("rws-kafka-test"))
            .with_label(RUN_LABEL, run_label())
            .with_label(PROCESS_LABEL, process_label())
            .with_startup_timeout(START)
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.tag)
    }
}

/// The output and exit code of a program in a container.
#[derive(Debug, Clone)]
pub struct ToolOutput {
    /// Its exit code: 0 for success.
    pub code: i64,
    /// What it wrote to its standard output.
    pub stdout: String,
    /// What it wrote to its standard error.
    pub stderr: String,
}

/// Removed when this value is dropped.
pub(crate) struct Container {
    /// The name of its service in panics: "the broker at localhost:12345".
    name: String,
    inner: Option<ContainerAsync<GenericImage>>,
}

impl Container {
    /// Starts a container, and does not wait for its service.
    ///
    /// # Panics
    ///
    /// Panics if Docker refuses for another reason than a port.
    pub(crate) fn start(
        name: String,
        image: Image,
        request: ContainerRequest<GenericImage>,
    ) -> Result<Self, PortTaken> {
        match watched(|| run(START, || request.start())) {
            Ok(container) => Ok(Self {
                name,
                inner: Some(container),
            }),
            Err(error) if is_port_conflict(&error) => Err(PortTaken),
            Err(error) => panic!(
                "cannot create a container of {image}: {error}\n\
                 It needs a Docker daemon that answers and the image that \
                 docker/build-images builds; scripts/test provides both."
            ),
        }
    }

    pub(crate) fn id(&self) -> &str {
        self.inner().id()
    }

    /// Calls `probe` after a start until it succeeds. A container whose process ends is started
    /// again once, because a start that works on an idle machine may fail on a busy one.
    ///
    /// # Panics
    ///
    /// Panics if `probe` does not succeed in time, or the process ends twice; with the last problem
    /// and the end of the log of each start.
    #[track_caller]
    pub(crate) fn wait_until_started(&self, mut probe: impl FnMut() -> Result<(), String>) {
        let Err(first) = self.try_until_ready(&mut probe) else {
            return;
        };
        assert!(first.ended, "{}", self.describe(&first));
        let first = self.describe(&first);
        eprintln!("starting it again: {first}");
        self.restart();
        if let Err(second) = self.try_until_ready(&mut probe) {
            panic!(
                "{}\nThis was the second start. The first start: {first}",
                self.describe(&second)
            );
        }
    }

    /// Calls `probe` until it succeeds.
    ///
    /// # Panics
    ///
    /// Panics if it does not succeed in time, or the process has ended; with the last problem and
    /// the end of the log.
    #[track_caller]
    pub(crate) fn wait_until_ready(&self, mut probe: impl FnMut() -> Result<(), String>) {
        if let Err(problem) = self.try_until_ready(&mut probe) {
            panic!("{}", self.describe(&problem));
        }
    }

    fn try_until_ready(
        &self,
        probe: &mut impl FnMut() -> Result<(), String>,
    ) -> Result<(), NotReady> {
        let end = Instant::now() + READY;
        loop {
            let Err(problem) = probe() else { return Ok(()) };
            let ended = run(OPERATION, || self.inner().is_running()).is_ok_and(|running| !running);
            if ended || Instant::now() >= end {
                return Err(NotReady { problem, ended });
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn describe(&self, NotReady { problem, ended }: &NotReady) -> String {
        let problem = if *ended {
            "its process has ended"
        } else {
            problem
        };
        let log = last_lines(&self.logs(), 40);
        format!("{} is not ready: {problem}\n{log}", self.name)
    }

    /// Freezes it: connections stay open, nothing answers.
    pub(crate) fn pause(&self) {
        // The kernel may fail to freeze all threads of a busy container at the first attempt.
        let end = Instant::now() + OPERATION;
        while let Err(error) = run(OPERATION, || self.inner().pause()) {
            assert!(Instant::now() < end, "cannot pause {}: {error}", self.name);
        }
    }

    pub(crate) fn unpause(&self) {
        self.docker("unpause", OPERATION, || self.inner().unpause());
    }

    /// Shuts it down; its files stay.
    pub(crate) fn stop(&self) {
        self.docker("stop", OPERATION, || {
            self.inner().stop_with_timeout(Some(GRACE_SECONDS))
        });
    }

    /// Kills it at once; its files stay.
    pub(crate) fn kill(&self) {
        // A stop without a grace period would send SIGTERM first, and a broker would then tell the
        // others.
        let options = KillContainerOptionsBuilder::new().signal("KILL").build();
        self.docker("kill", OPERATION, || async {
            let docker = docker_client_instance().await?;
            let id = self.inner().id();
            let killed = docker.kill_container(id, Some(options)).await;
            killed.map_err(TestcontainersError::other)
        });
        eventually(OPERATION, || {
            run(OPERATION, || self.inner().is_running()).is_ok_and(|running| !running)
        });
    }

    /// Starts it again on the same ports, and does not wait for its service.
    pub(crate) fn restart(&self) {
        self.docker("start", START, || self.inner().start());
    }

    pub(crate) fn logs(&self) -> String {
        let logs = run(OPERATION, || async {
            let mut bytes = self.inner().stdout_to_vec().await?;
            bytes.extend(self.inner().stderr_to_vec().await?);
            Ok::<_, TestcontainersError>(bytes)
        });
        match logs {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => format!("(no log: {error})"),
        }
    }

    /// Runs a program in the running container.
    ///
    /// # Panics
    ///
    /// Panics if it cannot be run, or has not ended after 90 s; naming it as `shown`.
    #[track_caller]
    pub(crate) fn run(&self, shown: &str, command: ExecCommand) -> ToolOutput {
        self.try_run(command)
            .unwrap_or_else(|error| panic!("{shown}: {error}"))
    }

    /// As [`run`](Self::run), for a container that may have ended.
    pub(crate) fn try_run(&self, command: ExecCommand) -> Result<ToolOutput, String> {
        let result = run(PROGRAM, || async {
            let mut running = self.inner().exec(command).await?;
            let stdout = running.stdout_to_vec().await?;
            let stderr = running.stderr_to_vec().await?;
            let code = running.exit_code().await?;
            Ok::<_, TestcontainersError>((code, stdout, stderr))
        });
        let (code, stdout, stderr) = result.map_err(|error| error.to_string())?;
        Ok(ToolOutput {
            code: code.unwrap_or(-1),
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        })
    }

    fn inner(&self) -> &ContainerAsync<GenericImage> {
        self.inner.as_ref().expect("present until dropped")
    }

    fn docker<F>(&self, what: &str, deadline: Duration, request: impl FnOnce() -> F + Send)
    where
        F: Future<Output = Result<(), TestcontainersError>>,
    {
        if let Err(error) = run(deadline, request) {
            panic!("cannot {what} {}: {error}", self.name);
        }
    }
}

impl Drop for Container {
    /// Tries for 30 s; otherwise the reaper removes it.
    fn drop(&mut self) {
        if let Some(container) = self.inner.take() {
            let _ = run(OPERATION, || container.rm());
        }
    }
}

/// The cause why the service in a container does not answer.
struct NotReady {
    /// The error of the last probe.
    problem: String,
    ended: bool,
}

/// Another process took the port after it was chosen and before the start.
pub(crate) struct PortTaken;

/// Starts a container with new ports until they are free.
pub(crate) fn until_ports_are_free<T>(mut launch: impl FnMut() -> Result<T, PortTaken>) -> T {
    for _ in 0..5 {
        if let Ok(launched) = launch() {
            return launched;
        }
    }
    panic!("cannot start a container: every chosen port was taken before the start");
}

fn is_port_conflict(error: &Failure<TestcontainersError>) -> bool {
    // The daemon's own message is deep in the chain of causes.
    let text = format!("{error:?}");
    text.contains("port is already allocated") || text.contains("address already in use")
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    /// Of any image that has a shell.
    const IMAGE: Image = Image {
        name: "rws-kafka/kafka",
        tag: "4.1.0",
    };

    fn shell(script: &str) -> Container {
        let image = GenericImage::new(IMAGE.name, IMAGE.tag).with_entrypoint("/bin/sh");
        let request = Image::request_of(image).with_cmd(["-c", script]);
        let started = Container::start("the shell".to_owned(), IMAGE, request);
        started.unwrap_or_else(|PortTaken| unreachable!("it maps no port"))
    }

    fn has_logged(container: &Container, line: &str) -> Result<(), String> {
        let found = container.logs().lines().any(|logged| logged == line);
        found.then_some(()).ok_or_else(|| format!("no {line}"))
    }

    #[test]
    fn a_container_whose_process_ends_at_its_first_start_is_started_again() {
        let container = shell(
            "if [ -e /tmp/started ]; then echo ready; exec sleep 600; fi; touch /tmp/started; exit 3",
        );
        container.wait_until_started(|| has_logged(&container, "ready"));
    }

    #[test]
    fn a_container_whose_process_ends_twice_fails_with_the_log_of_both_starts() {
        let container = shell(
            "if [ -e /tmp/started ]; then echo second; exit 3; fi; touch /tmp/started; echo first; exit 3",
        );
        let failed = catch_unwind(AssertUnwindSafe(|| {
            container.wait_until_started(|| Err("not asked".to_owned()));
        }));
        let failed = failed.expect_err("it cannot be ready");
        let text = failed.downcast_ref::<String>().expect("a text");
        let (second, first) = text.split_once("The first start").expect("both starts");
        assert!(second.contains("its process has ended"), "{text}");
        assert!(second.contains("second"), "{text}");
        assert!(
            first.contains("first") && !first.contains("second"),
            "{text}"
        );
    }

    #[test]
    fn a_container_whose_process_ends_later_is_not_started_again() {
        let container = shell("echo ready; exec sleep 600");
        container.wait_until_started(|| has_logged(&container, "ready"));
        container.kill();
        let failed = catch_unwind(AssertUnwindSafe(|| {
            container.wait_until_ready(|| Err("not asked".to_owned()));
        }));
        assert!(failed.is_err());
        assert!(!run(OPERATION, || container.inner().is_running()).expect("an answer"));
    }
}
