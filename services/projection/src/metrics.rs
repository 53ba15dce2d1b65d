//! When each certificate expires, read from the table at each look: a series comes and goes with its certificate,
//! and none is kept in memory.

use api::projection::v1::Source;
use runtime::metrics::{Collect, CollectError, Metric, Page};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use crate::tables::certificate::{Column, Entity};

/// All that this service has of its own.
pub const METRICS: &[Metric] = &[NOT_AFTER];

/// The certificates that are here.
pub struct Certificates(pub DatabaseConnection);

#[async_trait::async_trait]
impl Collect for Certificates {
    async fn write(&self, page: &mut Page) -> Result<(), CollectError> {
        page.begin(&NOT_AFTER);
        let mut last = String::new();
        loop {
            // No statement stays open while the reader reads.
            let rows = after(&self.0, &last).await?;
            for Row {
                id,
                name,
                source,
                not_after,
            } in &rows
            {
                let expires = (*not_after / MICROSECONDS) as f64;
                page.sample(&NOT_AFTER, &[id, name, word(*source)], expires)
                    .await?;
            }
            match rows.into_iter().next_back() {
                Some(row) => last = row.id,
                None => return Ok(()),
            }
        }
    }
}

/// What is shown of a certificate.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    id: String,
    name: String,
    source: i32,
    not_after: i64,
}

/// The next certificates by id, of those that are not deleted.
async fn after(db: &impl ConnectionTrait, id: &str) -> Result<Vec<Row>, DbErr> {
    let rows = Entity::find()
        .select_only()
        .columns([
            Column::Id,
            Column::FriendlyName,
            Column::Source,
            Column::NotAfter,
        ])
        .filter(Column::Deleted.eq(false))
        .filter(Column::Id.gt(id))
        .order_by_asc(Column::Id)
        .limit(AT_A_TIME)
        .into_tuple::<(String, String, i32, i64)>()
        .all(db)
        .await?;
    let rows = rows.into_iter().map(|(id, name, source, not_after)| Row {
        id,
        name,
        source,
        not_after,
    });
    Ok(rows.collect())
}

/// A source as the command line writes it.
fn word(source: i32) -> &'static str {
    match Source::try_from(source) {
        Ok(Source::Acme) => "acme",
        Ok(Source::SelfSigned) => "self-signed",
        Ok(Source::Factory) => "factory",
        Ok(Source::Imported) => "imported",
        Ok(Source::Unspecified) | Err(_) => "unknown",
    }
}

const AT_A_TIME: u64 = 1_000;

const MICROSECONDS: i64 = 1_000_000;

const NOT_AFTER: Metric = Metric::gauge(
    "chancery_certificate_not_after_seconds",
    &["certificate_id", "name", "source"],
    "When a certificate expires, in seconds since 1970. One that is deleted has no series any more.",
);
