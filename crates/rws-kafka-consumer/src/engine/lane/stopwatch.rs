//! Measures how long handlers take.

use rws_kafka_observe::ConsumedFrom;
use std::time::{Duration, Instant};

/// The maximum number of handlers in one lap.
const LONGEST_LAP: u32 = 16;
/// The bound of the first bucket. All handlers of a lap that takes no longer than this belong into it.
const SHORT: Duration = Duration::from_millis(1);

/// Times the handlers of one lane, fast ones several at a time.
///
/// A handler may take less time than two readings of the clock. The clock is therefore read at the end of a
/// *lap* of up to 16 handlers. If a lap takes no longer than the bound of the first bucket, so does each of
/// its handlers, and only their shares of the sum are unknown. If it takes longer, one handler is assumed to
/// be slow and the others as fast as before, and the next lap has one handler again. Slow handlers are
/// therefore timed one by one. The lane's own work between fast handlers is included.
#[derive(Debug)]
pub(super) struct Stopwatch<C = fn() -> Instant> {
    clock: C,
    /// The metrics of the handlers in this lap; `None` if nothing is recorded.
    recorder: Option<ConsumedFrom>,
    since: Option<Instant>,
    handlers: u32,
    /// The maximum number of handlers in this lap.
    limit: u32,
    /// The time of one handler in the last lap without a slow one.
    usual: Duration,
}

impl Stopwatch {
    pub(super) fn new() -> Self {
        Self::with_clock(Instant::now)
    }
}

impl<C: Fn() -> Instant> Stopwatch<C> {
    fn with_clock(clock: C) -> Self {
        Self {
            clock,
            recorder: None,
            since: None,
            handlers: 0,
            limit: 1,
            usual: Duration::ZERO,
        }
    }

    /// Sets the recorder for the next handlers.
    pub(super) fn turn_to(&mut self, recorder: &ConsumedFrom) {
        let is_same = self
            .recorder
            .as_ref()
            .is_some_and(|known| known == recorder);
        if !is_same {
            self.stop();
            self.recorder = recorder.is_on().then(|| recorder.clone());
        }
    }

    /// A handler begins.
    pub(super) fn start(&mut self) {
        if self.since.is_none() && self.recorder.is_some() {
            self.since = Some((self.clock)());
        }
    }

    /// A handler has returned, and the next one may follow at once.
    pub(super) fn lap(&mut self) {
        self.handlers += 1;
        if self.handlers >= self.limit {
            let now = self.tell();
            self.since = now;
        }
    }

    /// Pauses the stopwatch until the next [`start`](Self::start).
    pub(super) fn stop(&mut self) {
        if self.handlers > 0 {
            self.tell();
        }
        self.since = None;
    }

    /// A handler has returned, and the lane does other work.
    pub(super) fn lap_and_stop(&mut self) {
        self.handlers += 1;
        self.stop();
    }

    /// Records the lap. Returns the time at which it ended.
    fn tell(&mut self) -> Option<Instant> {
        let handlers = std::mem::take(&mut self.handlers);
        let (recorder, since) = (self.recorder.as_ref()?, self.since?);
        let now = (self.clock)();
        let took = now.saturating_duration_since(since);
        if handlers == 1 || took <= SHORT {
            recorder.handled(handlers.into(), took, took);
            self.usual = took / handlers;
            // The next lap is likely to be short, too.
            let is_fast = self.usual * 2 * self.limit < SHORT / 2;
            self.limit = if is_fast {
                (self.limit * 2).min(LONGEST_LAP)
            } else {
                (self.limit / 2).max(1)
            };
        } else {
            let fast = handlers - 1;
            let slow = took.saturating_sub(self.usual * fast);
            recorder.handled(fast.into(), took - slow, self.usual);
            recorder.handled(1, slow, slow);
            self.limit = 1;
        }
        Some(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rws_kafka_observe::Observer;
    use std::cell::Cell;

    /// A clock that a test sets, and that counts its readings.
    struct Setup {
        now: Cell<Instant>,
        readings: Cell<u32>,
        observer: Observer,
    }

    impl Setup {
        fn new() -> Self {
            Self {
                now: Cell::new(Instant::now()),
                readings: Cell::new(0),
                observer: Observer::new(),
            }
        }

        fn recorder(&self, topic: &str) -> ConsumedFrom {
            self.observer.metrics().consumed_from(topic, "g")
        }

        fn stopwatch(&self) -> Stopwatch<impl Fn() -> Instant + '_> {
            let mut stopwatch = Stopwatch::with_clock(|| {
                self.readings.set(self.readings.get() + 1);
                self.now.get()
            });
            stopwatch.turn_to(&self.recorder("t"));
            stopwatch
        }

        fn pass(&self, time: Duration) {
            self.now.set(self.now.get() + time);
        }

        fn count(&self, topic: &str, bound: &str) -> u64 {
            self.value(&format!(
                r#"rws_kafka_handler_duration_ms_bucket{{group="g",topic="{topic}",le="{bound}"}} "#
            )) as u64
        }

        fn sum_ms(&self) -> f64 {
            self.value(r#"rws_kafka_handler_duration_ms_sum{group="g",topic="t"} "#)
        }

        fn value(&self, series: &str) -> f64 {
            let page = self.observer.render();
            let value = page.lines().find_map(|line| line.strip_prefix(series));
            value.map_or(0.0, |value| value.parse().unwrap())
        }
    }

    const MICRO: Duration = Duration::from_micros(1);

    #[test]
    fn fast_handlers_are_timed_together_and_none_is_lost() {
        let setup = Setup::new();
        let mut stopwatch = setup.stopwatch();
        for _ in 0..1000 {
            stopwatch.start();
            setup.pass(10 * MICRO);
            stopwatch.lap();
        }
        stopwatch.stop();
        assert_eq!(setup.count("t", "1"), 1000);
        assert_eq!(setup.sum_ms(), 10.0);
        assert!(setup.readings.get() < 1000 / 10, "{:?}", setup.readings);
    }

    #[test]
    fn slow_handlers_are_timed_one_by_one() {
        let setup = Setup::new();
        let mut stopwatch = setup.stopwatch();
        for ms in [3, 7, 30, 3] {
            stopwatch.start();
            setup.pass(Duration::from_millis(ms));
            stopwatch.lap();
        }
        let buckets = ["2", "5", "10", "25", "50"].map(|bound| setup.count("t", bound));
        assert_eq!(buckets, [0, 2, 3, 3, 4]);
    }

    #[test]
    fn a_slow_one_among_fast_ones_is_told_as_one() {
        let setup = Setup::new();
        let mut stopwatch = setup.stopwatch();
        for number in 0..200 {
            stopwatch.start();
            setup.pass(if number == 100 { 40_000 * MICRO } else { MICRO });
            stopwatch.lap();
        }
        stopwatch.stop();
        assert_eq!(setup.count("t", "1"), 199);
        assert_eq!(setup.count("t", "25"), 199);
        assert_eq!(setup.count("t", "50"), 200);
        assert_eq!(setup.sum_ms(), 40.199);
    }

    #[test]
    fn a_pause_between_handlers_is_no_part_of_them() {
        let setup = Setup::new();
        let mut stopwatch = setup.stopwatch();
        for _ in 0..20 {
            stopwatch.start();
            setup.pass(MICRO);
            stopwatch.lap_and_stop();
            setup.pass(Duration::from_secs(1));
        }
        assert_eq!(setup.count("t", "1"), 20);
        assert_eq!(setup.sum_ms(), 0.02);
    }

    #[test]
    fn a_lap_is_of_one_topic() {
        let setup = Setup::new();
        let mut stopwatch = setup.stopwatch();
        for topic in ["t", "t", "t", "t", "u", "u", "t"] {
            stopwatch.turn_to(&setup.recorder(topic));
            stopwatch.start();
            setup.pass(MICRO);
            stopwatch.lap();
        }
        stopwatch.stop();
        assert_eq!((setup.count("t", "1"), setup.count("u", "1")), (5, 2));
    }

    #[test]
    fn nothing_is_timed_where_nothing_is_recorded() {
        let setup = Setup::new();
        let mut stopwatch = setup.stopwatch();
        let off = Observer::without_metrics();
        stopwatch.turn_to(&off.metrics().consumed_from("t", "g"));
        for _ in 0..100 {
            stopwatch.start();
            stopwatch.lap();
        }
        stopwatch.lap_and_stop();
        assert_eq!(setup.readings.get(), 0);
    }
}
