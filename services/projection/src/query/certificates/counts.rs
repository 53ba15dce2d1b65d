//! How many certificates there are of each status. Those that are valid are not looked at: they are what is left of
//! all when those are taken away that want somebody, which an index holds.

use api::projection::v1::{self as answer, CertificateStatus};
use runtime::database::begin_read;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter, QuerySelect,
    Select,
    sea_query::{Asterisk, Expr, ExprTrait},
};

use super::STANDING;
use crate::{
    query::{condition, tallies},
    tables::{
        automation,
        certificate::{Column, Entity},
        instant::NEVER,
        tally::What,
    },
};

/// All counts at this moment (microseconds since 1970); the position is the caller's to add.
///
/// # Errors
/// What the database says.
pub async fn counts(
    database: &DatabaseConnection,
    now: i64,
) -> Result<answer::CountCertificatesResponse, DbErr> {
    // One moment of the tables.
    let tx = begin_read(database).await?;
    let kept = tallies::read(&tx).await?;
    let all = kept.of(What::Certificates);
    let deleted = kept.of(What::DeletedCertificates);
    let links = kept.of(What::Links);
    let own = || {
        let listed = Entity::find().filter(Column::Deleted.ne(true));
        listed.filter(Column::Own.ne(false))
    };
    let wanting = own().filter(Column::CalmUntil.lte(now));
    let mut statuses = by_status(&tx, wanting, STANDING.status(now)).await?;
    // Few begin later, and nearly all are calm: they are found by the first alone.
    let begins_later = own()
        .filter(Column::NotBefore.gt(now))
        .filter(condition::of_no_index(Column::CalmUntil.gt(now)));
    let begins_later = count(&tx, begins_later).await?;
    let never_issued = automation::Entity::find()
        .filter(automation::Column::NotAfter.eq(NEVER))
        .filter(automation::Column::Cancelled.ne(true));
    let automations = super::automations::STANDING.status(now);
    let never_issued = by_status(&tx, never_issued, automations).await?;
    tx.commit().await?;

    let others = statuses.iter().map(|(_, count)| count).sum::<i64>() + begins_later;
    statuses.push((CertificateStatus::NotYetValid.into(), begins_later));
    statuses.push((
        CertificateStatus::Valid.into(),
        all - deleted - links - others,
    ));
    Ok(answer::CountCertificatesResponse {
        certificates: statuses.into_iter().filter_map(told).collect(),
        never_issued: never_issued.into_iter().filter_map(told).collect(),
        links: number(links),
        deleted: number(deleted),
        position: 0,
    })
}

async fn count<E: EntityTrait>(
    database: &impl ConnectionTrait,
    rows: Select<E>,
) -> Result<i64, DbErr> {
    let counted = rows.select_only().expr(Expr::col(Asterisk).count());
    let counted = counted.into_tuple::<i64>().one(database).await?;
    Ok(counted.unwrap_or_default())
}

async fn by_status<E: EntityTrait>(
    database: &impl ConnectionTrait,
    rows: Select<E>,
    status: Expr,
) -> Result<Vec<(i32, i64)>, DbErr> {
    let counted = rows
        .select_only()
        .expr_as(status, STATUS)
        .expr(Expr::col(Asterisk).count())
        .group_by(Expr::col(STATUS));
    counted.into_tuple::<(i32, i64)>().all(database).await
}

fn told((status, count): (i32, i64)) -> Option<answer::StatusCount> {
    let count = number(count);
    (count > 0).then_some(answer::StatusCount { status, count })
}

fn number(count: i64) -> u32 {
    u32::try_from(count).unwrap_or_default()
}

const STATUS: &str = "counted_status";
