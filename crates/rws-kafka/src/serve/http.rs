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

/// How often the server's state is checked: it is in statics, which cannot be waited for.
const POLL: Duration = Duration::from_millis(10);

/// Open connections count as idle when no handler runs and no request has started or ended for this
/// long.
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
            // The server panics if its pool would have no threads.
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

/// A server that runs on its own thread.
pub(super) struct Http {
    served: Served,
    /// A second handle on the listening socket, through which it is shut down.
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
        // Set it before the server runs, because the server clears it when it stops.
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

    /// Blocks until the server has stopped accepting or `asked_to_stop` returns `true`.
    pub(super) fn wait_for_stop(&self, asked_to_stop: impl Fn() -> bool) {
        let runs = || SERVER_READY.load(Ordering::SeqCst) && !asked_to_stop();
        while runs() {
            if self.ended_within(POLL) {
                return;
            }
        }
    }

    /// Makes `/readyz` answer 503, serves the connections that wait to be accepted, refuses new ones,
    /// and asks clients to close theirs.
    pub(super) fn close_door(&self) {
        SERVER_READY.store(false, Ordering::SeqCst);
        self.served.last_call();
        late::serve_waiting(&self.door, self.served);
        refuse_connections(&self.door);
    }

    /// Waits until every request is answered, at most until `until`. Returns `true` if all are.
    ///
    /// Clients may keep connections open as long as they like, so idle connections are waited for no
    /// longer than [`QUIET`].
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
                // `ended_within` returned at once.
                thread::sleep(wait);
            }
            if now >= until {
                return false;
            }
        }
    }

    /// Returns the number of requests whose handlers still run.
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

/// Shuts down the listening socket: `accept` fails, which also ends the loop of `Server::run`.
///
/// On systems where a listening socket cannot be shut down this has no effect. Clients can then connect
/// until the process ends, as with the server alone.
pub(super) fn refuse_connections(listener: &TcpListener) {
    #[cfg(unix)]
    if let Ok(listener) = listener.try_clone() {
        use std::net::{Shutdown, TcpStream};
        use std::os::fd::OwnedFd;
        // The standard library has `shutdown` only on streams; it is the same system call.
        let _ = TcpStream::from(OwnedFd::from(listener)).shutdown(Shutdown::Both);
    }
    #[cfg(not(unix))]
    let _ = listener;
}
