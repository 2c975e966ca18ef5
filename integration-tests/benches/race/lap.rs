use crate::payload::Payload;
use crate::report::{ROUNDS, Rates};
use std::time::Duration;

/// What one of them is to do once.
pub(crate) struct Lap<'a> {
    pub(crate) brokers: &'a str,
    pub(crate) topic: &'a str,
    /// Where it consumes: a group of its own.
    pub(crate) group: &'a str,
    pub(crate) payload: &'a Payload,
    pub(crate) messages: usize,
}

/// One of those that are compared.
pub(crate) struct Side<'a> {
    pub(crate) name: &'static str,
    /// Whether the others are compared with it.
    pub(crate) is_ours: bool,
    pub(crate) run: Box<dyn Fn(&Lap<'_>) -> Duration + 'a>,
}

impl<'a> Side<'a> {
    pub(crate) fn ours(name: &'static str, run: fn(&Lap<'_>) -> Duration) -> Self {
        Self {
            name,
            is_ours: true,
            run: Box::new(run),
        }
    }

    pub(crate) fn other(name: &'static str, run: impl Fn(&Lap<'_>) -> Duration + 'a) -> Self {
        Self {
            name,
            is_ours: false,
            run: Box::new(run),
        }
    }
}

/// Lets all take turns; `lap` gives each its lap of so many messages.
pub(crate) fn race(
    sides: &[Side<'_>],
    messages: usize,
    mut lap: impl FnMut(&Side<'_>, usize) -> Duration,
) {
    for side in sides {
        lap(side, messages / 10);
    }
    let mut rates: Vec<Rates> = sides.iter().map(|_| Rates::default()).collect();
    for round in 0..ROUNDS {
        // Who goes first alternates too.
        for turn in 0..sides.len() {
            let index = (round + turn) % sides.len();
            rates[index].add(messages, lap(&sides[index], messages));
        }
    }
    print(sides, &rates);
}

/// Ours beside the first of ours, and of each other how much of its rate ours reach.
fn print(sides: &[Side<'_>], rates: &[Rates]) {
    let all = || sides.iter().zip(rates);
    let mut first = None;
    for (side, rate) in all() {
        if side.is_ours {
            rate.print(side.name, first);
            first.get_or_insert(rate);
            continue;
        }
        let ours = all().filter(|(ours, _)| ours.is_ours);
        let ratios = ours.map(|(ours, control)| {
            let ratio = control.median() / rate.median();
            format!("  {}/it {ratio:.2}", ours.name)
        });
        println!("{}{}", rate.line(side.name), ratios.collect::<String>());
    }
}
