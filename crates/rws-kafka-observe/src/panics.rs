//! Panics of code that is not ours, caught so that nothing of them escapes.

use crate::causes;
use crate::text::printable;
use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A panic's payload may panic when it is dropped, and so may that panic's payload. The payload of
/// the last one is leaked.
const MOST_DROPS: usize = 8;

/// A panic that was caught: its message, [`printable`].
#[derive(Clone, PartialEq, Eq)]
pub struct Panicked(String);

/// Calls `work` and returns its result, or the message of its panic.
///
/// The panic's payload is dropped safely: one that panics in its own `Drop` would otherwise end the
/// thread that caught the first panic.
///
/// # Errors
///
/// [`Panicked`] when `work` panics.
///
/// ```
/// use rws_kafka_observe::panics::catch;
///
/// assert_eq!(catch(|| 7).ok(), Some(7));
/// let panicked = catch(|| panic!("order {} is missing", 7)).unwrap_err();
/// assert_eq!(panicked.to_string(), "order 7 is missing");
/// ```
pub fn catch<R>(work: impl FnOnce() -> R) -> Result<R, Panicked> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
        let panicked = Panicked::of(payload.as_ref());
        discard(payload);
        panicked
    })
}

/// Drops a value whose `Drop` is not ours, and swallows its panic.
pub fn discard<T>(value: T) {
    let Err(mut payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) else {
        return;
    };
    for _ in 0..MOST_DROPS {
        match catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            Ok(()) => return,
            Err(of_drop) => payload = of_drop,
        }
    }
    std::mem::forget(payload);
}

impl Panicked {
    /// Reads the message of a payload that someone else caught and goes on with.
    #[must_use]
    pub fn of(payload: &(dyn Any + Send)) -> Self {
        let message = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        Self(printable(message.unwrap_or("no message")).into_owned())
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Panicked {
    /// Writes the message, as `main` should print it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        causes::debug(self, f)
    }
}

impl std::error::Error for Panicked {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::panic_any;

    /// Panics when it is dropped, with another one as the payload, so many times.
    struct Bomb(usize);

    impl Drop for Bomb {
        fn drop(&mut self) {
            if let Some(rest) = self.0.checked_sub(1) {
                panic_any(Self(rest));
            }
        }
    }

    #[test]
    fn a_payload_that_panics_when_it_is_dropped_does_no_harm() {
        for nested in [1, 3, MOST_DROPS, MOST_DROPS + 1, 1000] {
            let caught = catch(|| panic_any(Bomb(nested)));
            assert_eq!(caught.unwrap_err().to_string(), "no message");
            discard(Bomb(nested));
        }
    }

    #[test]
    fn the_message_is_one_bounded_line() {
        let forged = catch(|| panic!("a\nERROR b")).unwrap_err();
        assert_eq!(forged.to_string(), r"a\nERROR b");
        let long = catch(|| panic!("{}", "x".repeat(900_000))).unwrap_err();
        assert!(long.to_string().len() <= crate::text::MAX_BYTES);
    }
}
