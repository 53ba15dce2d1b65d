//! The table `[notifier]`.

use serde::Deserialize;

use crate::calendar::{DailyAt, Zone};

/// How this service works; every key may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whose days count, and in which dates are written: a name of the IANA time zone database, for
    /// example "Europe/Berlin". Default "UTC".
    pub time_zone: Zone,
    /// When daily alerts and digests are sent, in that zone. Default "08:00".
    pub daily_at: DailyAt,
    /// For how many seconds what happens is gathered into one message. Default 60.
    pub gather_seconds: Gather,
}

/// Seconds, at most an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
pub struct Gather(u32);

impl Gather {
    /// As a duration.
    pub fn duration(self) -> time::Duration {
        time::Duration::seconds(self.0.into())
    }
}

impl Default for Gather {
    fn default() -> Self {
        Self(60)
    }
}

impl TryFrom<u32> for Gather {
    type Error = &'static str;

    fn try_from(seconds: u32) -> Result<Self, Self::Error> {
        match seconds {
            0..=3_600 => Ok(Self(seconds)),
            _ => Err("gather_seconds is at most 3600: an alert is not held back for longer"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_or_a_zone_that_is_not_known_is_an_error() {
        let read = |json: &str| serde_json::from_str::<Config>(json);
        assert_eq!(read("{}").unwrap(), Config::default());
        let berlin = r#"{"time_zone": "Europe/Berlin", "daily_at": "07:30", "gather_seconds": 0}"#;
        assert!(read(berlin).is_ok());
        for wrong in [
            r#"{"timezone": "UTC"}"#,
            r#"{"time_zone": "Europe/Bärlin"}"#,
            r#"{"daily_at": "24:00"}"#,
            r#"{"daily_at": "8"}"#,
            r#"{"gather_seconds": 3601}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
