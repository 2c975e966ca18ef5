use super::state::State;
use super::{TRACEPARENT, TRACESTATE};
use std::fmt;
use std::hash::{BuildHasher, RandomState};

/// The flags that have a meaning: sampled, and (level 2) a random trace id. Others must be sent as 0.
pub(super) const KNOWN_FLAGS: u8 = 0b11;

/// A position in a trace: the trace id, the id of the parent span, the flags, and the vendors' state.
///
/// It is read and written as defined by [W3C Trace Context], level 2.
///
/// ```
/// use rws_kafka_observe::trace::TraceContext;
///
/// let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let context = TraceContext::parse(traceparent, Some("vendor=value")).unwrap();
/// assert!(context.is_sampled());
/// assert_eq!(
///     context.headers().collect::<Vec<_>>(),
///     [("traceparent", traceparent.to_owned()), ("tracestate", "vendor=value".to_owned())],
/// );
/// ```
///
/// [W3C Trace Context]: https://www.w3.org/TR/trace-context-2/
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TraceContext {
    pub(super) trace_id: [u8; 16],
    pub(super) span_id: [u8; 8],
    pub(super) flags: u8,
    pub(super) state: State,
}

impl TraceContext {
    /// Parses the two headers. Returns `None` if `traceparent` is invalid; `tracestate` is then ignored.
    ///
    /// Of a version above `00`, only the fields of version `00` are read. A `tracestate` that is invalid
    /// or has more than 32 members is dropped; one of more than 512 characters is shortened.
    pub fn parse(traceparent: &str, tracestate: Option<&str>) -> Option<Self> {
        let text = traceparent.trim_matches([' ', '\t']).as_bytes();
        let (parent, rest) = text.split_at_checked(55)?;
        let [version] = hex(&parent[..2])?;
        let is_long_as_it_may = rest.is_empty() || (version > 0 && rest[0] == b'-');
        let dashes = [parent[2], parent[35], parent[52]];
        if version == 0xff || !is_long_as_it_may || dashes != *b"---" {
            return None;
        }
        let [flags] = hex(&parent[53..])?;
        let context = Self {
            trace_id: hex(&parent[3..35])?,
            span_id: hex(&parent[36..52])?,
            flags: flags & KNOWN_FLAGS,
            state: State::default(),
        };
        (context.trace_id != [0; 16] && context.span_id != [0; 8]).then(|| Self {
            state: tracestate.map(State::parse).unwrap_or_default(),
            ..context
        })
    }

    /// Parses the context in a message's headers. The last `traceparent` counts; several `tracestate`
    /// headers are read as one list.
    pub fn from_headers<'a>(
        headers: impl IntoIterator<Item = (&'a str, Option<&'a [u8]>)>,
    ) -> Option<Self> {
        let (mut traceparent, mut tracestate) = (None, None::<String>);
        for (name, value) in headers {
            if name.eq_ignore_ascii_case(TRACEPARENT) {
                traceparent = Some(value);
            } else if name.eq_ignore_ascii_case(TRACESTATE) {
                let value = value.and_then(|value| std::str::from_utf8(value).ok());
                let members = tracestate.get_or_insert_default();
                members.extend([value.unwrap_or_default(), ","]);
            }
        }
        let traceparent = std::str::from_utf8(traceparent??).ok()?;
        Self::parse(traceparent, tracestate.as_deref())
    }

    /// Returns a context in the same trace, with the same flags and a new random span id.
    ///
    /// Use it only in code that reports its own span to a tracing system. If nobody reports that span, the
    /// spans after it are cut off from the rest of the trace.
    pub fn child(&self) -> Self {
        Self {
            span_id: random_id(),
            ..self.clone()
        }
    }

    /// Returns the trace id as 32 hexadecimal digits.
    pub fn trace_id(&self) -> String {
        self.traceparent()[3..35].to_owned()
    }

    /// Returns the span id as 16 hexadecimal digits.
    pub fn span_id(&self) -> String {
        self.traceparent()[36..52].to_owned()
    }

    /// Returns `true` if the caller's `sampled` flag is set.
    pub fn is_sampled(&self) -> bool {
        self.flags & 1 == 1
    }

    /// Returns the value of the header `traceparent`, in version `00`: 55 characters.
    pub fn traceparent(&self) -> String {
        let mut text = String::with_capacity(55);
        text.push_str("00-");
        push_hex(&mut text, &self.trace_id);
        text.push('-');
        push_hex(&mut text, &self.span_id);
        text.push('-');
        push_hex(&mut text, &[self.flags]);
        text
    }

    /// Returns the value of the header `tracestate`, if there is one.
    pub fn tracestate(&self) -> Option<&str> {
        self.state.as_str()
    }

    /// Returns the names and values of the headers that carry the context: `traceparent`, and
    /// `tracestate` if there is one.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, String)> {
        let state = self
            .tracestate()
            .map(|state| (TRACESTATE, state.to_owned()));
        std::iter::once((TRACEPARENT, self.traceparent())).chain(state)
    }
}

impl fmt::Display for TraceContext {
    /// Writes the value of the header `traceparent`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.traceparent())
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceContext")
            .field("traceparent", &format_args!("{self}"))
            .field("tracestate", &self.tracestate())
            .finish()
    }
}

/// Parses lower-case hexadecimal digits; `traceparent` allows no others.
fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
    for byte in bytes {
        text.extend([digit(byte >> 4), digit(byte & 0xf)]);
    }
}

/// Returns an id that is not 0, hashed with the standard library's keys, which start from system randomness.
fn random_id() -> [u8; 8] {
    RandomState::new().hash_one(()).max(1).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    fn parse(traceparent: &str) -> Option<TraceContext> {
        TraceContext::parse(traceparent, None)
    }

    fn traceparent(version: &str, trace: &str, span: &str, flags: &str) -> String {
        format!("{version}-{trace}-{span}-{flags}")
    }

    #[test]
    fn what_the_specification_allows_is_read() {
        let valid = traceparent("00", TRACE, SPAN, "01");
        let context = parse(&valid).unwrap();
        assert_eq!(context.to_string(), valid);
        assert_eq!(
            (context.trace_id().as_str(), context.span_id().as_str()),
            (TRACE, SPAN)
        );
        assert!(context.is_sampled());
        assert!(
            !parse(&traceparent("00", TRACE, SPAN, "00"))
                .unwrap()
                .is_sampled()
        );
        assert_eq!(parse(&format!(" \t{valid}\t ")).unwrap(), context);
    }

    #[test]
    fn flags_without_a_meaning_are_not_sent_on() {
        for (came, goes) in [
            ("00", "00"),
            ("01", "01"),
            ("02", "02"),
            ("ff", "03"),
            ("fc", "00"),
        ] {
            let context = parse(&traceparent("00", TRACE, SPAN, came)).unwrap();
            assert_eq!(context.to_string(), traceparent("00", TRACE, SPAN, goes));
        }
    }

    #[test]
    fn of_later_versions_the_known_part_is_read_and_sent_as_version_00() {
        let known = traceparent("00", TRACE, SPAN, "01");
        for later in ["cc", "01", "fe"] {
            let text = traceparent(later, TRACE, SPAN, "01");
            assert_eq!(parse(&text).unwrap().to_string(), known);
            let more = format!("{text}-what-the-future-will-be-like");
            assert_eq!(parse(&more).unwrap().to_string(), known);
            assert_eq!(parse(&format!("{text}-")).unwrap().to_string(), known);
            assert_eq!(parse(&format!("{text}.what")), None);
            assert_eq!(parse(&format!("{text}0")), None);
        }
    }

    #[test]
    fn what_is_not_valid_is_ignored() {
        let upper = TRACE.to_uppercase();
        for text in [
            String::new(),
            "-".repeat(55),
            "é".repeat(55),
            traceparent("ff", TRACE, SPAN, "01"),
            traceparent("0", TRACE, SPAN, "01"),
            traceparent("000", TRACE, SPAN, "01"),
            traceparent("0g", TRACE, SPAN, "01"),
            traceparent("00", &"0".repeat(32), SPAN, "01"),
            traceparent("00", TRACE, &"0".repeat(16), "01"),
            traceparent("00", &upper, SPAN, "01"),
            traceparent("00", &TRACE[1..], SPAN, "01"),
            traceparent("00", TRACE, &SPAN[1..], "01"),
            traceparent("00", &format!("{TRACE}0"), SPAN, "01"),
            traceparent("00", &format!(".{}", &TRACE[1..]), SPAN, "01"),
            traceparent("00", TRACE, &format!(".{}", &SPAN[1..]), "01"),
            traceparent("00", TRACE, SPAN, "1"),
            traceparent("00", TRACE, SPAN, "0X"),
            traceparent("00", TRACE, SPAN, "001"),
            traceparent("00", TRACE, SPAN, "01-"),
            traceparent("00", TRACE, SPAN, "01-what"),
            traceparent("00", TRACE, SPAN, "01").replace('-', "_"),
        ] {
            assert_eq!(parse(&text), None, "{text}");
        }
    }

    #[test]
    fn of_several_headers_the_last_traceparent_counts_and_the_states_are_one() {
        let (first, last) = (
            traceparent("00", SPAN.repeat(2).as_str(), SPAN, "00"),
            traceparent("00", TRACE, SPAN, "01"),
        );
        let headers: [(&str, Option<&[u8]>); 6] = [
            ("tracestate", Some(b"a=1")),
            ("traceparent", Some(first.as_bytes())),
            ("Tracestate", Some(b"b=2,c=3")),
            ("tracestate", None),
            ("TraceParent", Some(last.as_bytes())),
            ("other", Some(b"d=4")),
        ];
        let context = TraceContext::from_headers(headers).unwrap();
        assert_eq!(context.to_string(), last);
        assert_eq!(context.tracestate(), Some("a=1,b=2,c=3"));
        assert_eq!(TraceContext::from_headers([headers[0]]), None);
        let not_text: [(&str, Option<&[u8]>); 1] = [("traceparent", Some(&[0xff; 55]))];
        assert_eq!(TraceContext::from_headers(not_text), None);
        assert_eq!(TraceContext::from_headers([("traceparent", None)]), None);
    }

    #[test]
    fn a_child_is_another_span_of_the_same_trace() {
        let parent = traceparent("00", TRACE, SPAN, "01");
        let parent = TraceContext::parse(&parent, Some("a=1")).unwrap();
        let (one, other) = (parent.child(), parent.child());
        assert_eq!(
            (one.trace_id(), one.tracestate()),
            (parent.trace_id(), Some("a=1"))
        );
        assert!(one.is_sampled());
        assert_ne!(one.span_id(), parent.span_id());
        assert_ne!(one.span_id(), other.span_id());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            trace_id in any::<[u8; 16]>(),
            span_id in any::<[u8; 8]>(),
            flags in 0_u8..4,
            members in proptest::collection::vec(
                ("[a-z0-9][a-z0-9_*/@-]{0,8}", "[!-+\\--<>-~]{1,8}"), 0..20),
        ) {
            prop_assume!(trace_id != [0; 16] && span_id != [0; 8]);
            let list = members.iter().map(|(key, value)| format!("{key}={value}"));
            let state = State::parse(&list.collect::<Vec<_>>().join(","));
            prop_assert_eq!(state.as_str().is_none(), members.is_empty());
            let context = TraceContext { trace_id, span_id, flags, state };
            let headers: Vec<(&str, String)> = context.headers().collect();
            let read = TraceContext::from_headers(
                headers.iter().map(|(name, value)| (*name, Some(value.as_bytes()))),
            );
            prop_assert_eq!(read, Some(context));
        }

        #[test]
        fn no_input_panics_and_what_is_taken_is_well_formed(
            traceparent in "[0-9a-f]{2}-[0-9a-f]{31,33}-[0-9a-f]{15,17}-[0-9a-f]{2}.{0,3}|\\PC{0,80}",
            tracestate in "\\PC{0,80}|([a-z]{0,3}=[a-z]{0,3},?){0,40}",
        ) {
            if let Some(context) = TraceContext::parse(&traceparent, Some(&tracestate)) {
                prop_assert_eq!(context.traceparent().len(), 55);
                let again = TraceContext::parse(&context.traceparent(), context.tracestate());
                prop_assert_eq!(again, Some(context));
            }
        }
    }
}
