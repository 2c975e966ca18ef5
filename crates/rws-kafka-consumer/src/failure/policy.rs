use super::backoff::Backoff;
use super::class::ErrorClass;
use crate::error::ConsumerError;
use crate::handler::error::HandlerError;
use rws_kafka_observe::panics;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What happens to a message that failed after its last retry or with a permanent error; see
/// [`on_failure`](crate::KafkaConsumer::on_failure).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailurePolicy {
    /// The message is retried without limit, with the [`retry_backoff`](crate::KafkaConsumer::retry_backoff)
    /// in between. The default without a dead letter queue.
    ///
    /// Its partition waits, or its key under [`Ordering::Key`](crate::Ordering::Key). With
    /// [`retry_topics`](crate::KafkaConsumer::retry_topics) that is the partition of the last retry topic.
    Retry,
    /// The message is published to the [`dead_letter_queue`](crate::KafkaConsumer::dead_letter_queue). Its
    /// offset moves when the broker has acknowledged that. The default with a dead letter queue.
    DeadLetter,
    /// The message is logged, counted, and skipped.
    Skip,
    /// The worker stops and does not commit the message: the next run handles it again.
    Stop,
}

/// The number of retries, if a policy limits them and no number is set.
pub(crate) const DEFAULT_RETRIES: u32 = 3;

pub(crate) type Classify = dyn Fn(&HandlerError) -> ErrorClass + Send + Sync;

/// The settings of failures.
#[derive(Clone)]
pub(crate) struct FailureHandling {
    pub(crate) policy: FailurePolicy,
    pub(crate) max_retries: u32,
    pub(crate) backoff: Backoff,
    pub(crate) classify: Option<Arc<Classify>>,
}

impl Default for FailureHandling {
    fn default() -> Self {
        Self {
            policy: FailurePolicy::Retry,
            max_retries: DEFAULT_RETRIES,
            backoff: Backoff::default(),
            classify: None,
        }
    }
}

/// The decision about one failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    RetryAfter(Duration),
    /// The message moves to the retry topic of the next delay.
    PutOff,
    DeadLetter,
    Skip,
    /// The message is skipped because of its class, which does not affect the worker's health.
    Ignore,
    Stop,
}

impl FailureHandling {
    /// Decides about a failure. `failures` is the number of failures of the message in the topic that it was
    /// read from, including this one. `has_next` is `true` if there is a further retry topic.
    pub(crate) fn verdict(&self, error: &HandlerError, failures: u32, has_next: bool) -> Verdict {
        if let Some(ConsumerError::Unfinished { .. }) = error.downcast_ref() {
            // A commit that was called too early is not the message's fault.
            return self.retry(failures);
        }
        let class = self.class_of(error);
        match (class, self.policy) {
            (ErrorClass::Ignorable, _) => Verdict::Ignore,
            (ErrorClass::Fatal, _) => Verdict::Stop,
            (ErrorClass::Transient, _) if failures <= self.max_retries => self.retry(failures),
            // Under `Retry` even a permanent error moves on: in the next topic it blocks fewer messages.
            (ErrorClass::Transient, _) | (_, FailurePolicy::Retry) if has_next => Verdict::PutOff,
            (_, FailurePolicy::Retry) => self.retry(failures),
            (_, FailurePolicy::DeadLetter) => Verdict::DeadLetter,
            (_, FailurePolicy::Skip) => Verdict::Skip,
            (_, FailurePolicy::Stop) => Verdict::Stop,
        }
    }

    fn retry(&self, failures: u32) -> Verdict {
        Verdict::RetryAfter(self.backoff.wait_after(failures))
    }

    pub(crate) fn class_of(&self, error: &HandlerError) -> ErrorClass {
        let Some(classify) = &self.classify else {
            return error.class();
        };
        panics::catch(|| classify(error)).unwrap_or_else(|panic| {
            tracing::error!(
                target: "rws_kafka",
                %panic,
                "classify_errors panicked on the error: {error}"
            );
            error.class()
        })
    }
}

impl fmt::Debug for FailureHandling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailureHandling")
            .field("policy", &self.policy)
            .field("max_retries", &self.max_retries)
            .field("backoff", &self.backoff)
            .field("classify", &self.classify.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rws_kafka_dispatch::TopicPartition;

    fn handling(policy: FailurePolicy) -> FailureHandling {
        FailureHandling {
            policy,
            max_retries: 2,
            backoff: Backoff::new(Duration::from_millis(10), Duration::from_millis(20)),
            classify: None,
        }
    }

    fn verdicts(handling: &FailureHandling, error: &HandlerError) -> [Verdict; 4] {
        [1, 2, 3, 4].map(|failures| handling.verdict(error, failures, false))
    }

    /// The verdict if there is a further retry topic.
    fn with_next(handling: &FailureHandling, error: &HandlerError) -> [Verdict; 4] {
        [1, 2, 3, 4].map(|failures| handling.verdict(error, failures, true))
    }

    const SHORT: Verdict = Verdict::RetryAfter(Duration::from_millis(10));
    const LONG: Verdict = Verdict::RetryAfter(Duration::from_millis(20));

    #[test]
    fn the_policy_applies_after_the_last_retry() {
        let error = HandlerError::new("busy");
        for (policy, then) in [
            (FailurePolicy::Retry, LONG),
            (FailurePolicy::DeadLetter, Verdict::DeadLetter),
            (FailurePolicy::Skip, Verdict::Skip),
            (FailurePolicy::Stop, Verdict::Stop),
        ] {
            let expected = [SHORT, LONG, then, then];
            assert_eq!(verdicts(&handling(policy), &error), expected, "{policy:?}");
        }
    }

    #[test]
    fn a_permanent_error_is_not_retried_where_something_else_can_be_done() {
        let error = HandlerError::new("no such order").permanent();
        let letters = verdicts(&handling(FailurePolicy::DeadLetter), &error);
        assert_eq!(letters, [Verdict::DeadLetter; 4]);
        let retries = verdicts(&handling(FailurePolicy::Retry), &error);
        assert_eq!(retries, [SHORT, LONG, LONG, LONG]);
    }

    #[test]
    fn a_commit_that_comes_too_early_gives_no_message_up() {
        let partition = TopicPartition::new("orders", 0);
        let error = HandlerError::from(ConsumerError::Unfinished { partition });
        for policy in [FailurePolicy::DeadLetter, FailurePolicy::Stop] {
            let handling = handling(policy);
            let expected = [SHORT, LONG, LONG, LONG];
            assert_eq!(verdicts(&handling, &error), expected);
            assert_eq!(with_next(&handling, &error), expected);
        }
    }

    #[test]
    fn what_retries_in_place_do_not_help_is_put_off_while_there_is_a_topic_for_it() {
        let error = HandlerError::new("busy");
        let put_off = [SHORT, LONG, Verdict::PutOff, Verdict::PutOff];
        for policy in [
            FailurePolicy::Retry,
            FailurePolicy::DeadLetter,
            FailurePolicy::Skip,
            FailurePolicy::Stop,
        ] {
            let mut handling = handling(policy);
            assert_eq!(with_next(&handling, &error), put_off, "{policy:?}");
            handling.max_retries = 0;
            let at_once = [Verdict::PutOff; 4];
            assert_eq!(with_next(&handling, &error), at_once, "{policy:?}");
        }
    }

    #[test]
    fn a_permanent_error_is_put_off_only_where_nothing_is_given_up() {
        let error = HandlerError::new("no such order").permanent();
        for (policy, expected) in [
            (FailurePolicy::Retry, Verdict::PutOff),
            (FailurePolicy::DeadLetter, Verdict::DeadLetter),
            (FailurePolicy::Skip, Verdict::Skip),
            (FailurePolicy::Stop, Verdict::Stop),
        ] {
            assert_eq!(with_next(&handling(policy), &error), [expected; 4]);
        }
    }

    #[test]
    fn a_class_of_ones_own_goes_before_the_errors() {
        let mut handling = handling(FailurePolicy::DeadLetter);
        handling.classify = Some(Arc::new(|error| match error.to_string().as_str() {
            "ignore" => ErrorClass::Ignorable,
            "stop" => ErrorClass::Fatal,
            "give up" => ErrorClass::Permanent,
            "again" => ErrorClass::Transient,
            _ => panic!("it does not know this one"),
        }));
        let first = |error: HandlerError| handling.verdict(&error, 1, false);
        assert_eq!(first(HandlerError::new("ignore")), Verdict::Ignore);
        assert_eq!(first(HandlerError::new("stop")), Verdict::Stop);
        assert_eq!(first(HandlerError::new("give up")), Verdict::DeadLetter);
        assert_eq!(first(HandlerError::new("again").permanent()), SHORT);
        assert_eq!(first(HandlerError::new("?")), SHORT);
        assert_eq!(
            first(HandlerError::new("?").permanent()),
            Verdict::DeadLetter
        );
    }
}
