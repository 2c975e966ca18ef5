//! Makes text from outside safe to show.
//!
//! Topics, keys, headers, payload excerpts, server messages and handlers' errors come from outside. Each
//! of them passes through [`printable`] before it reaches a log line, an error, a span, a page or a
//! terminal.

use std::borrow::Cow;
use std::fmt::Write;

/// The maximum length of the text that [`printable`] returns, in bytes.
pub const MAX_BYTES: usize = 1024;

const CUT: &str = "…";

/// Returns `text` on one line, without characters that affect a log or a terminal, and in at most
/// [`MAX_BYTES`] bytes.
///
/// Control characters (such as line ends and the escape character of ANSI sequences), characters that
/// change the direction of text, and invisible characters are escaped as in a Rust string: `\n`,
/// `\u{1b}`, `\u{202e}`. Text that is too long is cut and ends with `…`. Applying it again changes
/// nothing.
///
/// ```
/// use rws_kafka_observe::text::printable;
///
/// assert_eq!(printable("order 7"), "order 7");
/// assert_eq!(printable("7\nERROR \u{1b}[31mforged"), r"7\nERROR \u{1b}[31mforged");
/// assert_eq!(printable(&"x".repeat(900_000)).len(), 1024);
/// ```
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_BYTES && !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len().min(MAX_BYTES));
    // The length of the longest prefix that leaves room for `CUT`.
    let mut with_cut = 0;
    for character in text.chars() {
        if acts(character) {
            let _ = write!(shown, "{}", character.escape_default());
        } else {
            shown.push(character);
        }
        if shown.len() > MAX_BYTES {
            shown.truncate(with_cut);
            shown.push_str(CUT);
            break;
        }
        if shown.len() + CUT.len() <= MAX_BYTES {
            with_cut = shown.len();
        }
    }
    Cow::Owned(shown)
}

/// Returns `true` if `character` can end a line, control a terminal, or reorder or hide text.
fn acts(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_acts_on_a_terminal_or_a_log_is_escaped() {
        for (text, expected) in [
            ("", ""),
            ("ümlaut 訂單 🚀", "ümlaut 訂單 🚀"),
            ("a\r\nb\tc", r"a\r\nb\tc"),
            ("\u{1b}]0;title\u{7}", r"\u{1b}]0;title\u{7}"),
            ("\u{9b}31m", r"\u{9b}31m"),
            (
                "a\u{202e}b\u{2066}c\u{200f}",
                r"a\u{202e}b\u{2066}c\u{200f}",
            ),
            ("a\u{2028}b\u{feff}", r"a\u{2028}b\u{feff}"),
            (r"a\nb", r"a\nb"),
        ] {
            assert_eq!(printable(text), expected);
        }
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        let at_most = "x".repeat(MAX_BYTES);
        assert_eq!(printable(&at_most), at_most);
        let cut = printable(&"ü".repeat(MAX_BYTES)).into_owned();
        assert_eq!(cut, format!("{}…", "ü".repeat((MAX_BYTES - 3) / 2)));
        let escaped = printable(&"\n".repeat(MAX_BYTES)).into_owned();
        assert_eq!(escaped, format!("{}…", r"\n".repeat((MAX_BYTES - 3) / 2)));
    }

    proptest! {
        #[test]
        fn whatever_comes_in_is_one_bounded_line_and_stays_as_it_is(text in any::<String>()) {
            let text = text.repeat(40);
            let shown = printable(&text).into_owned();
            prop_assert!(shown.len() <= MAX_BYTES);
            prop_assert!(!shown.chars().any(acts));
            prop_assert_eq!(printable(&shown).into_owned(), shown);
        }
    }
}
