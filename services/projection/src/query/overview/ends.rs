//! What ends when: from 10 days back to 190 days ahead.

use api::projection::v1::{self as answer, CertificateStatus, Renewing};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    sea_query::{Expr, ExprTrait},
};

use crate::{
    status::Renewal,
    tables::{
        certificate::{Column, Entity, Model},
        instant::timestamp,
    },
};

/// A day among those that are shown: 10 is today (UTC). Before the first one is -1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub i64);

/// How an end is met: `Renewing`, in an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Class(i32);

impl Day {
    /// Whether it is one of the days that are shown.
    pub fn is_shown(self) -> bool {
        (0..DAYS).contains(&self.0)
    }

    /// Whether it comes after them.
    pub fn is_later(self) -> bool {
        self.0 >= DAYS
    }

    /// Whether it is one of the next 30.
    pub fn ends_soon(self) -> bool {
        (BACK..BACK + SOON).contains(&self.0)
    }

    /// When it begins, as of `now`.
    pub fn begins(self, now: i64) -> i64 {
        first(now) + self.0 * DAY
    }
}

impl From<Class> for i32 {
    fn from(class: Class) -> i32 {
        class.0
    }
}

/// How an end is met.
pub fn class(status: CertificateStatus, renewal: Renewal) -> Class {
    use CertificateStatus as S;
    let renewing = match (status, renewal) {
        (S::Expired | S::Error, _) => Renewing::Late,
        (S::Renewing, _) => Renewing::Now,
        (_, Renewal::None) => Renewing::ByHand,
        _ => Renewing::Automatic,
    };
    Class(renewing.into())
}

/// The number of the day of a column.
pub fn day(column: Column, now: i64) -> Expr {
    let (first, last) = (first(now), first(now) + DAYS * DAY);
    Expr::case(column.lt(first), -1_i64)
        .case(column.gte(last), DAYS)
        .finally(column.into_expr().sub(first).div(DAY))
        .into()
}

/// Each that ends on a day that is shown, the soonest first.
///
/// # Errors
/// What the database says.
pub async fn each(database: &impl ConnectionTrait, now: i64) -> Result<Vec<answer::Expiry>, DbErr> {
    let rows = Entity::find()
        .filter(Column::Own.ne(false))
        .filter(Column::Deleted.ne(true))
        .filter(Column::Revoked.ne(true))
        .filter(Column::NotAfter.gte(first(now)))
        .filter(Column::NotAfter.lt(first(now) + DAYS * DAY))
        .order_by_asc(Column::NotAfter)
        .order_by_asc(Column::Id)
        .all(database)
        .await?;
    Ok(rows.into_iter().map(|row| expiry(row, now)).collect())
}

fn expiry(row: Model, now: i64) -> answer::Expiry {
    let standing = row.stands();
    let status = standing.status(now);
    answer::Expiry {
        certificate_id: row.id,
        friendly_name: row.friendly_name,
        status: status.into(),
        not_after: timestamp(row.not_after),
        renewing: class(status, standing.renewal).into(),
        renew_at: match standing.renewal {
            Renewal::None => None,
            _ => timestamp(standing.due_at),
        },
    }
}

/// The beginning of the first day.
fn first(now: i64) -> i64 {
    (now.div_euclid(DAY) - BACK) * DAY
}

/// In microseconds.
pub const DAY: i64 = 24 * 3_600 * 1_000_000;

const BACK: i64 = 10;
const DAYS: i64 = BACK + 190;
const SOON: i64 = 30;
