//! All at a glance: what there is, what ends when, and what wants somebody.
//!
//! [`wanting`] is found in a moment, however many there are. For what is [`counted`] each certificate is looked at:
//! only in an index that holds what is counted, once, and no more often than [`Glance`] asks.

mod ends;
mod glance;

use std::collections::BTreeMap;

use api::{
    notifier::v1::MessageKind,
    projection::v1::{self as answer, CertificateStatus, Overview, Source, StatusCount},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};

use self::ends::{Class, Day};
pub use self::glance::Glance;
use super::{certificates, tallies};
use crate::{
    refusal::Refusal,
    status::Renewal,
    tables::{
        alert,
        certificate::{Column, Entity},
        instant::timestamp,
        tally::What,
    },
};

/// What all have to be looked at for, at this moment (microseconds since 1970).
///
/// # Errors
/// What the database says.
pub async fn counted(database: &impl ConnectionTrait, now: i64) -> Result<Overview, DbErr> {
    let groups = groups(database, now).await?;
    let mut overview = Overview::default();
    let mut days = BTreeMap::<(Day, Class), u32>::new();
    for group in &groups {
        let revoked = group.status == CertificateStatus::Revoked as i32;
        match group.recent {
            0 => {}
            unaided => {
                overview.renewed += group.count;
                overview.renewed_unaided += if unaided == BY_AUTOMATION {
                    group.count
                } else {
                    0
                };
            }
        }
        if revoked {
            continue;
        }
        let day = Day(group.day);
        let ending = day.ends_soon() && group.status != CertificateStatus::Expired as i32;
        match Renewal::from(group.renewal) {
            _ if !ending => {}
            Renewal::None => overview.ending_by_hand += group.count,
            _ => overview.ending_automatic += group.count,
        }
        if day.is_shown() {
            *days.entry((day, group.class())).or_default() += group.count;
        } else if day.is_later() {
            overview.later += group.count;
        }
    }
    let shown = days.values().sum::<u32>();
    if shown <= ONE_BY_ONE {
        overview.expiries = ends::each(database, now).await?;
    }
    let days = days.into_iter();
    overview.days = days
        .map(|((day, class), count)| answer::ExpiryDay {
            day: timestamp(day.begins(now)),
            renewing: class.into(),
            count,
        })
        .collect();
    let kept = tallies::read(database).await?;
    let servers = kept.parts(What::Automations);
    overview.servers = servers
        .map(|(server_id, rows)| answer::ServerUse {
            server_id: server_id.to_owned(),
            automations: number(rows),
        })
        .collect();
    overview.keys = number(kept.of(What::Keys));
    overview.as_of = timestamp(now);
    Ok(overview)
}

/// With what is found in a moment: what wants somebody, and how much there is.
///
/// # Errors
/// [`Refusal::Damaged`] where the database changed a row, or what the database says.
pub async fn wanting(
    database: &DatabaseConnection,
    mut overview: Overview,
    now: i64,
) -> Result<Overview, Refusal> {
    let counts = certificates::counts::counts(database, now).await?;
    overview.certificates = counts.certificates;
    overview.never_issued = counts.never_issued;
    let mut statuses = overview.certificates.iter().map(StatusCount::status);
    if statuses.any(|status| WANT_SOMEBODY.contains(&status)) {
        overview.urgent = urgent(database, now).await?;
    }
    let kept = tallies::read(database).await?;
    overview.pending_requests = number(kept.of(What::PendingRequests));
    overview.alerts = count(
        alert::Entity::find()
            .filter(alert::Column::Up.eq(true))
            .filter(alert::Column::Kind.ne(i32::from(MessageKind::RenewalFailed)))
            .count(database)
            .await?,
    );
    Ok(overview)
}

/// Certificates that have all of this in common.
#[derive(Debug)]
struct Group {
    status: i32,
    renewal: i32,
    day: i64,
    recent: i32,
    count: u32,
}

impl Group {
    fn class(&self) -> Class {
        let status = CertificateStatus::try_from(self.status).unwrap_or_default();
        ends::class(status, self.renewal.into())
    }
}

async fn groups(database: &impl ConnectionTrait, now: i64) -> Result<Vec<Group>, DbErr> {
    let renewed = Column::Version
        .gt(1)
        .and(Column::Updated.gte(now.saturating_sub(RENEWED_WITHIN)));
    let recent = Expr::case(
        renewed
            .clone()
            .and(Column::Source.eq(i32::from(Source::Acme))),
        BY_AUTOMATION,
    )
    .case(renewed, BY_HAND)
    .finally(0);
    let rows = Entity::find()
        .select_only()
        .expr_as(certificates::STANDING.status(now), "status")
        .column(Column::Renewal)
        .expr_as(ends::day(Column::NotAfter, now), "day")
        .expr_as(recent, "recent")
        .expr_as(Column::NotAfter.count(), "rows")
        .filter(Column::Own.ne(false))
        .filter(Column::Deleted.ne(true))
        .group_by(Expr::col("status"))
        .group_by(Column::Renewal)
        .group_by(Expr::col("day"))
        .group_by(Expr::col("recent"))
        .into_tuple::<(i32, i32, i64, i32, i64)>()
        .all(database)
        .await?;
    let rows = rows.into_iter();
    Ok(rows
        .map(|(status, renewal, day, recent, rows)| Group {
            status,
            renewal,
            day,
            recent,
            count: u32::try_from(rows).unwrap_or(u32::MAX),
        })
        .collect())
}

/// Those that want somebody, the soonest end first.
async fn urgent(
    database: &impl ConnectionTrait,
    now: i64,
) -> Result<Vec<answer::Certificate>, Refusal> {
    let status = certificates::STANDING.status(now);
    let wanted = WANT_SOMEBODY.map(i32::from);
    // Not by the index of ends: those that look after themselves would all be passed.
    let ids = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::CalmUntil.lte(now))
        .filter(Column::Own.ne(false))
        .filter(Column::Deleted.ne(true))
        .filter(status.is_in(wanted))
        .order_by_asc(Column::NotAfter.into_expr().add(0))
        .order_by_asc(Column::Id)
        .limit(MOST_URGENT)
        .into_tuple::<String>()
        .all(database)
        .await?;
    let rows = Entity::find()
        .filter(Column::Id.is_in(ids))
        .order_by_asc(Column::NotAfter)
        .order_by_asc(Column::Id)
        .all(database)
        .await?;
    certificates::answered(database, rows, now).await
}

fn number(rows: i64) -> u32 {
    u32::try_from(rows).unwrap_or_default()
}

fn count(rows: u64) -> u32 {
    u32::try_from(rows).unwrap_or(u32::MAX)
}

const WANT_SOMEBODY: [CertificateStatus; 3] = [
    CertificateStatus::Expired,
    CertificateStatus::Error,
    CertificateStatus::Expiring,
];

/// So many are shown one by one; of more, how many end on which day.
const ONE_BY_ONE: u32 = 150;
const MOST_URGENT: u64 = 20;

const RENEWED_WITHIN: i64 = 90 * ends::DAY;
const BY_HAND: i32 = 1;
const BY_AUTOMATION: i32 = 2;
