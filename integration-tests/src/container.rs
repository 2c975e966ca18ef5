//! One container: its life, whatever runs in it.

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

/// For a container to be made or started, and for what is in it to answer.
const START: Duration = Duration::from_secs(90);
/// For anything else that is asked of Docker or of what is in a container.
pub(crate) const OPERATION: Duration = Duration::from_secs(30);
/// For a program in a container: the clients in Python and Java take long to start on a busy machine.
const PROGRAM: Duration = Duration::from_secs(90);
/// How long what is in a container has to stop by itself.
const GRACE_SECONDS: i32 = 20;

/// An image that `docker/build-images` makes.
#[derive(Clone, Copy)]
pub(crate) struct Image {
    pub(crate) name: &'static str,
    pub(crate) tag: &'static str,
}

impl Image {
    /// What every container here is made with.
    pub(crate) fn request(self) -> ContainerRequest<GenericImage> {
        GenericImage::new(self.name, self.tag)
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

/// What a program in a container wrote, and how it ended.
#[derive(Debug, Clone)]
pub struct ToolOutput {
    /// Its exit code: 0 when all went well.
    pub code: i64,
    /// What it wrote to its standard output.
    pub stdout: String,
    /// What it wrote to its standard error.
    pub stderr: String,
}

/// Removed when this is dropped.
pub(crate) struct Container {
    /// Of its service, as a panic names it: "the broker at localhost:12345".
    name: String,
    inner: Option<ContainerAsync<GenericImage>>,
}

impl Container {
    /// Starts a container and does not wait for what is in it.
    ///
    /// # Panics
    ///
    /// When Docker refuses for another reason than a port.
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
                "no container of {image}: {error}\n\
                 It needs a Docker daemon that answers and the image that \
                 docker/build-images makes; scripts/test sees to both."
            ),
        }
    }

    pub(crate) fn id(&self) -> &str {
        self.inner().id()
    }

    /// Asks until `probe` is content.
    ///
    /// # Panics
    ///
    /// When it is not in time, or the container has ended; with `probe`'s last word and the log's.
    #[track_caller]
    pub(crate) fn wait_until_ready(&self, mut probe: impl FnMut() -> Result<(), String>) {
        let end = Instant::now() + START;
        loop {
            let Err(mut problem) = probe() else { return };
            let ended = run(OPERATION, || self.inner().is_running()).is_ok_and(|running| !running);
            if ended {
                "its process has ended".clone_into(&mut problem);
            }
            assert!(
                !ended && Instant::now() < end,
                "{} is not ready: {problem}\n{}",
                self.name,
                last_lines(&self.logs(), 40)
            );
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Freezes it: connections stay open, nothing answers.
    pub(crate) fn pause(&self) {
        // The kernel may not get all of a busy container's threads to stand still the first time.
        let end = Instant::now() + OPERATION;
        while let Err(error) = run(OPERATION, || self.inner().pause()) {
            assert!(Instant::now() < end, "cannot pause {}: {error}", self.name);
        }
    }

    pub(crate) fn unpause(&self) {
        self.docker("unpause", OPERATION, || self.inner().unpause());
    }

    /// Stops it in order; its files stay.
    pub(crate) fn stop(&self) {
        self.docker("stop", OPERATION, || {
            self.inner().stop_with_timeout(Some(GRACE_SECONDS))
        });
    }

    /// Kills it at once; its files stay.
    pub(crate) fn kill(&self) {
        // A stop without a grace would ask first, and a broker tells the others before it is gone.
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

    /// Starts it again on the same ports, and does not wait for what is in it.
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

    /// Runs a program beside what runs in it already.
    ///
    /// # Panics
    ///
    /// When it cannot be run, or has not ended after 90 s; naming it as `shown`.
    #[track_caller]
    pub(crate) fn run(&self, shown: &str, command: ExecCommand) -> ToolOutput {
        let result = run(PROGRAM, || async {
            let mut running = self.inner().exec(command).await?;
            let stdout = running.stdout_to_vec().await?;
            let stderr = running.stderr_to_vec().await?;
            let code = running.exit_code().await?;
            Ok::<_, TestcontainersError>((code, stdout, stderr))
        });
        match result {
            Ok((code, stdout, stderr)) => ToolOutput {
                code: code.unwrap_or(-1),
                stdout: String::from_utf8_lossy(&stdout).into_owned(),
                stderr: String::from_utf8_lossy(&stderr).into_owned(),
            },
            Err(error) => panic!("{shown}: {error}"),
        }
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
    /// Within 30 s; what fails here is left to the reaper.
    fn drop(&mut self) {
        if let Some(container) = self.inner.take() {
            let _ = run(OPERATION, || container.rm());
        }
    }
}

/// Another process took a port between the choice and the start.
pub(crate) struct PortTaken;

/// Launches with newly chosen ports until they are free.
pub(crate) fn until_ports_are_free<T>(mut launch: impl FnMut() -> Result<T, PortTaken>) -> T {
    for _ in 0..5 {
        if let Ok(launched) = launch() {
            return launched;
        }
    }
    panic!("no container: each port chosen was taken by the time it started");
}

fn is_port_conflict(error: &Failure<TestcontainersError>) -> bool {
    // The daemon's own words come deep in the chain of causes.
    let text = format!("{error:?}");
    text.contains("port is already allocated") || text.contains("address already in use")
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
