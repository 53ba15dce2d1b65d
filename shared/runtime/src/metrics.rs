//! What is counted, under names that stay: the catalog of every service is made of these.
//!
//! What happens is counted where it happens, by the `metrics` crate, which costs nothing where no
//! [`Monitor`](crate::Monitor) is. What is only known when it is asked for is a [`Collect`].

mod calls;
mod collect;
mod own;
mod page;

pub use self::{
    calls::Call,
    collect::{Collect, CollectError, queue},
    page::{Closed, Page},
};
pub(crate) use self::{
    calls::of_service,
    own::{no_statement_failed_yet, refresh, statement_failed},
};

/// What one metric says; the documentation shows it in these words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// As Prometheus has it: `chancery_…`, in base units, `_total` for counters.
    pub name: &'static str,
    /// How to read it.
    pub kind: Kind,
    /// What tells its series apart.
    pub labels: &'static [&'static str],
    /// One sentence.
    pub help: &'static str,
}

/// How a metric is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, and begins at 0 when the process does.
    Counter,
    /// It is what it is now.
    Gauge,
    /// Seconds, sorted into buckets.
    Histogram,
}

impl Kind {
    /// The word for it in Prometheus' text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

impl Metric {
    /// A counter.
    pub const fn counter(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self::new(name, Kind::Counter, labels, help)
    }

    /// A gauge.
    pub const fn gauge(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self::new(name, Kind::Gauge, labels, help)
    }

    /// A histogram of seconds.
    pub const fn histogram(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self::new(name, Kind::Histogram, labels, help)
    }

    const fn new(
        name: &'static str,
        kind: Kind,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            labels,
            help,
        }
    }
}

/// What every service has.
pub const OF_EVERY_SERVICE: &[Metric] = &[
    own::BUILD,
    own::READY,
    own::IDENTITY_NOT_AFTER,
    calls::CALLS,
    calls::CALL_SECONDS,
    own::LOG_SEQUENCE,
    own::LOG_BYTES,
    own::LOG_USED,
    own::APPENDS,
    own::APPEND_SECONDS,
    own::FOLLOWER_RUNNING,
    own::FOLLOWER_POSITION,
    own::FOLLOWER_LAG_EVENTS,
    own::FOLLOWER_LAG_SECONDS,
    collect::QUEUE,
    own::FAILED_STATEMENTS,
];
