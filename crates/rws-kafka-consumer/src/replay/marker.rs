use std::fmt;

/// The metadata that is committed with a replay's offsets: the run that committed them, and how many dead
/// letters it may have written beyond them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Marker {
    pub(super) run: String,
    /// The number of dead letters that may have been written beyond the offset; 0 once the run has ended
    /// regularly.
    pub(super) at_risk: u64,
}

const NAME: &str = "rws-replay";

impl Marker {
    pub(super) fn parse(metadata: &str) -> Option<Self> {
        let mut words = metadata.split(' ');
        if words.next() != Some(NAME) {
            return None;
        }
        let run = words.next()?.strip_prefix("run=")?.to_owned();
        let at_risk = words.next()?.strip_prefix("at-risk=")?.parse().ok()?;
        Some(Self { run, at_risk })
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{NAME} run={} at-risk={}", self.run, self.at_risk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_read_as_it_was_written_and_others_metadata_is_none() {
        let marker = Marker {
            run: "a1".to_owned(),
            at_risk: 100,
        };
        assert_eq!(Marker::parse(&marker.to_string()), Some(marker));
        for other in [
            "",
            "rws-replay",
            "rws-replay run=a1 at-risk=x",
            "x run=a at-risk=1",
        ] {
            assert_eq!(Marker::parse(other), None, "{other}");
        }
    }
}
