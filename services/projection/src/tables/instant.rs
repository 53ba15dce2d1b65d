//! Points in time as the tables hold them: microseconds since 1970 (UTC).

use api::convert;
use pbjson_types::Timestamp;
use time::{OffsetDateTime, macros::datetime};

use super::Unusable;

/// Stands where a time is still to come, after every real one.
pub const NEVER: i64 = i64::MAX;

/// Microseconds since 1970. Years 1 to 9999 fit many times.
pub fn micros(at: OffsetDateTime) -> i64 {
    let seconds = at.unix_timestamp();
    seconds * PER_SECOND + i64::from(at.microsecond())
}

/// The point in time. What lies outside the years 1 to 9999 is the nearest within.
pub fn moment(micros: i64) -> OffsetDateTime {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000);
    at.unwrap_or(if micros < 0 { FIRST } else { LAST })
}

/// The time of a message's field, which may be left out: then [`NEVER`].
pub fn optional(at: Option<&Timestamp>) -> i64 {
    at.and_then(convert::time).map_or(NEVER, micros)
}

/// The time of a message's field, which must be there.
///
/// # Errors
/// [`Unusable::Missing`] with the field's name where it is not, or lies outside the years 1 to 9999.
pub fn required(field: &'static str, at: Option<&Timestamp>) -> Result<i64, Unusable> {
    let at = at.and_then(convert::time);
    at.map(micros).ok_or(Unusable::Missing(field))
}

/// As it is answered; nothing for [`NEVER`].
pub fn timestamp(at: i64) -> Option<Timestamp> {
    let microsecond = at.rem_euclid(PER_SECOND);
    (at != NEVER).then(|| Timestamp {
        seconds: at.div_euclid(PER_SECOND),
        // Below 1,000,000,000: fits.
        nanos: (microsecond * 1_000) as i32,
    })
}

const PER_SECOND: i64 = 1_000_000;
const FIRST: OffsetDateTime = datetime!(0001-01-01 00:00 UTC);
const LAST: OffsetDateTime = datetime!(9999-12-31 23:59:59 UTC);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_comes_back_as_it_went_in() {
        for at in [
            datetime!(2027-01-02 03:04:05.123456 UTC),
            datetime!(1969-12-31 23:59:59.999999 UTC),
            datetime!(0001-01-01 00:00:00 UTC),
            datetime!(9999-12-31 23:59:59 UTC),
        ] {
            let message = timestamp(micros(at)).unwrap();
            assert_eq!(convert::time(&message), Some(at));
            assert_eq!(required("at", Some(&message)), Ok(micros(at)));
            assert_eq!(optional(Some(&message)), micros(at));
            assert_eq!(moment(micros(at)), at);
        }
        assert_eq!(optional(None), NEVER);
        assert_eq!((moment(i64::MIN), moment(NEVER)), (FIRST, LAST));
        assert_eq!(timestamp(NEVER), None);
        assert_eq!(required("at", None), Err(Unusable::Missing("at")));
    }

    #[test]
    fn earlier_is_less() {
        let late = datetime!(1969-12-31 23:59:59.9 UTC);
        assert!(micros(late) < micros(late + time::Duration::MICROSECOND));
    }
}
