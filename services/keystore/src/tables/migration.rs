//! The tables as the first version made them.

use sea_orm_migration::{prelude::*, schema::*};

pub struct Tables;

impl MigrationName for Tables {
    fn name(&self) -> &str {
        "m20260101_000001_keystore"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Tables {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [
            sealed_key(),
            claim(),
            kek_check(),
            sealed_secret(),
            served(),
        ] {
            manager.create_table(table).await?;
        }
        let by_holder = Index::create()
            .name("claim_holder")
            .table("claim")
            .col("holder")
            .to_owned();
        manager.create_index(by_holder).await?;
        let by_position = Index::create()
            .name("served_position")
            .table("served")
            .col("position")
            .to_owned();
        manager.create_index(by_position).await
    }
}

fn sealed_key() -> TableCreateStatement {
    Table::create()
        .table("sealed_key")
        .col(uuid("id").primary_key())
        .col(string_len("algorithm", 16))
        .col(binary("spki_der"))
        .col(binary("sealed"))
        .col(big_integer("touched_at"))
        .col(boolean("recorded"))
        .to_owned()
}

fn claim() -> TableCreateStatement {
    Table::create()
        .table("claim")
        .col(string_len("kind", 16))
        .col(string_len("value", 200))
        .col(uuid("holder"))
        .col(big_integer("touched_at"))
        .col(boolean("recorded"))
        .primary_key(Index::create().col("kind").col("value"))
        .to_owned()
}

fn kek_check() -> TableCreateStatement {
    Table::create()
        .table("kek_check")
        .col(integer("id").primary_key())
        .col(string_len("kek_id", 16))
        .col(binary("sealed"))
        .to_owned()
}

fn sealed_secret() -> TableCreateStatement {
    Table::create()
        .table("sealed_secret")
        .col(string_len("owner", 63))
        .col(string_len("name", 200))
        .col(binary("sealed"))
        .col(big_integer("sealed_at"))
        .primary_key(Index::create().col("owner").col("name"))
        .to_owned()
}

fn served() -> TableCreateStatement {
    Table::create()
        .table("served")
        .col(uuid("certificate_id").primary_key())
        .col(big_integer("version"))
        .col(uuid("key_id"))
        .col(binary("credential"))
        .col(boolean("factory"))
        .col(big_integer("not_after"))
        .col(big_integer("position"))
        .to_owned()
}
