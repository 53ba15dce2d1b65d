//! Between messages and the types that the code works with.

use pbjson_types::Timestamp;
use time::OffsetDateTime;

/// A point in time as a message; sub-microsecond digits are dropped, so that every database keeps it whole.
pub fn timestamp(at: OffsetDateTime) -> Timestamp {
    Timestamp {
        seconds: at.unix_timestamp(),
        // Below 1,000,000,000: fits.
        nanos: (at.microsecond() * 1_000) as i32,
    }
}

/// A point in time from a message; `None` where it lies outside the years 1 to 9999.
pub fn time(at: &Timestamp) -> Option<OffsetDateTime> {
    let seconds = OffsetDateTime::from_unix_timestamp(at.seconds).ok()?;
    seconds.checked_add(time::Duration::nanoseconds(at.nanos.into()))
}
