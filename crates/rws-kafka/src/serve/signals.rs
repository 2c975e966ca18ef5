//! Handles SIGTERM and SIGINT from the moment a service asks for it until it stops.
//!
//! While the server runs, its own handler (of the crate `ctrlc`) replaces this one.

use super::{ServeError, Stopper};

/// Stops a [`Stopper`] on SIGTERM or SIGINT, until it is dropped.
///
/// A second signal before [`keep`](Self::keep) ends the process at once, as it would without this
/// handler, so that a start that hangs can be interrupted.
#[derive(Debug)]
pub(super) struct Signals {
    #[cfg(unix)]
    heard: std::sync::Arc<unix::Heard>,
}

impl Signals {
    /// Handles both signals from now on. Handlers that are already installed still run.
    #[cfg(unix)]
    pub(super) fn install(stopper: Stopper) -> Result<Self, ServeError> {
        let heard = unix::listen(stopper).map_err(|error| ServeError::Signals {
            cause: error.to_string(),
        })?;
        Ok(Self { heard })
    }

    /// Does nothing: these signals do not exist here, and the server has its own handler.
    #[cfg(not(unix))]
    pub(super) fn install(_: Stopper) -> Result<Self, ServeError> {
        Ok(Self {})
    }

    /// Makes a second signal change nothing from now on: the stop has a deadline.
    pub(super) fn keep(&self) {
        #[cfg(unix)]
        self.heard.keep();
    }
}

#[cfg(unix)]
mod unix {
    use super::Stopper;
    use parking_lot::Mutex;
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level;
    use std::io;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, Weak};
    use std::thread;

    /// One subscriber to the signals.
    #[derive(Debug)]
    pub(super) struct Heard {
        stopper: Stopper,
        told: AtomicBool,
        kept: AtomicBool,
    }

    impl Heard {
        pub(super) fn keep(&self) {
            self.kept.store(true, Ordering::SeqCst);
        }

        /// Stops it. Returns `true` if this was its first signal, or if [`keep`](Self::keep) was called.
        fn hear(&self) -> bool {
            let was_told = self.told.swap(true, Ordering::SeqCst);
            self.stopper.stop();
            !was_told || self.kept.load(Ordering::SeqCst)
        }
    }

    /// The process's subscribers. Signals belong to the process, so one thread serves all of them.
    struct Listeners {
        has_thread: bool,
        all: Vec<Weak<Heard>>,
    }

    static LISTENERS: Mutex<Listeners> = Mutex::new(Listeners {
        has_thread: false,
        all: Vec::new(),
    });

    pub(super) fn listen(stopper: Stopper) -> io::Result<Arc<Heard>> {
        let mut listeners = LISTENERS.lock();
        if !listeners.has_thread {
            let mut signals = Signals::new([SIGTERM, SIGINT])?;
            thread::Builder::new()
                .name("rws-kafka-signals".to_owned())
                .spawn(move || signals.forever().for_each(arrived))?;
            listeners.has_thread = true;
        }
        let heard = Arc::new(Heard {
            stopper,
            told: AtomicBool::new(false),
            kept: AtomicBool::new(false),
        });
        listeners.all.retain(|listener| listener.strong_count() > 0);
        listeners.all.push(Arc::downgrade(&heard));
        Ok(heard)
    }

    fn arrived(signal: i32) {
        let listeners = LISTENERS.lock();
        let all: Vec<_> = listeners.all.iter().filter_map(Weak::upgrade).collect();
        drop(listeners);
        let name = low_level::signal_name(signal);
        // `count` calls `hear` on every listener; `any` would stop at the first.
        let heard = all.iter().filter(|listener| listener.hear()).count();
        if heard > 0 {
            tracing::info!(signal = name, "asked to stop");
            return;
        }
        tracing::warn!(
            signal = name,
            "ending at once: nothing waits for this signal"
        );
        // Returns only for an unknown signal, and such a signal was not registered.
        let _ = low_level::emulate_default_handler(signal);
    }
}
