//! Writes errors with their causes: on one line for logs, on several for `Debug`.

use crate::text::printable;
use std::error::Error;
use std::fmt;

/// Returns an error and its causes, outermost first.
pub fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&cause| cause.source())
}

/// Returns the messages of an error and its causes on one line, for a log or a status.
///
/// The result is [`printable`].
///
/// ```
/// use rws_kafka_observe::causes::with_causes;
///
/// let error = std::io::Error::other("the disk is full");
/// assert_eq!(with_causes(&error), "the disk is full");
/// ```
#[must_use]
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut words = error.to_string();
    for cause in causes(error).skip(1) {
        let cause = cause.to_string();
        // Some libraries repeat the cause in their own message.
        if !words.ends_with(&cause) {
            words.push_str(": ");
            words.push_str(&cause);
        }
    }
    printable(&words).into_owned()
}

/// Writes an error and its causes as `main` should print them. Use it to implement `Debug` for an error.
///
/// `fn main() -> Result<(), E>` prints the `Debug` of its error. With this function it reads like
/// `Display`, followed by the causes:
///
/// ```text
/// Error: cannot start the worker
///
/// Caused by:
///     the Kafka settings are invalid
/// ```
///
/// # Errors
///
/// Returns an error if writing to `f` fails.
pub fn debug(error: &(dyn Error + 'static), f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{error}")?;
    let below: Vec<_> = causes(error).skip(1).collect();
    if below.is_empty() {
        return Ok(());
    }
    f.write_str("\n\nCaused by:")?;
    for (number, cause) in below.iter().enumerate() {
        if below.len() == 1 {
            write!(f, "\n    {cause}")?;
        } else {
            write!(f, "\n    {number}: {cause}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Failed(&'static str, Option<Box<Failed>>);

    impl fmt::Display for Failed {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Failed {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|cause| cause as _)
        }
    }

    fn chain(words: &[&'static str]) -> Failed {
        let (first, rest) = words.split_first().expect("words");
        let cause = (!rest.is_empty()).then(|| Box::new(chain(rest)));
        Failed(first, cause)
    }

    struct Shown(Failed);

    impl fmt::Debug for Shown {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            debug(&self.0, f)
        }
    }

    #[test]
    fn a_log_has_all_words_on_one_line() {
        assert_eq!(with_causes(&chain(&["a", "b\nc", "d"])), r"a: b\nc: d");
        assert_eq!(with_causes(&chain(&["a: b", "b", "c"])), "a: b: c");
    }

    #[test]
    fn main_prints_the_causes_below_the_error() {
        let shown = |words| format!("{:?}", Shown(chain(words)));
        assert_eq!(shown(&["a"]), "a");
        assert_eq!(shown(&["a", "b"]), "a\n\nCaused by:\n    b");
        assert_eq!(
            shown(&["a", "b", "c"]),
            "a\n\nCaused by:\n    0: b\n    1: c"
        );
    }
}
