use crate::aftermath::Aftermath;
use crate::crew::Worker;
use crate::dice::Dice;
use crate::moves::{CREW, Move, Moves};
use crate::protocol::Weather;
use crate::sender::Sender;
use integration_tests::jobs::stormer::{Entry, Protocol, Stormer};
use integration_tests::jobs::{Place, read_lines};
use integration_tests::{Kafka, unique, unique_topic};
use std::collections::HashSet;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const PARTITIONS: i32 = 12;
/// Keeps journal and logs also of a test that passes.
const KEEP: &str = "RWS_KAFKA_STORM_KEEP";

const LOOK: Duration = Duration::from_millis(20);
/// The deadline for operations that take a few seconds on an idle machine.
const DEADLINE: Duration = Duration::from_secs(90);

/// A storm on its way.
pub(crate) struct Storm {
    kafka: &'static Kafka,
    weather: Weather,
    /// The settings of the next worker.
    order: Stormer,
    dice: Dice,
    alive: Vec<Worker>,
    /// Workers that were asked to stop.
    leaving: Vec<Worker>,
    began: Instant,
    tally: Tally,
    folder: Option<TempDir>,
}

/// What happened in a storm.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) kills: usize,
    /// Kills of workers that reported to have partitions.
    pub(crate) owners_killed: usize,
    pub(crate) stops: usize,
    pub(crate) starts: usize,
    /// The longest time that a worker took to stop.
    pub(crate) longest_stop: Duration,
    /// The longest time that a worker was between two assignments.
    pub(crate) longest_rebalance: Duration,
    /// Messages handled while it lasted, each counted once.
    pub(crate) handled: usize,
    /// The time from its end to the commit of the last message.
    pub(crate) catching_up: Duration,
}

impl Storm {
    /// Starts a storm with a full crew, which has all partitions assigned.
    pub(crate) fn gather(protocol: Protocol, weather: Weather) -> Self {
        let kafka = weather.broker();
        let topic = unique_topic("storm");
        kafka.create_topic(&topic, PARTITIONS);
        let folder = tempfile::tempdir().expect("a folder for journal and logs");
        let mut storm = Self {
            kafka,
            weather,
            order: Stormer {
                worker: 0,
                protocol,
                session: weather.session(),
                place: Place {
                    brokers: kafka.bootstrap(),
                    group: unique("storm"),
                    topic,
                },
                journal: folder.path().join("journal"),
            },
            dice: Dice::new(),
            alive: Vec::new(),
            leaving: Vec::new(),
            began: Instant::now(),
            tally: Tally::default(),
            folder: Some(folder),
        };
        storm.say(&format!("{protocol:?}, {weather:?}"));
        for _ in 0..CREW {
            storm.start();
        }
        storm.wait_until_shared_out();
        storm
    }

    /// Runs it to its end, and proves that every message is handled and committed.
    pub(crate) fn rage(&mut self) -> (Tally, Aftermath) {
        let (messages, time) = (self.weather.messages(), self.weather.time());
        let sender = Sender::start(
            self.kafka,
            &self.order.place.topic,
            PARTITIONS,
            messages,
            time,
        );
        self.began = Instant::now();
        self.tally = Tally::default();
        let end = self.began + time;
        let mut moves = Moves::new(self.weather == Weather::Kills);
        loop {
            let next = Instant::now() + moves.pause(&mut self.dice);
            self.watch_until(next.min(end));
            if next >= end {
                break;
            }
            match moves.next(&mut self.dice, self.alive.len()) {
                Move::Start => {
                    self.start();
                    self.tally.starts += 1;
                }
                Move::Stop => {
                    self.stop();
                    self.tally.stops += 1;
                }
                Move::Kill => self.kill(),
            }
        }
        self.tally.handled = self.handled();
        self.say(&format!(
            "the storm is over: {} handled, {} sent",
            self.tally.handled,
            sender.sent()
        ));
        sender.finish();
        let ends = self.wait_until_all_is_committed();
        self.tally.catching_up = self.began.elapsed() - time;
        self.wait_until_shared_out();
        while !self.alive.is_empty() {
            self.stop();
        }
        self.wait_until("everyone has stopped", |storm| storm.leaving.is_empty());
        let aftermath = Aftermath::of(&read_lines(&self.order.journal), &ends);
        self.say(&format!("{:?}\n{aftermath:?}", self.tally));
        (self.tally.clone(), aftermath)
    }

    /// Returns where to look when something is wrong.
    pub(crate) fn place(&self) -> String {
        let folder = self.order.journal.parent();
        format!(
            "seed {} (RWS_KAFKA_STORM_SEED={0}), journal and logs in {}",
            self.dice.seed,
            folder.expect("a folder").display()
        )
    }

    fn start(&mut self) {
        let worker = Worker::start(&self.order);
        self.say(&format!("start of worker {}", worker.id));
        self.order.worker += 1;
        self.alive.push(worker);
    }

    fn stop(&mut self) {
        let chosen = self.dice.below(self.alive.len());
        let mut worker = self.alive.swap_remove(chosen);
        self.say(&format!("stop of {worker}"));
        worker.ask_to_stop();
        self.leaving.push(worker);
    }

    /// Kills a worker: one with partitions, if there is any.
    fn kill(&mut self) {
        let all: Vec<usize> = (0..self.alive.len()).collect();
        let mut owners = all.clone();
        owners.retain(|index| !self.alive[*index].heard().owns.is_empty());
        let choices = if owners.is_empty() { &all } else { &owners };
        let chosen = self.dice.one_of(choices);
        let worker = self.alive.swap_remove(chosen);
        self.say(&format!("kill of {worker}"));
        worker.kill();
        self.tally.kills += 1;
        self.tally.owners_killed += usize::from(!owners.is_empty());
    }

    fn watch_until(&mut self, until: Instant) {
        loop {
            self.watch();
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            thread::sleep(left.min(LOOK));
        }
    }

    /// Asserts that no worker ends by itself, and that those that were asked to stop do so
    /// properly.
    fn watch(&mut self) {
        let place = self.place();
        let rebalance = &mut self.tally.longest_rebalance;
        for worker in &mut self.alive {
            *rebalance = worker.heard().rebalancing_for().max(*rebalance);
            if let Some(status) = worker.ended() {
                panic!("{worker} ended by itself: {status}; {place}");
            }
        }
        let longest = &mut self.tally.longest_stop;
        self.leaving.retain_mut(|worker| {
            let Some(time) = worker.try_stopped() else {
                return true;
            };
            *longest = time.max(*longest);
            false
        });
    }

    /// Waits until every partition has one owner and no worker is rebalancing.
    fn wait_until_shared_out(&mut self) {
        self.wait_until("each partition has one owner", |storm| {
            let heard: Vec<_> = storm.alive.iter().map(Worker::heard).collect();
            let mut owned: Vec<i32> = heard.iter().flat_map(|heard| heard.owns.clone()).collect();
            owned.sort_unstable();
            owned == Vec::from_iter(0..PARTITIONS)
                && heard
                    .iter()
                    .all(|heard| heard.is_up && !heard.is_rebalancing())
        });
    }

    /// Waits until the group has committed the end of each partition; returns the ends.
    fn wait_until_all_is_committed(&mut self) -> Vec<i64> {
        let (kafka, topic) = (self.kafka, self.order.place.topic.clone());
        let group = self.order.place.group.clone();
        let ends: Vec<i64> = (0..PARTITIONS)
            .map(|partition| kafka.end_offset(&topic, partition))
            .collect();
        let (sent, place) = (ends.iter().sum::<i64>(), self.place());
        let expected = self.weather.messages() as i64;
        assert_eq!(sent, expected, "the ends are {ends:?}; {place}");
        for (partition, end) in (0..).zip(&ends) {
            let what = format!("the end of partition {partition}, {end}, is committed");
            self.wait_until(&what, |_| {
                kafka.committed_offset(&group, &topic, partition) == Some(*end)
            });
        }
        ends
    }

    #[track_caller]
    fn wait_until(&mut self, what: &str, mut condition: impl FnMut(&Self) -> bool) {
        let end = Instant::now() + DEADLINE;
        while !condition(self) {
            if Instant::now() >= end {
                let crew: Vec<String> = self.alive.iter().map(Worker::to_string).collect();
                let place = self.place();
                panic!(
                    "not within {DEADLINE:?}: {what}; {place}\n{}",
                    crew.join("\n")
                );
            }
            self.watch_until(Instant::now() + LOOK);
        }
    }

    /// Returns how many messages were handled so far.
    fn handled(&self) -> usize {
        let entries: Vec<Entry> = read_lines(&self.order.journal);
        let different = entries.iter().map(|entry| (entry.partition, entry.offset));
        different.collect::<HashSet<_>>().len()
    }

    /// Prints a line, which is shown if the test fails.
    fn say(&self, what: &str) {
        let (seed, time) = (self.dice.seed, self.began.elapsed().as_secs_f64());
        println!("seed {seed}, {time:.1} s: {what}");
    }
}

impl Drop for Storm {
    /// Keeps journal and logs of a test that failed.
    fn drop(&mut self) {
        if let Some(folder) = self.folder.take()
            && (thread::panicking() || std::env::var_os(KEEP).is_some())
        {
            println!("{}", self.place());
            let _ = folder.keep();
        }
    }
}
