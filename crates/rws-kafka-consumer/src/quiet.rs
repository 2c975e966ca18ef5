//! Panics of a dependency that are a part of its interface: caught, and reported by nobody.

use parking_lot::Mutex;
use rws_kafka_observe::panics::catch;
use std::cell::Cell;
use std::panic::{set_hook, take_hook};

/// A program that replaces the panic hook again and again gets its hook wrapped so often, at most.
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
    /// Our hook has met the panic.
    Kept,
}

/// Returns what `work` returns, or `None` when it panics.
///
/// The program's panic hook does not see the panic: it would print a message each time, with a
/// backtrace where those are enabled, which takes half a millisecond. Only the first panic reaches it:
/// a hook of ours, which passes all other panics on to it, is installed after that.
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

    /// The hook is the process's, so that this is one test.
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
        // A program that sets a hook later loses nothing by it.
        let later = Arc::new(AtomicUsize::new(0));
        count(&later);
        for _ in 0..100 {
            assert_eq!(catch_quietly(|| -> u32 { panic!("quiet") }), None);
        }
        assert_eq!(later.load(Ordering::Relaxed), 1);
    }
}
