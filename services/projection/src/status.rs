//! How a certificate or an automation stands: the one place where statuses are computed, for a row and,
//! as a condition in SQL, for a filter. Both read the same rules. Pure; the time is passed in.

use api::projection::v1::CertificateStatus;
use sea_orm::{
    ColumnTrait, Condition,
    sea_query::{CaseStatement, Expr},
};

use crate::tables::instant::{NEVER, micros, moment};

/// What a status is told from. Tables whose rows have one keep these as columns, which change with
/// events alone and never with the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Its CA has revoked it.
    pub revoked: bool,
    /// Valid from then on, microseconds since 1970.
    pub not_before: i64,
    /// Valid up to then; [`NEVER`] where none was issued yet.
    pub not_after: i64,
    /// From then on it is due for renewal.
    pub due_at: i64,
    /// From then on it is an error that nothing newer is here.
    pub error_at: i64,
    /// How the next one comes.
    pub renewal: Renewal,
}

/// How the next version of a certificate comes, as the log tells it. The numbers stand in tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum Renewal {
    /// Not by itself: nothing renews it, or what does is paused.
    None = 0,
    /// An automation begins in time.
    Scheduled = 1,
    /// An order is under way.
    Ordering = 2,
    /// The last order failed, and is tried again.
    Retried = 3,
    /// The last order failed, and a person has to act first.
    Refused = 4,
}

/// The same columns of a table.
#[derive(Debug, Clone, Copy)]
pub struct Columns<C> {
    /// See [`Standing::revoked`], and so on.
    pub revoked: C,
    /// Likewise.
    pub not_before: C,
    /// Likewise.
    pub not_after: C,
    /// Likewise.
    pub due_at: C,
    /// Likewise.
    pub error_at: C,
    /// Likewise.
    pub renewal: C,
}

impl Standing {
    /// The status at this moment (microseconds since 1970).
    pub fn status(&self, now: i64) -> CertificateStatus {
        let rule = RULES.iter().find(|(_, any)| {
            let mut any = any.iter();
            any.any(|all| all.iter().all(|fact| self.has(*fact, now)))
        });
        rule.map_or(CertificateStatus::Valid, |(status, _)| *status)
    }

    /// Up to then time alone leaves it valid, or not yet valid: nothing is due, late or over. Like all that it is told
    /// from it changes with events alone, so that those that want somebody are found without a look at the others.
    pub fn calm_until(&self) -> i64 {
        let over = self.not_after.saturating_add(1);
        match self.renewal {
            _ if self.revoked || self.not_after == NEVER => i64::MIN,
            Renewal::Ordering | Renewal::Retried | Renewal::Refused => i64::MIN,
            Renewal::Scheduled => over.min(self.error_at),
            Renewal::None => over.min(self.due_at),
        }
    }

    fn has(&self, fact: Fact, now: i64) -> bool {
        match fact {
            Fact::Revoked => self.revoked,
            Fact::NeverIssued => self.not_after == NEVER,
            Fact::NotBegun => now < self.not_before,
            Fact::Over => now > self.not_after,
            Fact::Due => now >= self.due_at,
            Fact::Late => now >= self.error_at,
            Fact::Is(renewal) => self.renewal == renewal,
            Fact::IsNot(renewal) => self.renewal != renewal,
        }
    }
}

impl<C: ColumnTrait> Columns<C> {
    /// The status of a row at this moment, by its number.
    pub fn status(&self, now: i64) -> Expr {
        let mut case = CaseStatement::new();
        for (status, any) in RULES {
            case = case.case(self.any(any, now), status as i32);
        }
        case.finally(CertificateStatus::Valid as i32).into()
    }

    /// Whether a row has this status at this moment.
    pub fn have(&self, wanted: CertificateStatus, now: i64) -> Expr {
        let mut earlier = Condition::any();
        for (status, any) in RULES {
            let this = self.any(any, now);
            if status == wanted {
                return Condition::all().add(this).add(earlier.not()).into();
            }
            earlier = earlier.add(this);
        }
        match wanted {
            CertificateStatus::Valid => earlier.not().into(),
            _ => Expr::val(false),
        }
    }

    fn any(&self, any: &[&[Fact]], now: i64) -> Condition {
        any.iter().fold(Condition::any(), |any, all| {
            let facts = all.iter().map(|fact| self.fact(*fact, now));
            any.add(facts.fold(Condition::all(), Condition::add))
        })
    }

    fn fact(&self, fact: Fact, now: i64) -> Expr {
        match fact {
            Fact::Revoked => self.revoked.eq(true),
            Fact::NeverIssued => self.not_after.eq(NEVER),
            Fact::NotBegun => self.not_before.gt(now),
            Fact::Over => self.not_after.lt(now),
            Fact::Due => self.due_at.lte(now),
            Fact::Late => self.error_at.lte(now),
            Fact::Is(renewal) => self.renewal.eq(renewal as i32),
            Fact::IsNot(renewal) => self.renewal.ne(renewal as i32),
        }
    }
}

impl From<Renewal> for i32 {
    fn from(renewal: Renewal) -> Self {
        renewal as i32
    }
}

impl From<i32> for Renewal {
    /// Of a column, which holds what we wrote there.
    fn from(number: i32) -> Self {
        let all = [
            Self::Scheduled,
            Self::Ordering,
            Self::Retried,
            Self::Refused,
        ];
        let found = all.into_iter().find(|renewal| *renewal as i32 == number);
        found.unwrap_or(Self::None)
    }
}

/// When a certificate with this life is due, and when it is late: where its automation does not say
/// otherwise, or it has none.
pub fn marks(not_before: i64, not_after: i64) -> (i64, i64) {
    let life = pki::Lifetime {
        not_before: moment(not_before),
        not_after: moment(not_after),
    };
    (micros(life.renew_at()), micros(life.error_at()))
}

/// What a rule asks.
#[derive(Debug, Clone, Copy)]
enum Fact {
    Revoked,
    NeverIssued,
    /// `notBefore` is still to come.
    NotBegun,
    /// Past `notAfter`, which itself is still good (RFC 5280, section 4.1.2.5).
    Over,
    Due,
    Late,
    Is(Renewal),
    IsNot(Renewal),
}

/// The first that holds is the status; none is "valid". A rule holds where any of its lines holds
/// whole.
const RULES: [(CertificateStatus, &[&[Fact]]); 7] = [
    (CertificateStatus::Revoked, &[&[Fact::Revoked]]),
    (CertificateStatus::Expired, &[&[Fact::Over]]),
    (
        CertificateStatus::Error,
        &[
            &[Fact::Is(Renewal::Refused)],
            // Late is a renewal that still fails at 25 days of 90, or that never began.
            &[Fact::Late, Fact::IsNot(Renewal::None)],
            // Late is a first one as soon as its order has failed.
            &[Fact::Late, Fact::NeverIssued],
        ],
    ),
    (CertificateStatus::Pending, &[&[Fact::NeverIssued]]),
    (
        CertificateStatus::Renewing,
        &[
            &[Fact::Is(Renewal::Ordering)],
            &[Fact::Is(Renewal::Retried)],
        ],
    ),
    (
        CertificateStatus::Expiring,
        &[&[Fact::Due, Fact::Is(Renewal::None)]],
    ),
    (CertificateStatus::NotYetValid, &[&[Fact::NotBegun]]),
];

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 3_600 * 1_000_000;

    /// 90 days from now 0 on, as its automation has it.
    fn standing(renewal: Renewal) -> Standing {
        let (due_at, error_at) = marks(0, 90 * DAY);
        Standing {
            revoked: false,
            not_before: 0,
            not_after: 90 * DAY,
            due_at,
            error_at,
            renewal,
        }
    }

    #[test]
    fn the_words_follow_a_life() {
        use CertificateStatus::{Error, Expired, Expiring, NotYetValid, Renewing, Valid};
        let days = [-1, 0, 59, 60, 64, 65, 90, 91];
        for (renewal, expected) in [
            (
                Renewal::None,
                [
                    NotYetValid,
                    Valid,
                    Valid,
                    Expiring,
                    Expiring,
                    Expiring,
                    Expiring,
                    Expired,
                ],
            ),
            (
                Renewal::Scheduled,
                [
                    NotYetValid,
                    Valid,
                    Valid,
                    Valid,
                    Valid,
                    Error,
                    Error,
                    Expired,
                ],
            ),
            (
                Renewal::Ordering,
                [
                    Renewing, Renewing, Renewing, Renewing, Renewing, Error, Error, Expired,
                ],
            ),
            (
                Renewal::Retried,
                [
                    Renewing, Renewing, Renewing, Renewing, Renewing, Error, Error, Expired,
                ],
            ),
            (
                Renewal::Refused,
                [Error, Error, Error, Error, Error, Error, Error, Expired],
            ),
        ] {
            let statuses = days.map(|day| standing(renewal).status(day * DAY));
            assert_eq!(statuses, expected, "{renewal:?}");
        }
    }

    #[test]
    fn time_alone_changes_nothing_before_its_hour() {
        let renewals = [
            Renewal::None,
            Renewal::Scheduled,
            Renewal::Ordering,
            Renewal::Retried,
            Renewal::Refused,
        ];
        let moments = [-1, 0, 1, NEVER];
        for (renewal, not_after) in renewals.iter().flat_map(|r| moments.map(|end| (*r, end))) {
            for (due_at, error_at) in moments
                .iter()
                .flat_map(|due| moments.map(|late| (*due, late)))
            {
                for revoked in [false, true] {
                    let standing = Standing {
                        revoked,
                        not_before: -1,
                        not_after,
                        due_at,
                        error_at,
                        renewal,
                    };
                    let valid = standing.status(0) == CertificateStatus::Valid;
                    assert_eq!(valid, 0 < standing.calm_until(), "{standing:?}");
                }
            }
        }
    }

    #[test]
    fn revoked_comes_before_all_else() {
        for renewal in [Renewal::None, Renewal::Refused] {
            let revoked = Standing {
                revoked: true,
                ..standing(renewal)
            };
            assert_eq!(revoked.status(99 * DAY), CertificateStatus::Revoked);
        }
    }

    #[test]
    fn a_first_one_is_pending_until_its_order_fails() {
        let first = |renewal, error_at| Standing {
            not_before: NEVER,
            not_after: NEVER,
            due_at: NEVER,
            error_at,
            ..standing(renewal)
        };
        for renewal in [Renewal::Ordering, Renewal::Scheduled, Renewal::None] {
            assert_eq!(first(renewal, NEVER).status(0), CertificateStatus::Pending);
        }
        for renewal in [Renewal::Retried, Renewal::Ordering, Renewal::None] {
            assert_eq!(first(renewal, -1).status(0), CertificateStatus::Error);
        }
    }

    #[test]
    fn a_renewal_is_kept_as_its_number() {
        for number in 0..5 {
            assert_eq!(i32::from(Renewal::from(number)), number);
        }
    }
}
