//! The moments in a certificate's life: when its renewal begins, when it is an error that it was not
//! renewed, and when people are told that nothing renews it. All scale with the life, in whole
//! seconds as X.509's own times, so that every service finds the same moments.
//!
//! A renewal begins when a third of the life is left, and below ten days when half is: so Let's Encrypt's
//! [integration guide](https://letsencrypt.org/docs/integration-guide/) asks where the CA names no
//! window of its own (RFC 9773). That is 30 days of 90, leaves room for outages of days, and follows the
//! CA/Browser Forum's shorter lives (ballot SC-081: 47 days from 2029-03-15 on) by itself.

use time::{Duration, OffsetDateTime};

/// From when until when a certificate is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// Its `notBefore`.
    pub not_before: OffsetDateTime,
    /// Its `notAfter`.
    pub not_after: OffsetDateTime,
}

impl Lifetime {
    /// How long it is; nothing, where it ends before it begins.
    pub fn length(&self) -> Duration {
        (self.not_after - self.not_before).max(Duration::ZERO)
    }

    /// When its renewal begins by itself: a third of the life before its end, half of it below ten days.
    pub fn renew_at(&self) -> OffsetDateTime {
        self.not_after - self.room()
    }

    /// From then on it is an error that it was not renewed: 25 days before the end of 90, which is
    /// when a sixth of the time that was meant for the renewal is over. Of every other life the same
    /// share, so that it lies between [`renew_at`](Self::renew_at) and the end.
    pub fn error_at(&self) -> OffsetDateTime {
        self.not_after - part(self.room(), 5, 6)
    }

    /// When to warn of a certificate that nothing renews, soonest first: 30, 14, 7, 3 and 1 days before
    /// its end. A life below 90 days has the same shares of it; a longer one the same days, as nobody
    /// wants to hear of a certificate of ten years three years ahead.
    pub fn warn_at(&self) -> [OffsetDateTime; 5] {
        let scaled = self.length().min(Duration::days(LIKE_DAYS));
        WARNING_DAYS.map(|days| self.not_after - part(scaled, days, LIKE_DAYS))
    }

    /// The time that is meant for the renewal.
    fn room(&self) -> Duration {
        let length = self.length();
        let parts = if length < SHORT { 2 } else { 3 };
        part(length, 1, parts)
    }
}

fn part(of: Duration, numerator: i64, denominator: i64) -> Duration {
    // X.509 knows no year past 9999: far from overflowing.
    Duration::seconds(of.whole_seconds() * numerator / denominator)
}

/// Below it half of the life is left for the renewal.
const SHORT: Duration = Duration::days(10);
/// The life that the days of the promises speak of.
const LIKE_DAYS: i64 = 90;
const WARNING_DAYS: [i64; 5] = [30, 14, 7, 3, 1];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    const START: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

    fn of(length: Duration) -> Lifetime {
        Lifetime {
            not_before: START,
            not_after: START + length,
        }
    }

    /// The days that are left at the moment.
    fn left(lifetime: &Lifetime, at: OffsetDateTime) -> f64 {
        (lifetime.not_after - at) / Duration::DAY
    }

    #[test]
    fn thirty_days_of_ninety_and_the_same_share_of_others() {
        for (days, renewal, error) in [
            (90, 30.0, 25.0),
            (45, 15.0, 12.5),
            (10, 10.0 / 3.0, 25.0 / 9.0),
            (6, 3.0, 2.5),
        ] {
            let lifetime = of(Duration::days(days));
            let near = |a: f64, b: f64| (a - b).abs() < 1e-4;
            let (renew_at, error_at) = (lifetime.renew_at(), lifetime.error_at());
            assert!(near(left(&lifetime, renew_at), renewal), "{days} days");
            assert!(near(left(&lifetime, error_at), error), "{days} days");
        }
    }

    #[test]
    fn warnings_come_on_the_days_before_the_end() {
        let days = |length: i64| {
            let lifetime = of(Duration::days(length));
            lifetime.warn_at().map(|at| left(&lifetime, at))
        };
        assert_eq!(days(90), [30.0, 14.0, 7.0, 3.0, 1.0]);
        assert_eq!(days(45), [15.0, 7.0, 3.5, 1.5, 0.5]);
        assert_eq!(days(3_650), [30.0, 14.0, 7.0, 3.0, 1.0]);
    }

    #[test]
    fn a_life_that_never_was_is_over_at_once() {
        let lifetime = of(-Duration::DAY);
        assert_eq!(lifetime.length(), Duration::ZERO);
        assert_eq!(lifetime.renew_at(), lifetime.not_after);
        assert_eq!(lifetime.error_at(), lifetime.not_after);
        assert_eq!(lifetime.warn_at(), [lifetime.not_after; 5]);
    }

    proptest! {
        /// Of any life: there is time before the renewal, for the renewal, and after the error.
        #[test]
        fn the_moments_come_in_order(seconds in 12..400_000_000_i64) {
            let lifetime = of(Duration::seconds(seconds));
            prop_assert!(lifetime.not_before < lifetime.renew_at());
            prop_assert!(lifetime.renew_at() < lifetime.error_at());
            prop_assert!(lifetime.error_at() < lifetime.not_after);
            let marks = lifetime.warn_at();
            prop_assert!(marks.is_sorted());
            prop_assert!(lifetime.not_before < marks[0] && marks[4] <= lifetime.not_after);
        }
    }
}
