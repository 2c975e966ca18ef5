//! Panics that are part of a dependency's interface: they are caught and not reported.

use parking_lot::Mutex;
use rws_kafka_observe::panics::catch;
use std::cell::Cell;
use std::panic::{set_hook, take_hook};

/// The maximum number of times that this hook wraps the program's, in case the program replaces its panic
/// hook repeatedly.
const MOST_HOOKS: usize = 4;

/// How often the hook was installed.
static INSTALLED: Mutex<usize> = Mutex::new(0);

thread_local! {
    static QUIET: Cell<Quiet> = const { Cell::new(Quiet::No) };
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Quiet {
    No,
    Asked,
    /// The hook has seen the panic.
    Kept,
}

/// Returns what `work` returns, or `None` if it panics.
///
/// The program's panic hook does not see the panic: it would print a message each time, with a backtrace if
/// those are enabled, which takes half a millisecond. Only the first panic reaches it. After that, this
/// module installs a hook that passes all other panics on to it.
pub(crate) fn catch_quietly<R>(work: impl FnOnce() -> R) -> Option<R> {
    QUIET.set(Quiet::Asked);
    let result = catch(work);
    let was_kept = QUIET.replace(Quiet::No) == Quiet::Kept;
    if result.is_err() && !was_kept {
        install();
    }
    result.ok()
}

fn install() {
    let mut installed = INSTALLED.lock();
    if *installed == MOST_HOOKS {
        return;
    }
    *installed += 1;
    let of_the_program = take_hook();
    set_hook(Box::new(move |panic| {
        let is_quiet = QUIET.try_with(|quiet| {
            let is_quiet = quiet.get() != Quiet::No;
            if is_quiet {
                quiet.set(Quiet::Kept);
            }
            is_quiet
        });
        if !is_quiet.unwrap_or(false) {
            of_the_program(panic);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// A single test, because the hook belongs to the process.
    #[test]
    fn the_programs_hook_sees_all_panics_but_the_quiet_ones() {
        let seen = Arc::new(AtomicUsize::new(0));
        let count = |seen: &Arc<AtomicUsize>| {
            let (seen, before) = (Arc::clone(seen), take_hook());
            let thread = std::thread::current().id();
            set_hook(Box::new(move |panic| {
                if std::thread::current().id() == thread {
                    seen.fetch_add(1, Ordering::Relaxed);
                } else {
                    before(panic);
                }
            }));
        };
        count(&seen);
        assert_eq!(catch_quietly(|| 7), Some(7));
        for _ in 0..20_000 {
            assert_eq!(catch_quietly(|| -> u32 { panic!("quiet") }), None);
        }
        let first = seen.load(Ordering::Relaxed);
        assert!(first <= 1, "{first}");
        assert!(catch(|| panic!("loud")).is_err());
        assert_eq!(seen.load(Ordering::Relaxed), first + 1);
        // A program that sets a hook later still sees its panics.
        let later = Arc::new(AtomicUsize::new(0));
        count(&later);
        for _ in 0..100 {
            assert_eq!(catch_quietly(|| -> u32 { panic!("quiet") }), None);
        }
        assert_eq!(later.load(Ordering::Relaxed), 1);
    }
}
