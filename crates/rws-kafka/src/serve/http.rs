use super::ServeError;
use super::late;
use super::served::Served;
use rust_web_server::application::Application;
use rust_web_server::entry_point::get_ip_port_thread_count;
use rust_web_server::metrics::{ACTIVE_CONNECTIONS, SERVER_READY};
use rust_web_server::server::Server;
use rust_web_server::thread_pool::ThreadPool;
use rws_kafka_observe::panics;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How often the server's state is looked at: it is kept in statics and cannot be waited for.
const POLL: Duration = Duration::from_millis(10);

/// When no handler runs, and no request began or ended for this long, the open connections are
/// taken to be idle.
const QUIET: Duration = Duration::from_secs(1);

/// A server that listens and does not accept yet.
pub(super) struct Bound {
    listener: TcpListener,
    pool: ThreadPool,
    address: SocketAddr,
}

impl Bound {
    pub(super) fn bind() -> Result<Self, ServeError> {
        let (listener, pool) = match panics::catch(Server::setup) {
            Ok(bound) => bound.map_err(|cause| refused(&cause))?,
            // It panics on a pool without threads.
            Err(panic) => match get_ip_port_thread_count() {
                (_, _, found) if found < 1 => return Err(ServeError::ThreadCount { found }),
                _ => return Err(refused(&format!("the server's setup panicked: {panic}"))),
            },
        };
        let address = listener
            .local_addr()
            .map_err(|cause| refused(&cause.to_string()))?;
        Ok(Self {
            listener,
            pool,
            address,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

fn refused(cause: &str) -> ServeError {
    let (ip, port, _) = get_ip_port_thread_count();
    ServeError::Bind {
        address: if ip.contains(':') {
            format!("[{ip}]:{port}")
        } else {
            format!("{ip}:{port}")
        },
        cause: cause
            .strip_prefix("unable to set up TCP listener: ")
            .unwrap_or(cause)
            .to_owned(),
    }
}

fn not_started(error: io::Error) -> ServeError {
    ServeError::Start {
        cause: error.to_string(),
    }
}

/// A server that runs on a thread of its own.
pub(super) struct Http {
    served: Served,
    /// Another handle on the listening socket, to close the door with.
    door: TcpListener,
    /// Disconnects when `Server::run` has returned.
    ended: Receiver<()>,
}

impl Http {
    pub(super) fn start(
        app: impl Application + Send + Sync + 'static,
        bound: Bound,
    ) -> Result<Self, ServeError> {
        let door = bound.listener.try_clone().map_err(not_started)?;
        door.set_nonblocking(true).map_err(not_started)?;
        let served = Served::leak(app);
        let (running, ended) = channel();
        // Before the server runs, for it clears this when it stops.
        SERVER_READY.store(true, Ordering::SeqCst);
        thread::Builder::new()
            .name("rws-kafka-http".to_owned())
            .spawn(move || {
                let _running = running;
                Server::run(bound.listener, bound.pool, served);
            })
            .map_err(|error| {
                SERVER_READY.store(false, Ordering::SeqCst);
                not_started(error)
            })?;
        Ok(Self {
            served,
            door,
            ended,
        })
    }

    /// Waits until the server has stopped accepting, or `asked_to_stop` says so.
    pub(super) fn wait_for_stop(&self, asked_to_stop: impl Fn() -> bool) {
        let runs = || SERVER_READY.load(Ordering::SeqCst) && !asked_to_stop();
        while runs() {
            if self.ended_within(POLL) {
                return;
            }
        }
    }

    /// Turns `/readyz` to 503, lets in who stands at the door, refuses new connections and asks
    /// clients to close theirs.
    pub(super) fn close_door(&self) {
        SERVER_READY.store(false, Ordering::SeqCst);
        self.served.last_call();
        late::serve_waiting(&self.door, self.served);
        refuse_connections(&self.door);
    }

    /// Waits until every request is answered, at most until `until`.
    ///
    /// A client may keep its connection open for as long as it likes, so what is only connected is
    /// not waited for beyond [`QUIET`].
    pub(super) fn drain(&self, until: Instant) -> bool {
        let mut last = self.activity();
        let mut quiet_since = Instant::now();
        loop {
            let now = Instant::now();
            let activity = self.activity();
            if activity != last {
                last = activity;
                quiet_since = now;
            }
            let is_quiet = self.unanswered() == 0 && now.duration_since(quiet_since) >= QUIET;
            let wait = POLL.min(until.saturating_duration_since(now));
            let has_ended = self.ended_within(wait);
            if is_quiet || (has_ended && self.served.guests() == 0) {
                return true;
            }
            if has_ended {
                // Nothing was waited for above.
                thread::sleep(wait);
            }
            if now >= until {
                return false;
            }
        }
    }

    /// Requests whose handlers still run.
    pub(super) fn unanswered(&self) -> usize {
        self.served.running()
    }

    fn activity(&self) -> (usize, usize, i64) {
        (
            self.served.begun(),
            self.served.running(),
            ACTIVE_CONNECTIONS.load(Ordering::Relaxed),
        )
    }

    fn ended_within(&self, wait: Duration) -> bool {
        self.ended.recv_timeout(wait) == Err(RecvTimeoutError::Disconnected)
    }
}

/// Makes `accept` fail, which also ends `Server::run`'s loop.
///
/// On systems where a listening socket cannot be shut down this has no effect: clients then connect
/// until the process ends, as they do with the server alone.
pub(super) fn refuse_connections(listener: &TcpListener) {
    #[cfg(unix)]
    if let Ok(listener) = listener.try_clone() {
        use std::net::{Shutdown, TcpStream};
        use std::os::fd::OwnedFd;
        // The standard library offers `shutdown` on a stream only; it is the same system call.
        let _ = TcpStream::from(OwnedFd::from(listener)).shutdown(Shutdown::Both);
    }
    #[cfg(not(unix))]
    let _ = listener;
}
