use super::*;
use crate::FailurePolicy;
use std::fmt;
use std::io::{self, Write};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// The contents of a log, one element per event.
#[derive(Clone, Default)]
struct Log(Seen<String>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        self.0.lock().push(text);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs `test` and returns its log on this thread. A span is logged when it ends.
pub(super) fn logged(test: impl FnOnce()) -> Vec<String> {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_span_events(FmtSpan::CLOSE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, test);
    let events = log.0.lock();
    events.clone()
}

const FORGED: &str = "refused\nERROR rws_kafka: all is lost\r\n\u{1b}[31m\u{202e}";

/// An error whose cause also contains hostile text.
#[derive(Debug)]
struct Hostile(Option<Box<Hostile>>);

impl fmt::Display for Hostile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{FORGED}{}", "x".repeat(900_000))
    }
}

impl std::error::Error for Hostile {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.as_deref().map(|cause| cause as _)
    }
}

fn assert_bounded_lines(events: &[String]) {
    assert!(events.iter().any(|event| event.contains(r"refused\nERROR")));
    for event in events {
        let shown: String = event.chars().take(2_000).collect();
        let line = event.strip_suffix('\n').expect("a line");
        assert!(!line.contains(char::is_control), "{shown}");
        assert!(!line.contains('\u{202e}'), "{shown}");
        assert!(line.len() < 5_000, "{} bytes: {shown}", line.len());
    }
}

#[test]
fn no_error_and_no_panic_of_a_handler_forges_a_log_line_or_floods_the_log() {
    for policy in [
        FailurePolicy::DeadLetter,
        FailurePolicy::Skip,
        FailurePolicy::Stop,
    ] {
        let events = logged(|| {
            let consumer = consumer(&["a"])
                .max_retries(1)
                .retry_backoff_ms(1000)
                .on_failure(policy);
            let consumer = match policy {
                FailurePolicy::DeadLetter => consumer.dead_letter_queue("dlq"),
                _ => consumer,
            };
            let mut worker = TestWorker::new(consumer, |msg: ConsumerContext| {
                match msg.payload_str()? {
                    "panic" => panic!("{}", Hostile(None)),
                    _ => Err(Hostile(Some(Box::new(Hostile(None)))).into()),
                }
            })
            .unwrap();
            give(&mut worker, &["error", "panic"]);
            worker.advance(2 * SECOND);
            let shown = worker.to_string();
            assert!(shown.len() < 50_000 && !shown.contains('\u{1b}'));
            let error = worker.status().last_error;
            assert!(error.is_none_or(|error| error.to_string().len() < 5_000));
        });
        assert!(events.iter().any(|event| event.contains("process{")));
        assert_bounded_lines(&events);
    }
}

#[test]
fn no_error_of_a_batch_forges_a_log_line_or_floods_the_log() {
    let events = logged(|| {
        let consumer = consumer(&["a"])
            .batch_max_wait(Duration::ZERO)
            .on_failure(FailurePolicy::Skip)
            .max_retries(0);
        let mut worker = TestWorker::batch(consumer, |batch: &crate::MessageBatch| {
            batch.fail(0, Hostile(None));
            Err(Hostile(None).into())
        })
        .unwrap();
        give(&mut worker, &["1", "2"]);
        worker.run_to_end();
    });
    assert_bounded_lines(&events);
}

#[test]
fn nothing_was_held_back_is_not_said() {
    let events = logged(|| {
        let consumer = consumer(&["a"])
            .on_failure(FailurePolicy::Skip)
            .max_retries(0);
        let mut worker = TestWorker::new(consumer, |_| Err(HandlerError::new("refused"))).unwrap();
        give(&mut worker, &["1", "2", "3"]);
        worker.run();
    });
    let failed = events
        .iter()
        .filter(|event| event.contains("a message failed"));
    let failed: Vec<_> = failed.collect();
    assert_eq!(failed.len(), 1, "{events:?}");
    assert!(!failed[0].contains("held_back"), "{failed:?}");
}
