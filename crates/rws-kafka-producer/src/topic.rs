use std::fmt;

/// Longest topic name that Kafka takes, in bytes.
const MAX_LEN: usize = 249;

/// Why a name cannot be a topic's.
///
/// The rules are those of Kafka's `Topic.validate`: 1 to 249 of `a-z A-Z 0-9 . _ -`, and neither
/// `.` nor `..`.
#[derive(Clone, PartialEq, Eq)]
pub struct InvalidTopic {
    topic: String,
    reason: Reason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Empty,
    TooLong,
    Dots,
    Character(char),
}

impl fmt::Display for InvalidTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason {
            Reason::Empty => write!(f, "a topic name is empty"),
            Reason::TooLong => write!(
                f,
                "the topic name {:?}… has {} bytes, {MAX_LEN} are allowed",
                self.topic.chars().take(40).collect::<String>(),
                self.topic.len(),
            ),
            Reason::Dots => write!(f, "a topic cannot be named {:?}", self.topic),
            Reason::Character(found) => write!(
                f,
                "the topic name {:?} holds {found:?}; allowed are a-z, A-Z, 0-9, '.', '_' and '-'",
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

/// Checks that `topic` can be a topic's name.
///
/// # Errors
///
/// [`InvalidTopic`] says what is wrong and what is allowed.
///
/// ```
/// use rws_kafka_producer::check_topic_name;
///
/// assert!(check_topic_name("orders.created").is_ok());
/// assert_eq!(
///     check_topic_name("orders created").unwrap_err().to_string(),
///     "the topic name \"orders created\" holds ' '; allowed are a-z, A-Z, 0-9, '.', '_' and '-'",
/// );
/// ```
pub fn check_topic_name(topic: &str) -> Result<(), InvalidTopic> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let reason = if topic.is_empty() {
        Reason::Empty
    } else if topic.len() > MAX_LEN {
        Reason::TooLong
    } else if matches!(topic, "." | "..") {
        Reason::Dots
    } else if topic.bytes().all(legal) {
        return Ok(());
    } else {
        let found = topic.chars().find(|c| !c.is_ascii() || !legal(*c as u8));
        Reason::Character(found.unwrap_or_default())
    };
    Err(InvalidTopic {
        topic: topic.to_owned(),
        reason,
    })
}
