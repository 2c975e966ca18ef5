//! Catches panics of the service's code, including those of a panic's payload.

use crate::causes;
use crate::text::printable;
use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The number of times that a payload's `Drop` may panic with another payload. The next one is leaked.
const MOST_DROPS: usize = 8;

/// A caught panic: its message, made [`printable`].
#[derive(Clone, PartialEq, Eq)]
pub struct Panicked(String);

/// Calls `work` and returns its result, or the message of its panic.
///
/// It also catches panics in the `Drop` of the panic's payload, which would otherwise end the calling
/// thread.
///
/// # Errors
///
/// [`Panicked`] if `work` panics.
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

/// Drops a value and swallows a panic of its `Drop`.
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
    /// Reads the message of a payload that the caller has caught and keeps.
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
    /// Writes the message in the form in which `main` should print it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        causes::debug(self, f)
    }
}

impl std::error::Error for Panicked {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::panic_any;

    /// Panics when it is dropped, with another bomb as the payload, this many times.
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
