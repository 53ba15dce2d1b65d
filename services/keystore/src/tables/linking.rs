//! The tables that requests, import, export, the default and deletions brought.
//!
//! What follows the log is made anew from the log's first event.

use pki::fingerprint::sha256_hex;
use sea_orm::ConnectionTrait;
use sea_orm_migration::{prelude::*, schema::*};

pub struct Tables;

impl MigrationName for Tables {
    fn name(&self) -> &str {
        "m20261125_000002_linking"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Tables {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let previous_holder = Table::alter()
            .table("claim")
            .add_column(uuid_null("previous_holder"))
            .to_owned();
        manager.alter_table(previous_holder).await?;
        let spki_sha256 = Table::alter()
            .table("sealed_key")
            .add_column(string_len("spki_sha256", 64).default(""))
            .to_owned();
        manager.alter_table(spki_sha256).await?;
        fill_in_hashes(manager).await?;

        let served = Table::drop().table("served").to_owned();
        manager.drop_table(served).await?;
        for table in [
            key_use(),
            reservation(),
            authority(),
            looked_for(),
            unlinked(),
            served_anew(),
        ] {
            manager.create_table(table).await?;
        }
        for (name, table, column) in [
            ("sealed_key_spki", "sealed_key", "spki_sha256"),
            ("key_use_holder", "key_use", "holder"),
            ("reservation_spki", "reservation", "spki_sha256"),
            ("authority_subject", "authority", "subject_sha256"),
            ("looked_for_certificate", "looked_for", "certificate_id"),
            ("unlinked_position", "unlinked", "position"),
            ("served_position", "served", "position"),
            ("served_spki", "served", "spki_sha256"),
            ("served_key", "served", "key_id"),
        ] {
            let index = Index::create()
                .name(name)
                .table(table)
                .col(column)
                .to_owned();
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

/// A database cannot hash: rows of an earlier version are read and written once.
async fn fill_in_hashes(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    let read = Query::select()
        .columns(["id", "spki_der"])
        .from("sealed_key")
        .to_owned();
    for row in db.query_all(&read).await? {
        let id = row.try_get::<uuid::Uuid>("", "id")?;
        let spki = row.try_get::<Vec<u8>>("", "spki_der")?;
        let write = Query::update()
            .table("sealed_key")
            .value("spki_sha256", sha256_hex(&spki))
            .and_where(Expr::col("id").eq(id))
            .to_owned();
        db.execute(&write).await?;
    }
    Ok(())
}

fn key_use() -> TableCreateStatement {
    Table::create()
        .table("key_use")
        .col(string_len("spki_sha256", 64))
        .col(uuid("holder"))
        .col(string_len("user", 16))
        .col(big_integer("touched_at"))
        .col(boolean("recorded"))
        .primary_key(Index::create().col("spki_sha256").col("holder"))
        .to_owned()
}

fn reservation() -> TableCreateStatement {
    Table::create()
        .table("reservation")
        .col(uuid("request_id").primary_key())
        .col(uuid("key_id"))
        .col(string_len("spki_sha256", 64))
        .col(binary("names"))
        .col(big_integer("reserved_at"))
        .col(big_integer("touched_at"))
        .col(boolean("recorded"))
        .to_owned()
}

fn authority() -> TableCreateStatement {
    Table::create()
        .table("authority")
        .col(string_len("sha256_fingerprint", 64).primary_key())
        .col(string_len("subject_sha256", 64))
        .col(binary("der"))
        .col(boolean("embedded"))
        .col(boolean("imported"))
        .to_owned()
}

fn looked_for() -> TableCreateStatement {
    Table::create()
        .table("looked_for")
        .col(string_len("subject_sha256", 64))
        .col(uuid("certificate_id"))
        .primary_key(Index::create().col("subject_sha256").col("certificate_id"))
        .to_owned()
}

fn unlinked() -> TableCreateStatement {
    Table::create()
        .table("unlinked")
        .col(uuid("certificate_id").primary_key())
        .col(uuid("cause"))
        .col(uuid("correlation"))
        .col(big_integer("position"))
        .to_owned()
}

fn served_anew() -> TableCreateStatement {
    Table::create()
        .table("served")
        .col(uuid("certificate_id").primary_key())
        .col(big_integer("version"))
        .col(string_len("spki_sha256", 64))
        .col(uuid_null("key_id"))
        .col(binary("credential"))
        .col(boolean("factory"))
        .col(boolean("fallback"))
        .col(boolean("deleted"))
        .col(big_integer("not_after"))
        .col(big_integer("position"))
        .to_owned()
}
