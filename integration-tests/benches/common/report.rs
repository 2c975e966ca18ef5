use std::time::Duration;

/// Rounds of each side; what counts is the median.
pub(crate) const ROUNDS: usize = 5;

/// The rates of one side in messages per second, one figure per round.
#[derive(Default)]
pub(crate) struct Rates(Vec<f64>);

impl Rates {
    pub(crate) fn add(&mut self, messages: usize, time: Duration) {
        self.0.push(messages as f64 / time.as_secs_f64());
    }

    pub(crate) fn median(&self) -> f64 {
        median(&self.0)
    }

    /// Prints [`line`](Self::line), and the ratio to a control.
    pub(crate) fn print(&self, name: &str, control: Option<&Self>) {
        let ratio = control.map_or(String::new(), |control| {
            format!("  ratio {:.2}", self.median() / control.median())
        });
        println!("{}{ratio}", self.line(name));
    }

    /// The median, the lowest and the highest.
    pub(crate) fn line(&self, name: &str) -> String {
        let (low, high) = self
            .0
            .iter()
            .fold((f64::MAX, 0.0_f64), |(low, high), rate| {
                (low.min(*rate), high.max(*rate))
            });
        format!(
            "  {name:<28} {:>9.0} msg/s  ({low:.0} … {high:.0})",
            self.median()
        )
    }
}

pub(crate) fn median(values: &[f64]) -> f64 {
    percentile(values, 0.5)
}

pub(crate) fn percentile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let index = ((sorted.len() - 1) as f64 * part).round() as usize;
    sorted[index]
}
