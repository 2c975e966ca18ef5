use std::sync::Arc;

/// The maximum number of members; a list with more is invalid.
const MEMBERS: usize = 32;

/// The number of characters to pass on: the minimum that every system must support.
const CHARACTERS: usize = 512;

/// Members longer than this are removed first if there are too many characters.
const LONG_MEMBER: usize = 128;

/// The state of the tracing systems on the way: opaque `key=value` members, the latest first. It is
/// usually empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct State(Option<Arc<str>>);

impl State {
    /// Parses a list. The result is empty if the list is invalid.
    pub(super) fn parse(text: &str) -> Self {
        let members = text
            .split(',')
            .map(|member| member.trim_matches([' ', '\t']));
        let members: Vec<&str> = members.filter(|member| !member.is_empty()).collect();
        if members.is_empty() || members.len() > MEMBERS || !members.iter().all(is_member) {
            return Self::default();
        }
        let list = within(members, CHARACTERS).join(",");
        Self((!list.is_empty()).then(|| list.into()))
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

/// Removes members until the list has at most `characters`: first long ones, as the specification says,
/// then from the end.
fn within(mut members: Vec<&str>, characters: usize) -> Vec<&str> {
    let length = |members: &[&str]| {
        let commas = members.len().saturating_sub(1);
        members.iter().map(|member| member.len()).sum::<usize>() + commas
    };
    while length(&members) > characters {
        let long = members
            .iter()
            .rposition(|member| member.len() > LONG_MEMBER);
        members.remove(long.unwrap_or(members.len() - 1));
    }
    members
}

fn is_member(member: &&str) -> bool {
    member
        .split_once('=')
        .is_some_and(|(key, value)| is_key(key) && is_value(value))
}

/// Returns `true` for a key of level 2: `( lcalpha / DIGIT ) 0*255 ( keychar )`.
fn is_key(key: &str) -> bool {
    let starts = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let follows = |byte: &u8| starts(byte) || b"_-*/@".contains(byte);
    let bytes = key.as_bytes();
    bytes.first().is_some_and(starts) && bytes.iter().all(follows) && bytes.len() <= 256
}

/// Returns `true` for `0*255(chr) nblk-chr`: printable ASCII without comma and equals sign, and without a
/// space at the end.
fn is_value(value: &str) -> bool {
    let is_allowed = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b',' | b'=');
    (1..=256).contains(&value.len()) && value.bytes().all(is_allowed) && !value.ends_with(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<String> {
        State::parse(text).as_str().map(str::to_owned)
    }

    #[test]
    fn lists_are_read_as_the_specification_says() {
        for (text, expected) in [
            ("foo=1", Some("foo=1")),
            ("foo=1,bar=2", Some("foo=1,bar=2")),
            ("foo=1 \t , \t bar=2, \t baz=3", Some("foo=1,bar=2,baz=3")),
            ("foo=1,,,bar=2,", Some("foo=1,bar=2")),
            ("foo=1,foo=2", Some("foo=1,foo=2")),
            ("1a-b_c*d/e@f= !~", Some("1a-b_c*d/e@f= !~")),
            ("", None),
            (" ,, ", None),
            ("foo", None),
            ("foo=", None),
            ("=1", None),
            ("foo =1", None),
            ("FOO=1", None),
            ("@foo=1", None),
            ("foo.bar=1", None),
            ("foo=1=2", None),
            ("foo=a\u{7f}", None),
            ("foo=é", None),
            ("foo=1,bar", None),
        ] {
            assert_eq!(parsed(text).as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn keys_and_values_have_256_characters_at_most() {
        let fits = format!("{}=1", "k".repeat(256));
        assert_eq!(parsed(&fits), Some(fits));
        assert_eq!(parsed(&format!("{}=1", "k".repeat(257))), None);
        let fits = format!("k={}", "1".repeat(256));
        assert_eq!(parsed(&fits), Some(fits));
        assert_eq!(parsed(&format!("k={}", "1".repeat(257))), None);
    }

    #[test]
    fn a_list_of_more_than_32_members_is_left_out() {
        let list = |members: usize| {
            let members = (0..members).map(|number| format!("k{number}=1"));
            members.collect::<Vec<_>>().join(",")
        };
        assert_eq!(parsed(&list(32)), Some(list(32)));
        assert_eq!(parsed(&list(33)), None);
    }

    #[test]
    fn a_list_of_more_than_512_characters_loses_long_members_and_then_the_oldest() {
        let member = |key: &str, length: usize| format!("{key}={}", "1".repeat(length - 2));
        let full = [member("a", 255), member("b", 256)].join(",");
        assert_eq!(full.len(), 512);
        assert_eq!(parsed(&full), Some(full));
        let long = [member("a", 100), member("b", 258), member("c", 152)].join(",");
        assert_eq!(parsed(&long), Some(long));
        let too_long = [member("a", 100), member("b", 258), member("c", 153)].join(",");
        let expected = [member("a", 100), member("b", 258)].join(",");
        assert_eq!(parsed(&too_long), Some(expected));
        let short: Vec<String> = ["a", "b", "c", "d", "e"].map(|key| member(key, 128)).into();
        assert_eq!(parsed(&short.join(",")), Some(short[..3].join(",")));
    }
}
