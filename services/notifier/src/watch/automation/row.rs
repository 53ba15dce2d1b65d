//! Automations in the database.

use sea_orm::{ConnectionTrait, DbErr, EntityTrait, Set, sea_query::OnConflict};
use sea_orm_migration::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::watch::held;

/// An automated certificate, as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Automation {
    /// Its id.
    pub id: Uuid,
    /// What people call it.
    pub name: String,
    /// Whether it renews.
    pub standing: Standing,
    /// The certificate that it has.
    pub version: Option<Version>,
    /// Its orders fail since that certificate came.
    pub failing: Option<Failing>,
}

/// Whether renewals begin by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// They do.
    Active,
    /// Not until they are resumed.
    Paused,
    /// Not any more.
    Cancelled,
}

impl Standing {
    fn text(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Cancelled => "cancelled",
        }
    }

    fn parse(text: &str) -> Self {
        match text {
            "paused" => Self::Paused,
            "cancelled" => Self::Cancelled,
            _ => Self::Active,
        }
    }
}

/// A certificate that it got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// Its `notBefore`.
    pub not_before: OffsetDateTime,
    /// Its `notAfter`.
    pub not_after: OffsetDateTime,
    /// The event that brought it.
    pub cause: Uuid,
}

/// Orders that fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failing {
    /// When the first of them did.
    pub since: OffsetDateTime,
    /// Why the last one did: one sentence.
    pub message: String,
    /// What to do: one sentence.
    pub advice: String,
    /// It is tried again by itself.
    pub retried: bool,
    /// The last failure's event.
    pub cause: Uuid,
}

/// The automation with this id.
///
/// # Errors
/// What the database says.
pub async fn find(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Automation>, DbErr> {
    let row = entity::Entity::find_by_id(id).one(db).await?;
    Ok(row.map(Automation::from))
}

/// Keeps it as it is now.
///
/// # Errors
/// What the database says.
pub async fn keep(db: &impl ConnectionTrait, this: &Automation) -> Result<(), DbErr> {
    use entity::Column as C;
    let as_it_is = OnConflict::column(C::Id)
        .update_columns([
            C::Name,
            C::Standing,
            C::NotBefore,
            C::NotAfter,
            C::VersionCause,
            C::FailingSince,
            C::Message,
            C::Advice,
            C::Retried,
            C::FailureCause,
        ])
        .to_owned();
    entity::Entity::insert(entity::ActiveModel::from(this))
        .on_conflict(as_it_is)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

impl From<entity::Model> for Automation {
    fn from(row: entity::Model) -> Self {
        let version = match (row.not_before, row.not_after, row.version_cause) {
            (Some(not_before), Some(not_after), Some(cause)) => Some(Version {
                not_before,
                not_after,
                cause,
            }),
            _ => None,
        };
        let failing = match (row.failing_since, row.failure_cause) {
            (Some(since), Some(cause)) => Some(Failing {
                since,
                message: row.message,
                advice: row.advice,
                retried: row.retried,
                cause,
            }),
            _ => None,
        };
        Self {
            id: row.id,
            name: row.name,
            standing: Standing::parse(&row.standing),
            version,
            failing,
        }
    }
}

impl From<&Automation> for entity::ActiveModel {
    fn from(this: &Automation) -> Self {
        let (version, failing) = (this.version, this.failing.as_ref());
        Self {
            id: Set(this.id),
            name: Set(held(&this.name)),
            standing: Set(this.standing.text().to_owned()),
            not_before: Set(version.map(|v| v.not_before)),
            not_after: Set(version.map(|v| v.not_after)),
            version_cause: Set(version.map(|v| v.cause)),
            failing_since: Set(failing.map(|f| f.since)),
            message: Set(failing.map(|f| held(&f.message)).unwrap_or_default()),
            advice: Set(failing.map(|f| held(&f.advice)).unwrap_or_default()),
            retried: Set(failing.is_some_and(|f| f.retried)),
            failure_cause: Set(failing.map(|f| f.cause)),
        }
    }
}

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "watched_automation")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub name: String,
        pub standing: String,
        pub not_before: Option<TimeDateTimeWithTimeZone>,
        pub not_after: Option<TimeDateTimeWithTimeZone>,
        pub version_cause: Option<Uuid>,
        pub failing_since: Option<TimeDateTimeWithTimeZone>,
        pub message: String,
        pub advice: String,
        pub retried: bool,
        pub failure_cause: Option<Uuid>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `watched_automation`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260101_000003_watched_automation"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{
            boolean, string, string_len, text, timestamp_with_time_zone_null, uuid, uuid_null,
        };
        let table = Table::create()
            .table("watched_automation")
            .col(uuid("id").primary_key())
            .col(string("name"))
            .col(string_len("standing", 16))
            .col(timestamp_with_time_zone_null("not_before"))
            .col(timestamp_with_time_zone_null("not_after"))
            .col(uuid_null("version_cause"))
            .col(timestamp_with_time_zone_null("failing_since"))
            .col(text("message"))
            .col(text("advice"))
            .col(boolean("retried"))
            .col(uuid_null("failure_cause"))
            .to_owned();
        manager.create_table(table).await
    }
}
