//! Which key-encryption key each row is sealed with, so that it can be rotated.

use sea_orm::ConnectionTrait;
use sea_orm_migration::{prelude::*, schema::*};

pub struct Tables;

impl MigrationName for Tables {
    fn name(&self) -> &str {
        "m20261130_000004_keks"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Tables {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let kek = Table::create()
            .table("kek")
            .col(string_len("id", 16).primary_key())
            .col(integer("number").unique_key())
            .col(binary("sealed"))
            .col(big_integer("since"))
            .to_owned();
        manager.create_table(kek).await?;
        let retired = Table::create()
            .table("retired_kek")
            .col(string_len("id", 16).primary_key())
            .col(string_len("successor", 16))
            .col(big_integer("keys"))
            .col(big_integer("secrets"))
            .col(boolean("recorded"))
            .to_owned();
        manager.create_table(retired).await?;
        let db = manager.get_connection();
        // What an earlier version sealed, it sealed with the one key that it knew.
        db.execute_unprepared(
            "INSERT INTO kek (id, number, sealed, since) SELECT kek_id, 1, sealed, 0 FROM kek_check",
        )
        .await?;
        for table in ["sealed_key", "sealed_secret"] {
            // Both databases take this; sea-query writes a reference to a table that is there for one of them alone.
            db.execute_unprepared(&format!(
                "ALTER TABLE {table} ADD COLUMN kek_id varchar(16) REFERENCES kek (id)"
            ))
            .await?;
            db.execute_unprepared(&format!("UPDATE {table} SET kek_id = (SELECT id FROM kek)"))
                .await?;
        }
        let index = Index::create()
            .name("sealed_key_kek")
            .table("sealed_key")
            .col("kek_id")
            .to_owned();
        manager.create_index(index).await?;
        manager
            .drop_table(Table::drop().table("kek_check").to_owned())
            .await
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::{Database, EntityTrait};

    use super::*;
    use crate::tables::{self, kek, sealed_secret};

    struct Migrations;

    impl MigratorTrait for Migrations {
        fn migrations() -> Vec<Box<dyn MigrationTrait>> {
            tables::migrations()
        }
    }

    #[tokio::test]
    async fn what_an_earlier_version_sealed_is_known_to_be_sealed_with_its_one_key() {
        let database = Database::connect("sqlite::memory:").await.unwrap();
        Migrations::up(&database, Some(5)).await.unwrap();
        for row in [
            "INSERT INTO kek_check (id, kek_id, sealed) VALUES (1, '0123456789abcdef', x'01')",
            "INSERT INTO sealed_secret (owner, name, sealed, sealed_at) VALUES ('gateway', 'a', x'02', 3)",
        ] {
            database.execute_unprepared(row).await.unwrap();
        }
        Migrations::up(&database, None).await.unwrap();
        let keks = kek::Entity::find().all(&database).await.unwrap();
        assert_eq!((keks.len(), keks[0].id.as_str()), (1, "0123456789abcdef"));
        assert_eq!((keks[0].number, keks[0].sealed.as_slice()), (1, &[1][..]));
        let secrets = sealed_secret::Entity::find().all(&database).await.unwrap();
        assert_eq!(secrets[0].kek_id.as_ref(), Some(&keks[0].id));
        // It does not go while the row is there.
        let gone = kek::Entity::delete_by_id(&keks[0].id).exec(&database).await;
        gone.unwrap_err();
    }
}
