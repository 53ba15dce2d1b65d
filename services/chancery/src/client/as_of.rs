//! `--as-of`: how something was, not how it is.

use api::{
    convert,
    projection::v1::{AsOf, as_of},
};
use clap::Args;
use time::{
    Date, OffsetDateTime, Time, format_description::well_known::Rfc3339, macros::format_description,
};

/// What lists and details take.
#[derive(Debug, Clone, Default, Args)]
pub struct AsOfArgs {
    /// As it was then: a time (2026-03-01T00:00:00Z; a day is its beginning, UTC), or an event's sequence.
    #[arg(long = "as-of", value_name = "MOMENT", value_parser = parse)]
    pub moment: Option<AsOf>,
}

impl AsOfArgs {
    /// The time for which it is shown, where that is known: the moment's, else `now`.
    pub fn time(&self, now: OffsetDateTime) -> OffsetDateTime {
        let moment = self.moment.as_ref().and_then(|of| of.moment.as_ref());
        match moment {
            Some(as_of::Moment::Time(time)) => convert::time(time).unwrap_or(now),
            Some(as_of::Moment::Sequence(_)) | None => now,
        }
    }
}

fn parse(text: &str) -> Result<AsOf, String> {
    let moment = |moment| AsOf {
        moment: Some(moment),
    };
    if let Ok(sequence) = text.parse() {
        return Ok(moment(as_of::Moment::Sequence(sequence)));
    }
    let day = Date::parse(text, format_description!("[year]-[month]-[day]"));
    let time = match day {
        Ok(day) => Ok(day.with_time(Time::MIDNIGHT).assume_utc()),
        Err(_) => OffsetDateTime::parse(text, &Rfc3339),
    };
    let time = time.map_err(
        |_| "it is no time as in 2026-03-01T00:00:00Z, no day as in 2026-03-01, and no sequence",
    )?;
    Ok(moment(as_of::Moment::Time(convert::timestamp(time))))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_moment_is_a_time_a_day_or_a_sequence() {
        let now = datetime!(2026-06-01 00:00 UTC);
        let time = |text: &str| {
            let moment = Some(parse(text).unwrap());
            AsOfArgs { moment }.time(now)
        };
        assert_eq!(time("2026-03-01"), datetime!(2026-03-01 00:00 UTC));
        assert_eq!(
            time("2026-03-01T02:00:00+02:00"),
            datetime!(2026-03-01 00:00 UTC)
        );
        assert_eq!(time("4711"), now);
        let sequence = parse("4711").unwrap().moment;
        assert_eq!(sequence, Some(as_of::Moment::Sequence(4711)));
        for wrong in ["", "-1", "yesterday", "2026-02-30"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
