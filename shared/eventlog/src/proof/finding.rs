//! What does not fit in a log, and the words for it.

use std::{fmt, ops::RangeInclusive};

/// Something that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// These events are not there.
    Missing {
        /// The first.
        first: u64,
        /// The last.
        last: u64,
    },
    /// The event stands behind a later one.
    OutOfPlace {
        /// Which.
        sequence: u64,
        /// Behind which.
        after: u64,
    },
    /// There is one more event of this number.
    Repeated {
        /// Which.
        sequence: u64,
    },
    /// It is not the event that was recorded.
    Changed {
        /// Which.
        sequence: u64,
    },
    /// It says that it followed another event of its aggregate than the one before it.
    Follows {
        /// Which.
        sequence: u64,
        /// The event that it says it followed; 0: none.
        says: u64,
        /// The one that is there; 0: none.
        there: u64,
    },
    /// A checkpoint was signed for other events.
    OtherRoot {
        /// The checkpoint's size.
        size: u64,
        /// Up to here a checkpoint fits: one of the events past it is not what it was.
        after: u64,
    },
    /// There are fewer events than a checkpoint was signed for.
    TooShort {
        /// The checkpoint's size.
        size: u64,
        /// How many there are.
        has: u64,
    },
}

impl Finding {
    /// The events that it is about, the first and the last.
    pub fn events(&self) -> RangeInclusive<u64> {
        match *self {
            Self::Missing { first, last } => first..=last,
            Self::OutOfPlace { sequence, .. }
            | Self::Repeated { sequence }
            | Self::Changed { sequence }
            | Self::Follows { sequence, .. } => sequence..=sequence,
            Self::OtherRoot { size, after } => after + 1..=size,
            Self::TooShort { size, has } => has + 1..=size,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Missing { first, last } if first == last => write!(f, "event {first} is missing"),
            Self::Missing { first, last } => write!(f, "events {first} to {last} are missing"),
            Self::OutOfPlace { sequence, after } => {
                write!(f, "event {sequence} stands after event {after}")
            }
            Self::Repeated { sequence } => {
                write!(
                    f,
                    "there is one more event {sequence}: one of them was put in"
                )
            }
            Self::Changed { sequence } => {
                write!(f, "event {sequence} is not the one that was recorded")
            }
            Self::Follows {
                sequence,
                says,
                there,
            } => write!(
                f,
                "event {sequence} says that it followed {}, and {} is there: events were taken out, put in or counted anew",
                EventOrNone(says),
                EventOrNone(there),
            ),
            Self::OtherRoot { size, after } => write!(
                f,
                "the checkpoint over {size} events was signed for others: one of the events {} to {size} is not what it was, or all from there on are others",
                after + 1,
            ),
            Self::TooShort { size, has } => {
                write!(
                    f,
                    "a checkpoint was signed for {size} events, and there are {has}"
                )
            }
        }
    }
}

/// The sequence of an event; 0 for none.
struct EventOrNone(u64);

impl fmt::Display for EventOrNone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("none"),
            sequence => write!(f, "event {sequence}"),
        }
    }
}
