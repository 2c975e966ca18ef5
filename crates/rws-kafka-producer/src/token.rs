use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The number that a message carries through librdkafka: its waiter, or the time of the send if nobody waits
/// for it. This way `send` allocates nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// Nobody waits.
    Unwatched(SentAt),
    /// The waiter of this number.
    Watched(usize),
}

impl Token {
    pub(crate) fn encode(self) -> usize {
        match self {
            Self::Unwatched(sent_at) => sent_at.0 << 1,
            Self::Watched(number) => (number << 1) | 1,
        }
    }

    pub(crate) fn decode(token: usize) -> Self {
        if token & 1 == 0 {
            Self::Unwatched(SentAt(token >> 1))
        } else {
            Self::Watched(token >> 1)
        }
    }
}

/// The lower bits of a time in milliseconds since 1970, as many as fit into a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SentAt(usize);

impl SentAt {
    const MASK: usize = usize::MAX >> 1;

    /// Creates it from a timestamp in milliseconds since 1970.
    pub(crate) fn of(timestamp_ms: i64) -> Self {
        // Truncated on 32-bit targets, where ages are known modulo 24 days.
        Self(timestamp_ms as usize & Self::MASK)
    }

    /// Returns the time since then; 0 if the clock was set back to before it.
    pub(crate) fn age(self) -> Duration {
        let ms = Self::of(now_ms()).0.wrapping_sub(self.0) & Self::MASK;
        if ms > Self::MASK / 2 {
            Duration::ZERO
        } else {
            Duration::from_millis(ms as u64)
        }
    }
}

/// Returns the current time in milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_the_way_through_librdkafka() {
        for token in [
            Token::Unwatched(SentAt::of(0)),
            Token::Unwatched(SentAt::of(now_ms())),
            Token::Watched(0),
            Token::Watched(usize::MAX >> 1),
        ] {
            assert_eq!(Token::decode(token.encode()), token);
        }
    }

    #[test]
    fn an_age_is_the_time_since_and_never_negative() {
        let hour = 3_600_000;
        let age = SentAt::of(now_ms() - hour).age();
        assert!(age >= Duration::from_millis(hour as u64), "{age:?}");
        assert!(age < Duration::from_millis(2 * hour as u64), "{age:?}");
        assert_eq!(SentAt::of(now_ms() + hour).age(), Duration::ZERO);
    }
}
