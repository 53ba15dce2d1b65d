//! When each certificate expires, read from the table at each look: a series comes and goes with its certificate,
//! and none is kept in memory. And what came of reading the log through.

use api::projection::v1::Source;
use runtime::metrics::{Collect, CollectError, Metric, Page};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use crate::{
    scrub::Scrubber,
    served::Served,
    tables::certificate::{Column, Entity},
};

/// All that this service has of its own.
pub const METRICS: &[Metric] = &[NOT_AFTER, FINDINGS, SCRUBBED];

/// The certificates that are here.
pub struct Certificates(pub Served);

#[async_trait::async_trait]
impl Collect for Certificates {
    async fn write(&self, page: &mut Page) -> Result<(), CollectError> {
        page.begin(&NOT_AFTER);
        let mut last = String::new();
        loop {
            // No statement stays open while the reader reads.
            let rows = after(&self.0.database(), &last).await?;
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

/// What came of reading the log through.
pub struct Scrubs(pub Scrubber);

#[async_trait::async_trait]
impl Collect for Scrubs {
    async fn refresh(&self) -> Result<(), CollectError> {
        let last = self.0.last();
        let at = last.as_ref().map_or(0, |last| last.at.unix_timestamp());
        let findings = last.map_or(0, |last| last.found.count());
        ::metrics::gauge!(SCRUBBED.name).set(at as f64);
        ::metrics::gauge!(FINDINGS.name).set(findings as f64);
        Ok(())
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

const FINDINGS: Metric = Metric::gauge(
    "chancery_log_damage_findings",
    &[],
    "What does not fit in the event log, by the last time that it was read through; 0: all is as it was recorded.",
);

const SCRUBBED: Metric = Metric::gauge(
    "chancery_log_scrubbed_seconds",
    &[],
    "When the event log was last read through to its end, in seconds since 1970; 0 where it was not since the start.",
);

#[cfg(test)]
mod tests {
    use sea_orm::{Database, IntoActiveModel, Schema};

    use super::*;
    use crate::tables::{certificate::Model, instant::NEVER};

    fn row(n: i32) -> Model {
        // Every seventh is deleted.
        let deleted_at = if n % 7 == 0 { 1 } else { NEVER };
        let mut row = Model {
            id: format!("{n:05}"),
            number: n.into(),
            friendly_name: format!("shop {n}"),
            friendly_name_folded: String::new(),
            source: Source::Imported.into(),
            version: 1,
            spki_sha256: String::new(),
            key_id: String::new(),
            keyless: true,
            automation_id: String::new(),
            automated: false,
            request_id: String::new(),
            serve: true,
            certificate: Vec::new(),
            issuer_folded: String::new(),
            key_algorithm: 0,
            is_ca: false,
            own: true,
            chain_complete: true,
            missing_issuer: String::new(),
            not_before: 0,
            not_after: i64::from(n) * MICROSECONDS,
            revoked: false,
            due_at: NEVER,
            error_at: NEVER,
            renewal: 0,
            calm_until: NEVER,
            created: 0,
            updated: 0,
            deleted: false,
            deleted_at: NEVER,
        };
        row.deleted_since(deleted_at);
        row
    }

    #[tokio::test]
    async fn each_certificate_that_is_here_is_shown_once_however_many_there_are() {
        let db = Database::connect("sqlite::memory:").await.unwrap();
        let table = Schema::new(db.get_database_backend()).create_table_from_entity(Entity);
        db.execute(&table).await.unwrap();
        let rows = (0..2_500).map(row).collect::<Vec<_>>();
        for some in rows.chunks(500) {
            let some = some.iter().cloned().map(IntoActiveModel::into_active_model);
            Entity::insert_many(some).exec(&db).await.unwrap();
        }
        let mut shown = Vec::new();
        loop {
            let last = shown.last().map_or("", |row: &Row| row.id.as_str());
            let next = after(&db, last).await.unwrap();
            assert!(next.len() as u64 <= AT_A_TIME);
            if next.is_empty() {
                break;
            }
            shown.extend(next);
        }
        let here = rows.iter().filter(|row| !row.deleted);
        let here = here.map(|row| (row.id.as_str(), row.not_after));
        let shown = shown.iter().map(|row| (row.id.as_str(), row.not_after));
        assert!(shown.eq(here));
    }
}
