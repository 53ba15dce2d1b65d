//! Points in time as the tables compare them: microseconds since 1970 (UTC).

use time::OffsetDateTime;

/// Microseconds since 1970. Years 1 to 9999 fit many times.
pub fn micros(at: OffsetDateTime) -> i64 {
    at.unix_timestamp() * PER_SECOND + i64::from(at.microsecond())
}

/// The time again.
pub fn time(micros: i64) -> OffsetDateTime {
    let nanos = i128::from(micros) * 1_000;
    // What was written was a time.
    OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

const PER_SECOND: i64 = 1_000_000;

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_time_comes_back_as_it_went_in() {
        for at in [
            datetime!(2027-01-02 03:04:05.123456 UTC),
            datetime!(1969-12-31 23:59:59.999999 UTC),
        ] {
            assert_eq!(time(micros(at)), at);
        }
    }
}
