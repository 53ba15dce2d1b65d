//! Certificates in the database, with their names beside them: whoever looks for the successor of one
//! looks among those that share a name with it.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, Set, sea_query::OnConflict,
};
use sea_orm_migration::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::watch::{held, indexed};

/// A certificate, as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Its id.
    pub id: Uuid,
    /// What people call it.
    pub name: String,
    /// The names that it is good for.
    pub names: Vec<String>,
    /// The newest version.
    pub version: u32,
    /// That version's `notBefore`.
    pub not_before: OffsetDateTime,
    /// That version's `notAfter`.
    pub not_after: OffsetDateTime,
    /// The automation that manages it.
    pub automation: Option<Uuid>,
    /// The hash of its public key.
    pub spki_sha256: String,
    /// It may issue others.
    pub is_ca: bool,
    /// It was signed with its own key.
    pub self_signed: bool,
    /// It was made at the first start.
    pub factory: bool,
    /// That version was revoked.
    pub revoked: bool,
    /// It was deleted.
    pub deleted: bool,
    /// The event that brought this version.
    pub cause: Uuid,
}

/// The certificate with this id.
///
/// # Errors
/// What the database says.
pub async fn find(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Certificate>, DbErr> {
    let row = entity::Entity::find_by_id(id).one(db).await?;
    Ok(row.map(Certificate::from))
}

/// Those that share a name, or a wildcard above a name, with this one; itself among them.
///
/// # Errors
/// What the database says.
pub async fn with_names_of(
    db: &impl ConnectionTrait,
    certificate: &Certificate,
) -> Result<Vec<Certificate>, DbErr> {
    let wildcards = certificate.names.iter().filter_map(|name| {
        let (_, parent) = name.split_once('.')?;
        Some(format!("*.{parent}"))
    });
    let names = certificate.names.iter().cloned().chain(wildcards);
    let names = names.map(|name| indexed(&name));
    let sharing = name::Entity::find()
        .filter(name::Column::Name.is_in(names))
        .all(db)
        .await?;
    let ids = sharing.into_iter().map(|row| row.certificate);
    let rows = entity::Entity::find()
        .filter(entity::Column::Id.is_in(ids))
        .all(db)
        .await?;
    Ok(rows.into_iter().map(Certificate::from).collect())
}

/// Those below a wildcard of this one: what it may take the place of beside those of its own names.
///
/// # Errors
/// What the database says.
pub async fn below_wildcards_of(
    db: &impl ConnectionTrait,
    certificate: &Certificate,
) -> Result<Vec<Uuid>, DbErr> {
    let mut ids = Vec::new();
    for wildcard in &certificate.names {
        // What no name of a host has may mean something else in a pattern, or nothing.
        let parent = wildcard.strip_prefix('*');
        let Some(parent) = parent.filter(|parent| !parent.contains(['\\', '\0'])) else {
            continue;
        };
        let below = name::Entity::find()
            .filter(name::Column::Name.ends_with(parent))
            .all(db)
            .await?;
        ids.extend(below.into_iter().map(|row| row.certificate));
    }
    Ok(ids)
}

/// Those that this automation manages.
///
/// # Errors
/// What the database says.
pub async fn of_automation(db: &impl ConnectionTrait, id: Uuid) -> Result<Vec<Uuid>, DbErr> {
    let rows = entity::Entity::find()
        .filter(entity::Column::Automation.eq(id))
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Those with this public key.
///
/// # Errors
/// What the database says.
pub async fn of_key(db: &impl ConnectionTrait, spki_sha256: &str) -> Result<Vec<Uuid>, DbErr> {
    let rows = entity::Entity::find()
        .filter(entity::Column::SpkiSha256.eq(spki_sha256))
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Keeps it as it is now.
///
/// # Errors
/// What the database says.
pub async fn keep(db: &impl ConnectionTrait, this: &Certificate) -> Result<(), DbErr> {
    name::Entity::delete_many()
        .filter(name::Column::Certificate.eq(this.id))
        .exec(db)
        .await?;
    let names = this.names.iter().map(|text| name::ActiveModel {
        certificate: Set(this.id),
        name: Set(indexed(text)),
    });
    let names = names.collect::<Vec<_>>();
    if !names.is_empty() {
        // A certificate may list a name twice.
        name::Entity::insert_many(names)
            .on_conflict(
                OnConflict::columns([name::Column::Certificate, name::Column::Name])
                    .do_nothing()
                    .to_owned(),
            )
            .exec_without_returning(db)
            .await?;
    }
    entity::Entity::insert(entity::ActiveModel::from(this))
        .on_conflict(
            OnConflict::column(entity::Column::Id)
                .update_columns([
                    entity::Column::Name,
                    entity::Column::Names,
                    entity::Column::Version,
                    entity::Column::NotBefore,
                    entity::Column::NotAfter,
                    entity::Column::Automation,
                    entity::Column::SpkiSha256,
                    entity::Column::IsCa,
                    entity::Column::SelfSigned,
                    entity::Column::Factory,
                    entity::Column::Revoked,
                    entity::Column::Deleted,
                    entity::Column::Cause,
                ])
                .to_owned(),
        )
        .exec_without_returning(db)
        .await?;
    Ok(())
}

impl From<entity::Model> for Certificate {
    fn from(row: entity::Model) -> Self {
        Self {
            id: row.id,
            name: row.name,
            names: row.names.lines().map(str::to_owned).collect(),
            version: row.version.try_into().unwrap_or_default(),
            not_before: row.not_before,
            not_after: row.not_after,
            automation: row.automation,
            spki_sha256: row.spki_sha256,
            is_ca: row.is_ca,
            self_signed: row.self_signed,
            factory: row.factory,
            revoked: row.revoked,
            deleted: row.deleted,
            cause: row.cause,
        }
    }
}

impl From<&Certificate> for entity::ActiveModel {
    fn from(this: &Certificate) -> Self {
        Self {
            id: Set(this.id),
            name: Set(held(&this.name)),
            names: Set(held(&this.names.join("\n"))),
            version: Set(this.version.into()),
            not_before: Set(this.not_before),
            not_after: Set(this.not_after),
            automation: Set(this.automation),
            spki_sha256: Set(this.spki_sha256.clone()),
            is_ca: Set(this.is_ca),
            self_signed: Set(this.self_signed),
            factory: Set(this.factory),
            revoked: Set(this.revoked),
            deleted: Set(this.deleted),
            cause: Set(this.cause),
        }
    }
}

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "watched_certificate")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub name: String,
        /// One a line.
        pub names: String,
        pub version: i64,
        pub not_before: TimeDateTimeWithTimeZone,
        pub not_after: TimeDateTimeWithTimeZone,
        pub automation: Option<Uuid>,
        pub spki_sha256: String,
        pub is_ca: bool,
        pub self_signed: bool,
        pub factory: bool,
        pub revoked: bool,
        pub deleted: bool,
        pub cause: Uuid,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod name {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "watched_certificate_name")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub certificate: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The tables `watched_certificate` and `watched_certificate_name`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260101_000001_watched_certificate"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{
            big_integer, boolean, string, string_len, text, timestamp_with_time_zone, uuid,
            uuid_null,
        };
        let certificates = Table::create()
            .table("watched_certificate")
            .col(uuid("id").primary_key())
            .col(string("name"))
            .col(text("names"))
            .col(big_integer("version"))
            .col(timestamp_with_time_zone("not_before"))
            .col(timestamp_with_time_zone("not_after"))
            .col(uuid_null("automation"))
            .col(string_len("spki_sha256", 64))
            .col(boolean("is_ca"))
            .col(boolean("self_signed"))
            .col(boolean("factory"))
            .col(boolean("revoked"))
            .col(boolean("deleted"))
            .col(uuid("cause"))
            .to_owned();
        manager.create_table(certificates).await?;
        let names = Table::create()
            .table("watched_certificate_name")
            .col(uuid("certificate"))
            .col(string("name"))
            .primary_key(Index::create().col("certificate").col("name"))
            .to_owned();
        manager.create_table(names).await?;
        for (index, table, column) in [
            (
                "watched_certificate_automation",
                "watched_certificate",
                "automation",
            ),
            (
                "watched_certificate_key",
                "watched_certificate",
                "spki_sha256",
            ),
            (
                "watched_certificate_by_name",
                "watched_certificate_name",
                "name",
            ),
        ] {
            let index = Index::create()
                .name(index)
                .table(table)
                .col(column)
                .to_owned();
            manager.create_index(index).await?;
        }
        Ok(())
    }
}
