use std::fmt;

/// The length of the longest topic name that Kafka allows, in bytes.
const MAX_LEN: usize = 249;

/// The error of an invalid topic name.
///
/// The rules are those of Kafka's `Topic.validate`: 1 to 249 characters of `a-z A-Z 0-9 . _ -`, and neither
/// `.` nor `..`.
#[derive(Clone, PartialEq, Eq)]
pub struct InvalidTopic {
    topic: String,
    fault: Fault,
}

/// The rule that a name breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Empty,
    TooLong,
    Dots,
    Character(char),
}

impl InvalidTopic {
    /// Returns the first rule that `topic` breaks.
    pub(crate) fn find(topic: &str) -> Option<Self> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let fault = if topic.is_empty() {
            Fault::Empty
        } else if topic.len() > MAX_LEN {
            Fault::TooLong
        } else if matches!(topic, "." | "..") {
            Fault::Dots
        } else if topic.bytes().all(legal) {
            return None;
        } else {
            let found = topic.chars().find(|c| !c.is_ascii() || !legal(*c as u8));
            Fault::Character(found.unwrap_or_default())
        };
        Some(Self {
            topic: topic.to_owned(),
            fault,
        })
    }
}

impl fmt::Display for InvalidTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault {
            Fault::Empty => write!(f, "the topic name is empty"),
            Fault::TooLong => write!(
                f,
                "the topic name {:?}… has {} bytes; at most {MAX_LEN} are allowed",
                self.topic.chars().take(40).collect::<String>(),
                self.topic.len(),
            ),
            Fault::Dots => write!(f, "a topic cannot be named {:?}", self.topic),
            Fault::Character(found) => write!(
                f,
                "the topic name {:?} contains {found:?}; allowed are a-z, A-Z, 0-9, '.', '_' and \
                 '-'",
                self.topic
            ),
        }
    }
}

impl fmt::Debug for InvalidTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        rws_kafka_observe::causes::debug(self, f)
    }
}

impl std::error::Error for InvalidTopic {}
