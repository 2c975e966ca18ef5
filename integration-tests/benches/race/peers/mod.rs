//! The others: a program each.

mod franz_go;
mod java;
mod rdkafka_performance;

use crate::lap::{Lap, Side};
use crate::peer::{Built, present};
use integration_tests::Program;
use std::path::Path;
use std::time::Duration;

/// Those that could be built.
pub(crate) struct Peers {
    pub(crate) consuming: Vec<Contender>,
    pub(crate) producing: Vec<Contender>,
}

/// A program that consumes or produces, and then prints how many messages it was and how long it took.
pub(crate) struct Contender {
    name: &'static str,
    command: Vec<String>,
    arguments: fn(&Lap<'_>) -> Vec<String>,
    /// What a line of its output says of the messages and their time; the last such line counts.
    figures: fn(&str) -> Option<(usize, Duration)>,
}

pub(crate) fn build() -> Peers {
    let mut all = Peers {
        consuming: Vec::new(),
        producing: Vec::new(),
    };
    let built = [
        franz_go::build(),
        java::build(),
        rdkafka_performance::build(),
    ];
    for peers in present(built) {
        all.consuming.extend(peers.consuming);
        all.producing.extend(peers.producing);
    }
    all
}

impl Contender {
    pub(crate) fn side(&self) -> Side<'_> {
        Side::other(self.name, |lap| self.run(lap))
    }

    fn run(&self, lap: &Lap<'_>) -> Duration {
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join("race-peers.log");
        let mut program = Program::new(&self.command[0]).log(&log);
        for argument in self.command[1..]
            .iter()
            .cloned()
            .chain((self.arguments)(lap))
        {
            program = program.argument(argument);
        }
        let mut child = program.start();
        let status = child.wait();
        let lines = child.last_lines();
        assert!(
            status.success(),
            "{}: {status}, see {}, and {lines:#?}",
            self.name,
            log.display()
        );
        let figures = lines.iter().rev().find_map(|line| (self.figures)(line));
        let (count, time) =
            figures.unwrap_or_else(|| panic!("{} says no figures: {lines:#?}", self.name));
        assert_eq!(count, lap.messages, "{}: {lines:#?}", self.name);
        // Some count in whole milliseconds.
        time.max(Duration::from_millis(1))
    }
}

/// The contender that runs a built program.
fn contender(
    built: &Built,
    name: &'static str,
    arguments: fn(&Lap<'_>) -> Vec<String>,
    figures: fn(&str) -> Option<(usize, Duration)>,
) -> Contender {
    println!("  {name}: by {}", built.name);
    Contender {
        name,
        command: built.command.clone(),
        arguments,
        figures,
    }
}

/// The number between two texts.
fn between<T: std::str::FromStr>(line: &str, before: &str, after: &str) -> Option<T> {
    let (_, rest) = line.split_once(before)?;
    rest.split_once(after)?.0.trim().parse().ok()
}

fn owned<const N: usize>(arguments: [&str; N]) -> Vec<String> {
    arguments.map(str::to_owned).to_vec()
}
