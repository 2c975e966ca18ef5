//! The declaration of a metric family.

use std::fmt;

/// A declared metric family; see [`families`](crate::families).
#[derive(Debug)]
pub struct Family {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) kind: FamilyKind,
    pub(crate) labels: &'static [&'static str],
    pub(crate) values: &'static [&'static str],
}

/// The Prometheus type of a [`Family`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FamilyKind {
    /// A count that only increases.
    Counter,
    /// A value at the moment of the scrape.
    Gauge,
    /// Observations counted in buckets.
    Histogram,
}

impl Family {
    pub(crate) const fn gauge(
        name: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            help,
            kind: FamilyKind::Gauge,
            labels,
            values: &[],
        }
    }

    /// Returns the family's name on the metrics page, such as `rws_kafka_consumer_lag`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the help text.
    #[must_use]
    pub fn help(&self) -> &'static str {
        self.help
    }

    /// Returns the Prometheus type.
    #[must_use]
    pub fn kind(&self) -> FamilyKind {
        self.kind
    }

    /// Returns the names of the labels, without a histogram's `le`.
    #[must_use]
    pub fn labels(&self) -> &'static [&'static str] {
        self.labels
    }

    /// Returns the only values that the last label can have; empty if it can have any value.
    #[must_use]
    pub fn values(&self) -> &'static [&'static str] {
        self.values
    }
}

impl fmt::Display for FamilyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        })
    }
}
