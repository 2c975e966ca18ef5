use super::settings::{MAX_DELAY, RetryTopics};
use crate::error::ConsumerError;
use rustc_hash::FxHashMap;
use rws_kafka_producer::check_topic_name;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The name contains the group: two groups that read one topic must not handle each other's retries.
const NAMES: &str = "{topic}-{group}-retry-{delay}";

const TOPICS: &str = "retry_topics";
const TOPIC_NAMES: &str = "retry_topic_names";

/// The path of failed messages: the next retry topic for each topic that the worker reads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ladder {
    rungs: FxHashMap<Arc<str>, Rung>,
    /// The retry topics of each subscribed topic.
    topics: BTreeMap<Arc<str>, Vec<Arc<str>>>,
    /// The patterns of this group's retry topic names, with [`NUMBER`] in place of each number. Empty if the
    /// names do not contain the group.
    shapes: Vec<String>,
}

/// Does not occur in topic names.
const NUMBER: &str = "\0";

/// The place of one topic in the ladder.
#[derive(Clone, Debug)]
pub(crate) struct Rung {
    /// The subscribed topic that its messages came from.
    pub(crate) origin: Arc<str>,
    /// How often a message in it was delayed; 0 for a subscribed topic.
    pub(crate) level: u32,
    /// The delay of its messages.
    pub(crate) delay: Duration,
    pub(crate) next: Option<Step>,
}

/// The retry topic of the next delay.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) topic: Arc<str>,
    pub(crate) delay: Duration,
}

impl Rung {
    pub(crate) fn is_retry(&self) -> bool {
        self.level > 0
    }
}

impl Ladder {
    /// Builds the ladder from the settings.
    ///
    /// # Errors
    ///
    /// [`ConsumerError::Setting`] for the first invalid setting.
    pub(crate) fn new(
        asked: &RetryTopics,
        group: &str,
        subscribed: &[String],
    ) -> Result<Self, ConsumerError> {
        check_delays(&asked.delays)?;
        if let Some(pattern) = subscribed.iter().find(|topic| topic.starts_with('^')) {
            return refuse(
                TOPICS,
                format!(
                    "are set, but the subscription {pattern:?} is a pattern: a retry topic \
                     belongs to a topic with a known name; subscribe to the topics by name"
                ),
            );
        }
        let pattern = asked.names.as_deref().unwrap_or(NAMES);
        check_pattern(pattern, subscribed.len(), asked.delays.len())?;
        let mut ladder = Self::default();
        for topic in subscribed {
            ladder.add(topic, group, pattern, &asked.delays, subscribed)?;
            if pattern.contains("{group}") {
                let shape = filled(pattern, topic, group, NUMBER, NUMBER);
                ladder.shapes.push(shape);
            }
        }
        Ok(ladder)
    }

    /// The place of `topic` in the ladder; `None` if the worker does not read it.
    pub(crate) fn rung(&self, topic: &str) -> Option<&Rung> {
        self.rungs.get(topic)
    }

    pub(crate) fn is_retry(&self, topic: &str) -> bool {
        self.rung(topic).is_some_and(Rung::is_retry)
    }

    /// Each subscribed topic with its retry topics.
    pub(crate) fn topics(&self) -> impl Iterator<Item = (&str, &[Arc<str>])> {
        let topics = self.topics.iter();
        topics.map(|(topic, retries)| (&**topic, &**retries))
    }

    /// The names of all retry topics.
    pub(crate) fn retries(&self) -> impl Iterator<Item = &str> {
        self.topics.values().flatten().map(|name| &**name)
    }

    /// Returns `true` if `topic` is a retry topic of this group with a delay that is no longer in the list.
    pub(crate) fn is_left_over(&self, topic: &str) -> bool {
        !self.rungs.contains_key(topic) && self.shapes.iter().any(|shape| has_shape(topic, shape))
    }

    fn add(
        &mut self,
        topic: &str,
        group: &str,
        pattern: &str,
        delays: &[Duration],
        subscribed: &[String],
    ) -> Result<(), ConsumerError> {
        let origin: Arc<str> = topic.into();
        if self.topics.contains_key(&origin) {
            // The topic was subscribed to twice.
            return Ok(());
        }
        let steps: Vec<Step> = (1..)
            .zip(delays)
            .map(|(attempt, delay)| Step {
                topic: named(pattern, topic, group, *delay, attempt).into(),
                delay: *delay,
            })
            .collect();
        for step in &steps {
            let name = &step.topic;
            if let Err(error) = check_topic_name(name) {
                let hint = if name.contains(['{', '}']) {
                    "; the placeholders are {topic}, {group}, {delay} and {attempt}"
                } else {
                    ""
                };
                let words = format!("{pattern:?} with the group {group:?}: {error}{hint}");
                return refuse(TOPIC_NAMES, words);
            }
            if subscribed.iter().any(|topic| **topic == **name) {
                return refuse(
                    TOPIC_NAMES,
                    format!(
                        "results in {name:?}, to which the worker also subscribes: it would \
                         treat all messages of that topic as retries; choose another name"
                    ),
                );
            }
        }
        let levels = std::iter::once((&origin, Duration::ZERO))
            .chain(steps.iter().map(|step| (&step.topic, step.delay)));
        for (level, (name, delay)) in (0..).zip(levels) {
            let rung = Rung {
                origin: Arc::clone(&origin),
                level,
                delay,
                next: steps.get(level as usize).cloned(),
            };
            if self.rungs.insert(Arc::clone(name), rung).is_some() {
                return refuse(
                    TOPIC_NAMES,
                    format!(
                        "is {pattern:?}, which results in {name:?} twice; each topic and delay \
                         needs its own name: {{attempt}} distinguishes equal delays, and a \
                         separator between {{topic}} and the rest distinguishes topics"
                    ),
                );
            }
        }
        let names = steps.into_iter().map(|step| step.topic).collect();
        self.topics.insert(origin, names);
        Ok(())
    }
}

fn named(pattern: &str, topic: &str, group: &str, delay: Duration, attempt: usize) -> String {
    let delay = delay.as_millis().to_string();
    filled(pattern, topic, group, &delay, &attempt.to_string())
}

fn filled(pattern: &str, topic: &str, group: &str, delay: &str, attempt: &str) -> String {
    let values = [
        ("{topic}", topic),
        ("{group}", group),
        ("{delay}", delay),
        ("{attempt}", attempt),
    ];
    // In one pass: a group may be named `{delay}`.
    let mut name = String::new();
    let mut rest = pattern;
    while let Some(start) = rest.find('{') {
        let (before, from) = rest.split_at(start);
        name.push_str(before);
        let known = values.iter().find(|(place, _)| from.starts_with(place));
        let (place, value) = known.copied().unwrap_or(("{", "{"));
        name.push_str(value);
        rest = &from[place.len()..];
    }
    name + rest
}

fn has_shape(name: &str, shape: &str) -> bool {
    let mut parts = shape.split(NUMBER);
    let rest = parts.next().and_then(|start| name.strip_prefix(start));
    let rest = parts.try_fold(rest, |rest, part| {
        let rest = rest?;
        let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        (after.len() < rest.len()).then(|| after.strip_prefix(part))
    });
    rest.flatten() == Some("")
}

fn check_delays(delays: &[Duration]) -> Result<(), ConsumerError> {
    let is_wrong = |delay: &&Duration| delay.as_millis() == 0 || **delay > MAX_DELAY;
    match delays.iter().find(is_wrong) {
        None => Ok(()),
        Some(delay) => refuse(
            TOPICS,
            format!("have a delay of {delay:?}; 1 ms to {MAX_DELAY:?} (3 days) are allowed"),
        ),
    }
}

fn check_pattern(pattern: &str, topics: usize, delays: usize) -> Result<(), ConsumerError> {
    let has = |place: &str| pattern.contains(place);
    if topics > 1 && !has("{topic}") {
        let words =
            format!("is {pattern:?}, but there are {topics} topics: it must contain {{topic}}");
        return refuse(TOPIC_NAMES, words);
    }
    if delays > 1 && !has("{delay}") && !has("{attempt}") {
        let words = format!(
            "is {pattern:?}, but there are {delays} delays: it must contain {{delay}} or \
             {{attempt}}"
        );
        return refuse(TOPIC_NAMES, words);
    }
    Ok(())
}

fn refuse<T>(setting: &'static str, problem: String) -> Result<T, ConsumerError> {
    Err(ConsumerError::Setting { setting, problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(delays: &[u64], names: Option<&str>) -> RetryTopics {
        RetryTopics {
            delays: delays.iter().copied().map(Duration::from_millis).collect(),
            names: names.map(str::to_owned),
            create: None,
        }
    }

    fn ladder(delays: &[u64], names: Option<&str>, topics: &[&str]) -> Result<Ladder, String> {
        let topics: Vec<String> = topics.iter().map(|topic| (*topic).to_owned()).collect();
        Ladder::new(&asked(delays, names), "billing", &topics).map_err(|error| error.to_string())
    }

    #[test]
    fn each_topic_leads_to_that_of_the_next_delay_and_the_last_one_nowhere() {
        let ladder = ladder(&[10_000, 60_000], None, &["orders", "payments"]).unwrap();
        let path = [
            "orders",
            "orders-billing-retry-10000",
            "orders-billing-retry-60000",
        ];
        for (level, topic) in (0..).zip(path) {
            let rung = ladder.rung(topic).unwrap();
            assert_eq!((&*rung.origin, rung.level), ("orders", level), "{topic}");
            assert_eq!(ladder.is_retry(topic), level > 0);
            let delay = [0, 10, 60][level as usize];
            assert_eq!(rung.delay, Duration::from_secs(delay));
            let next = rung.next.as_ref().map(|next| (&*next.topic, next.delay));
            let expected = path.get(level as usize + 1).map(|name| {
                let delay = [10, 60][level as usize];
                (*name, Duration::from_secs(delay))
            });
            assert_eq!(next, expected);
        }
        assert!(ladder.rung("others").is_none());
        let all: Vec<&str> = ladder.retries().collect();
        let others = [
            "payments-billing-retry-10000",
            "payments-billing-retry-60000",
        ];
        assert_eq!(all, [&path[1..], &others].concat());
    }

    #[test]
    fn names_are_made_of_what_the_pattern_says() {
        let names = |pattern: &str| -> Vec<String> {
            let ladder = ladder(&[500, 500], Some(pattern), &["orders"]).unwrap();
            ladder.retries().map(str::to_owned).collect()
        };
        assert_eq!(
            names("{topic}.retry.{attempt}"),
            ["orders.retry.1", "orders.retry.2"]
        );
        let all = "{delay}_{attempt}_{group}_{topic}_{topic}";
        assert_eq!(
            names(all),
            ["500_1_billing_orders_orders", "500_2_billing_orders_orders"]
        );
        let delay = Duration::from_millis(7);
        assert_eq!(
            named("{group}{{delay}", "t", "{delay}", delay, 1),
            "{delay}{7"
        );
    }

    #[test]
    fn what_a_delay_has_left_behind_is_known_by_its_name() {
        for (names, topic, expected) in [
            (None, "orders-billing-retry-7", true),
            // The worker reads it.
            (None, "orders-billing-retry-500", false),
            (None, "orders", false),
            (None, "orders-billing-retry-", false),
            (None, "orders-billing-retry-7s", false),
            (None, "orders-billing-retry-7-other-retry-7", false),
            (None, "orders-shipping-retry-7", false),
            (None, "payments-billing-retry-7", false),
            (Some("{group}.{attempt}.{delay}.r"), "billing.2.500.r", true),
            (
                Some("{group}.{attempt}.{delay}.r"),
                "billing.1.500.r",
                false,
            ),
            // It may belong to another group.
            (Some("{topic}.retry.{delay}"), "orders.retry.7", false),
        ] {
            let ladder = ladder(&[500], names, &["orders"]).unwrap();
            assert_eq!(ladder.is_left_over(topic), expected, "{topic}");
        }
    }

    #[test]
    fn what_cannot_be_is_told() {
        let long = "t".repeat(240);
        for (delays, names, topics, expected) in [
            (&[0][..], None, &["a"][..], "a delay of 0ns"),
            (&[1, 259_200_001], None, &["a"], "a delay of 259200.001s"),
            (&[1], None, &["a", "^b"], "\"^b\" is a pattern"),
            (
                &[1],
                Some("retry"),
                &["a", "b"],
                "there are 2 topics: it must contain {topic}",
            ),
            (
                &[1, 2],
                Some("{topic}.retry"),
                &["a"],
                "it must contain {delay} or {attempt}",
            ),
            (
                &[5, 5],
                None,
                &["a"],
                "results in \"a-billing-retry-5\" twice",
            ),
            (
                &[1, 2],
                Some("{topic}{delay}"),
                &["a", "a1"],
                "to which the worker also subscribes",
            ),
            (
                &[1, 11],
                Some("{topic}{delay}"),
                &["a", "a1"],
                "to which the worker also subscribes",
            ),
            (
                &[11, 1],
                Some("r{topic}{delay}"),
                &["a", "a1"],
                "results in \"ra11\" twice",
            ),
            (&[1], Some("a b"), &["a"], "contains ' '"),
            (&[1], Some("{thing}"), &["a"], "contains '{'"),
            (
                &[1],
                None,
                &[&long],
                "has 256 bytes; at most 249 are allowed",
            ),
        ] {
            let error = ladder(delays, names, topics).unwrap_err();
            assert!(error.contains(expected), "{error}");
            assert!(error.starts_with("retry_topic"), "{error}");
        }
    }

    #[test]
    fn a_topic_may_be_subscribed_to_twice() {
        let ladder = ladder(&[1], None, &["a", "a"]).unwrap();
        assert_eq!(ladder.retries().collect::<Vec<_>>(), ["a-billing-retry-1"]);
    }
}
