//! The key identifiers of CAs' certificates, by which one of many with the same subject is found.

use pki::{Certificate, fingerprint::sha256_hex};
use sea_orm::ConnectionTrait;
use sea_orm_migration::{prelude::*, schema::*};

pub struct Column;

impl MigrationName for Column {
    fn name(&self) -> &str {
        "m20261125_000003_key_ids"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Column {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = Table::alter()
            .table("authority")
            .add_column(string_len_null("key_id_sha256", 64))
            .to_owned();
        manager.alter_table(column).await?;
        fill_in(manager).await?;
        let index = Index::create()
            .name("authority_key_id")
            .table("authority")
            .col("key_id_sha256")
            .to_owned();
        manager.create_index(index).await
    }
}

/// A database cannot read certificates: rows of an earlier version are read and written once.
async fn fill_in(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    let read = Query::select()
        .columns(["sha256_fingerprint", "der"])
        .from("authority")
        .to_owned();
    for row in db.query_all(&read).await? {
        let fingerprint = row.try_get::<String>("", "sha256_fingerprint")?;
        let der = row.try_get::<Vec<u8>>("", "der")?;
        // It was read when it came.
        let Ok(certificate) = Certificate::parse(&der) else {
            continue;
        };
        let write = Query::update()
            .table("authority")
            .value(
                "key_id_sha256",
                certificate.subject_key_id().map(sha256_hex),
            )
            .and_where(Expr::col("sha256_fingerprint").eq(fingerprint))
            .to_owned();
        db.execute(&write).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use sea_orm::{Database, EntityTrait};

    use super::*;
    use crate::{
        samples,
        tables::{self, authority},
    };

    struct Migrations;

    impl MigratorTrait for Migrations {
        fn migrations() -> Vec<Box<dyn MigrationTrait>> {
            tables::migrations()
        }
    }

    #[tokio::test]
    async fn what_an_earlier_version_knew_is_found_by_its_key_too() {
        let database = Database::connect("sqlite::memory:").await.unwrap();
        Migrations::up(&database, Some(4)).await.unwrap();
        let issuer = &samples::second_chain().issuers[0];
        let insert = Query::insert()
            .into_table("authority")
            .columns([
                "sha256_fingerprint",
                "subject_sha256",
                "der",
                "embedded",
                "imported",
            ])
            .values_panic([
                issuer.sha256_fingerprint.clone().into(),
                "".into(),
                issuer.der.clone().into(),
                false.into(),
                true.into(),
            ])
            .to_owned();
        database.execute(&insert).await.unwrap();
        Migrations::up(&database, None).await.unwrap();
        let rows = authority::Entity::find().all(&database).await.unwrap();
        let key_id = issuer.subject_key_id().map(sha256_hex);
        assert!(key_id.is_some());
        assert_eq!(rows[0].key_id_sha256, key_id);
    }
}
