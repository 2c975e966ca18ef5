//! Caches credentials until shortly before they expire.

use super::super::super::error::RegistryError;
use super::Credentials;
use parking_lot::{Condvar, Mutex};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// New credentials are requested this long before the current ones expire.
const EARLY: Duration = Duration::from_secs(300);
/// Credentials are not used within this time before they expire: requests take time, and clocks differ.
const LATE: Duration = Duration::from_secs(15);
/// The longest time for which a thread waits for another one that looks for credentials.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

type Source = dyn Fn() -> Result<Credentials, RegistryError> + Send + Sync;

/// Credentials from a source that may be slow or fail. One thread at a time asks the source. The others keep
/// using valid credentials, or wait for that thread's result. A failure is returned only to the threads that
/// waited for it.
pub(in super::super) struct Cache {
    source: Box<Source>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    current: Option<Arc<Credentials>>,
    /// Whether a thread is asking the source.
    asking: bool,
    /// How often the source was asked, and the error of the last time.
    round: u64,
    failure: Option<RegistryError>,
}

impl Cache {
    pub(in super::super) fn new(
        source: impl Fn() -> Result<Credentials, RegistryError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            source: Box::new(source),
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// # Errors
    ///
    /// Those of the source, and [`RegistryError::NoCredentials`] after waiting a minute for another thread.
    pub(in super::super) fn get(&self) -> Result<Arc<Credentials>, RegistryError> {
        let mut state = self.state.lock();
        if let Some(fresh) = state.usable(EARLY) {
            return Ok(fresh);
        }
        if !state.asking {
            state.asking = true;
            drop(state);
            return self.ask();
        }
        if let Some(valid) = state.usable(LATE) {
            return Ok(valid);
        }
        let round = state.round;
        let until = Instant::now() + LONGEST_WAIT;
        while state.round == round {
            if self.changed.wait_until(&mut state, until).timed_out() && state.round == round {
                let detail = format!("another thread has looked for them for {LONGEST_WAIT:?}");
                return Err(RegistryError::NoCredentials { detail });
            }
        }
        match (&state.current, &state.failure) {
            (Some(current), _) => Ok(Arc::clone(current)),
            (None, Some(failure)) => Err(failure.clone()),
            (None, None) => Err(RegistryError::NoCredentials {
                detail: "the thread that looked for them ended without a result".to_owned(),
            }),
        }
    }

    /// Returns credentials other than `refused`, if the source has others.
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get).
    pub(in super::super) fn renewed(
        &self,
        refused: &Arc<Credentials>,
    ) -> Result<Arc<Credentials>, RegistryError> {
        let mut state = self.state.lock();
        let is_same = |current: &Arc<Credentials>| Arc::ptr_eq(current, refused);
        if state.current.as_ref().is_some_and(is_same) {
            state.current = None;
        }
        drop(state);
        self.get()
    }

    fn ask(&self) -> Result<Arc<Credentials>, RegistryError> {
        let mut turn = Turn {
            cache: self,
            told: None,
        };
        let told = (self.source)();
        turn.told = Some(told.clone().map(Arc::new));
        drop(turn);
        let state = self.state.lock();
        match told {
            Ok(credentials) => Ok(match &state.current {
                Some(current) => Arc::clone(current),
                None => Arc::new(credentials),
            }),
            Err(error) => match state.usable(LATE) {
                Some(valid) => {
                    tracing::warn!(
                        target: "rws_kafka",
                        "AWS credentials are about to expire and cannot be renewed: {error}"
                    );
                    Ok(valid)
                }
                None => Err(error),
            },
        }
    }
}

impl State {
    /// Returns the current credentials, unless they expire within `before`.
    fn usable(&self, before: Duration) -> Option<Arc<Credentials>> {
        let current = self.current.as_ref()?;
        let holds = current
            .expires
            .is_none_or(|expires| SystemTime::now() + before < expires);
        holds.then(|| Arc::clone(current))
    }
}

/// One thread's turn to ask the source. Dropping it, also in a panic, wakes the waiting threads.
struct Turn<'a> {
    cache: &'a Cache,
    told: Option<Result<Arc<Credentials>, RegistryError>>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.cache.state.lock();
        state.asking = false;
        state.round += 1;
        state.failure = None;
        match self.told.take() {
            Some(Ok(credentials)) => state.current = Some(credentials),
            told => {
                state.failure = told.and_then(Result::err);
                if state.usable(LATE).is_none() {
                    state.current = None;
                }
            }
        }
        drop(state);
        self.cache.changed.notify_all();
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::thread;

    const DEADLINE: Duration = Duration::from_secs(10);

    fn lasting(seconds: u64) -> Credentials {
        let expires = SystemTime::now() + Duration::from_secs(seconds);
        Credentials::new("id", "hidden", None).until(Some(expires))
    }

    fn failure() -> RegistryError {
        RegistryError::NoCredentials {
            detail: "none".to_owned(),
        }
    }

    /// Returns a cache whose source returns each of these once, and the number of calls.
    fn giving(told: Vec<Result<Credentials, RegistryError>>) -> (Cache, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let cache = Cache::new(move || told[count.fetch_add(1, Ordering::SeqCst)].clone());
        (cache, asked)
    }

    #[test]
    fn what_lasts_is_asked_for_once() {
        for credentials in [Credentials::new("id", "hidden", None), lasting(400)] {
            let (cache, asked) = giving(vec![Ok(credentials)]);
            for _ in 0..3 {
                assert_eq!(cache.get().unwrap().access_key_id(), "id");
            }
            assert_eq!(asked.load(Ordering::SeqCst), 1);
        }
    }

    #[test]
    fn a_failure_is_not_kept() {
        let (cache, asked) = giving(vec![Err(failure()), Ok(lasting(400))]);
        assert!(cache.get().is_err());
        assert!(cache.get().is_ok());
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn what_still_holds_is_used_where_it_cannot_be_renewed() {
        let (cache, asked) = giving(vec![Ok(lasting(200)), Err(failure()), Ok(lasting(400))]);
        let first = cache.get().unwrap();
        assert!(Arc::ptr_eq(&cache.get().unwrap(), &first));
        assert!(!Arc::ptr_eq(&cache.get().unwrap(), &first));
        assert_eq!(asked.load(Ordering::SeqCst), 3);
    }

    #[test]
    fn what_has_expired_is_not_used_where_it_cannot_be_renewed() {
        let (cache, _) = giving(vec![Ok(lasting(1)), Err(failure())]);
        cache.get().unwrap();
        assert!(cache.get().is_err());
    }

    #[test]
    fn refused_credentials_are_renewed_once_for_all_who_were_refused() {
        let (cache, asked) = giving(vec![Ok(lasting(400)), Ok(lasting(400))]);
        let refused = cache.get().unwrap();
        let renewed = cache.renewed(&refused).unwrap();
        assert!(!Arc::ptr_eq(&renewed, &refused));
        assert!(Arc::ptr_eq(&cache.renewed(&refused).unwrap(), &renewed));
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }

    type Tell = mpsc::Sender<Result<Credentials, RegistryError>>;

    /// Returns a cache whose source reports the start of each call and waits for the result to return.
    fn asked_by_hand() -> (Arc<Cache>, mpsc::Receiver<()>, Tell) {
        let (begin, begun) = mpsc::channel();
        let (tell, told) = mpsc::channel();
        let told = Mutex::new(told);
        let cache = Cache::new(move || {
            begin.send(()).unwrap();
            told.lock().recv_timeout(DEADLINE).unwrap()
        });
        (Arc::new(cache), begun, tell)
    }

    #[test]
    fn others_go_on_with_what_holds_while_one_renews() {
        let (cache, begun, tell) = asked_by_hand();
        tell.send(Ok(lasting(200))).unwrap();
        let first = cache.get().unwrap();
        begun.recv_timeout(DEADLINE).unwrap();
        let renewing = thread::spawn({
            let cache = Arc::clone(&cache);
            move || cache.get().unwrap()
        });
        begun.recv_timeout(DEADLINE).unwrap();
        for _ in 0..3 {
            assert!(Arc::ptr_eq(&cache.get().unwrap(), &first));
        }
        tell.send(Ok(lasting(400))).unwrap();
        assert!(!Arc::ptr_eq(&renewing.join().unwrap(), &first));
    }

    #[test]
    fn many_who_wait_ask_once() {
        let (cache, begun, tell) = asked_by_hand();
        let waiting: Vec<_> = (0..8)
            .map(|_| {
                let cache = Arc::clone(&cache);
                thread::spawn(move || cache.get().unwrap())
            })
            .collect();
        begun.recv_timeout(DEADLINE).unwrap();
        tell.send(Ok(lasting(400))).unwrap();
        let found: Vec<_> = waiting
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect();
        assert!(found.iter().all(|other| Arc::ptr_eq(other, &found[0])));
        assert!(begun.try_recv().is_err());
    }

    #[test]
    fn a_source_that_panics_leaves_no_one_waiting() {
        let panics = AtomicUsize::new(0);
        let cache = Cache::new(move || {
            assert!(panics.fetch_add(1, Ordering::SeqCst) > 0, "the first time");
            Ok(lasting(400))
        });
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| cache.get().is_ok()));
        assert!(caught.is_err());
        assert!(cache.get().is_ok());
    }
}
