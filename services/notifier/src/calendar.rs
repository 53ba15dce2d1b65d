//! Days as people count them: in their time zone, with its summer time.

use std::fmt;

use jiff::{
    Timestamp, ToSpan, Zoned,
    civil::{Date, Time},
    tz::TimeZone,
};
use serde::Deserialize;
use time::OffsetDateTime;

/// A time zone of the IANA database, which is built in: no machine's own can be out of date.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Zone(TimeZone);

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl TryFrom<String> for Zone {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        TimeZone::get(&name).map(Self).map_err(|_| {
            format!("{name:?} is not a time zone such as \"Europe/Berlin\" or \"UTC\"")
        })
    }
}

/// A time of day, to the minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct DailyAt(Time);

impl Default for DailyAt {
    fn default() -> Self {
        Self(Time::constant(8, 0, 0, 0))
    }
}

impl TryFrom<String> for DailyAt {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parsed = text.split_once(':').and_then(|(hour, minute)| {
            let digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
            if !digits(hour) || !digits(minute) {
                return None;
            }
            Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
        });
        let wrong = || format!("{text:?} is not a time of day such as \"08:00\"");
        parsed.map(Self).ok_or_else(wrong)
    }
}

/// A day in the calendar's zone: written and compared as "2026-11-25".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(Date);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Which day it is, and when the next messages of the day are sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calendar {
    zone: Zone,
    daily_at: DailyAt,
}

impl Calendar {
    /// With this zone and daily time.
    pub fn new(zone: Zone, daily_at: DailyAt) -> Self {
        Self { zone, daily_at }
    }

    /// The day of this moment.
    pub fn day(&self, at: OffsetDateTime) -> Day {
        Day(self.zoned(at).date())
    }

    /// The whole days from one moment's day to another's; negative, where that lies before it.
    pub fn days_between(&self, from: OffsetDateTime, to: OffsetDateTime) -> i64 {
        let (from, to) = (self.day(from).0, self.day(to).0);
        // Both lie in the years that X.509 knows.
        from.until(to).map_or(0, |span| i64::from(span.get_days()))
    }

    /// The daily moment of this moment's own day.
    pub fn hour_of_day(&self, at: OffsetDateTime) -> OffsetDateTime {
        self.hour(self.day(at).0)
    }

    /// The first daily moment after this one.
    pub fn next_hour(&self, at: OffsetDateTime) -> OffsetDateTime {
        let mut date = self.day(at).0;
        // At most a day on; a zone may skip a whole one, as Samoa did.
        for _ in 0..3 {
            let hour = self.hour(date);
            if hour > at {
                return hour;
            }
            date = date.saturating_add(1.day());
        }
        at + time::Duration::DAY
    }

    /// The daily moment of a date. In a gap of summer time it is as much later as the gap is long; where
    /// there are two of it, the first.
    fn hour(&self, date: Date) -> OffsetDateTime {
        let hour = date.to_datetime(self.daily_at.0);
        let zoned = self.zone.0.to_ambiguous_zoned(hour).compatible();
        zoned.map_or(OffsetDateTime::UNIX_EPOCH, |zoned| {
            time_of(zoned.timestamp())
        })
    }

    fn zoned(&self, at: OffsetDateTime) -> Zoned {
        // jiff's years are more than those of a certificate.
        let at = Timestamp::from_second(at.unix_timestamp()).unwrap_or_default();
        at.to_zoned(self.zone.0.clone())
    }
}

fn time_of(at: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(at.as_second()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn calendar(zone: &str, daily_at: &str) -> Calendar {
        Calendar::new(
            zone.to_owned().try_into().unwrap(),
            daily_at.to_owned().try_into().unwrap(),
        )
    }

    #[test]
    fn a_day_is_the_zones_own() {
        let berlin = calendar("Europe/Berlin", "08:00");
        let late = datetime!(2026-11-24 23:30 UTC);
        assert_eq!(berlin.day(late).to_string(), "2026-11-25");
        let utc = calendar("UTC", "08:00");
        assert_eq!(utc.day(late).to_string(), "2026-11-24");
        assert_eq!(
            berlin.days_between(late, datetime!(2026-11-26 22:59 UTC)),
            1
        );
        assert_eq!(
            berlin.days_between(late, datetime!(2026-11-26 23:00 UTC)),
            2
        );
        assert_eq!(utc.days_between(late, datetime!(2026-11-20 00:00 UTC)), -4);
    }

    #[test]
    fn the_daily_moment_keeps_to_the_clock_on_the_wall_through_summer_time() {
        let berlin = calendar("Europe/Berlin", "08:00");
        // Clocks go forward on 2026-03-29 at 02:00, and back on 2026-10-25 at 03:00.
        for (at, next) in [
            (
                datetime!(2026-03-28 08:00 UTC),
                datetime!(2026-03-29 06:00 UTC),
            ),
            (
                datetime!(2026-03-27 07:00 UTC),
                datetime!(2026-03-28 07:00 UTC),
            ),
            (
                datetime!(2026-10-24 06:00 UTC),
                datetime!(2026-10-25 07:00 UTC),
            ),
            (
                datetime!(2026-10-24 05:59:59 UTC),
                datetime!(2026-10-24 06:00 UTC),
            ),
        ] {
            assert_eq!(berlin.next_hour(at), next, "after {at}");
        }
    }

    #[test]
    fn an_hour_that_is_skipped_comes_later_and_one_that_comes_twice_counts_once() {
        let berlin = calendar("Europe/Berlin", "02:30");
        // 02:30 is not there on that day: 03:30 in summer time.
        let skipped = berlin.next_hour(datetime!(2026-03-28 12:00 UTC));
        assert_eq!(skipped, datetime!(2026-03-29 01:30 UTC));
        assert_eq!(berlin.next_hour(skipped), datetime!(2026-03-30 00:30 UTC));
        // 02:30 is there twice: the first, and then not before the next day.
        let twice = berlin.next_hour(datetime!(2026-10-24 12:00 UTC));
        assert_eq!(twice, datetime!(2026-10-25 00:30 UTC));
        assert_eq!(berlin.next_hour(twice), datetime!(2026-10-26 01:30 UTC));
    }

    #[test]
    fn every_day_of_two_years_has_one_daily_moment_in_every_zone() {
        for zone in [
            "Europe/Berlin",
            "America/New_York",
            "Australia/Lord_Howe",
            "UTC",
        ] {
            let calendar = calendar(zone, "02:15");
            let mut at = datetime!(2026-01-01 12:00 UTC);
            let mut day = calendar.day(at);
            for _ in 0..730 {
                at = calendar.next_hour(at);
                assert_eq!(calendar.day(at).0, day.0.tomorrow().unwrap(), "{zone}");
                assert_eq!(calendar.hour_of_day(at), at, "{zone}");
                day = calendar.day(at);
            }
        }
    }
}
