//! The events that are owed to requests: rows from the event that causes one until it is appended.

use api::csr::v1::RequestFulfilled;
use eventlog::Origin;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Set, sea_query::OnConflict,
};
use sea_orm_migration::prelude::*;
use uuid::Uuid;

/// A certificate that was imported for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// The certificate's `imported`.
    pub cause: Uuid,
    /// The correlation id of that event.
    pub correlation: Uuid,
    /// The request that it answers.
    pub request: Uuid,
    /// The certificate.
    pub certificate: String,
    /// Its fingerprint.
    pub fingerprint: String,
    /// Where the log has the cause.
    pub position: u64,
}

impl Owed {
    /// What the event brings: the same cause is always the same request.
    pub fn origin(&self) -> Origin {
        Origin::reaction("service/csr-service", self.cause, self.correlation)
    }

    /// What the event says.
    pub fn fulfilled(&self) -> RequestFulfilled {
        RequestFulfilled {
            certificate_id: self.certificate.clone(),
            sha256_fingerprint: self.fingerprint.clone(),
        }
    }
}

/// Writes what is owed; once for each cause.
///
/// # Errors
/// What the database says.
pub async fn write(db: &impl ConnectionTrait, owed: Owed) -> Result<(), DbErr> {
    let row = entity::ActiveModel {
        cause: Set(owed.cause),
        correlation: Set(owed.correlation),
        request: Set(owed.request),
        certificate: Set(owed.certificate),
        fingerprint: Set(owed.fingerprint),
        position: Set(number(owed.position)),
        asleep: Set(false),
    };
    let once = OnConflict::column(entity::Column::Cause)
        .do_nothing()
        .to_owned();
    entity::Entity::insert(row)
        .on_conflict(once)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// What is owed and not asleep past this position, the oldest first.
///
/// # Errors
/// What the database says.
pub async fn past(db: &impl ConnectionTrait, position: u64) -> Result<Vec<Owed>, DbErr> {
    let rows = entity::Entity::find()
        .filter(entity::Column::Asleep.eq(false))
        .filter(entity::Column::Position.gt(number(position)))
        .order_by_asc(entity::Column::Position)
        .limit(AT_A_TIME)
        .all(db)
        .await?;
    let owed = rows.into_iter().map(|row| Owed {
        cause: row.cause,
        correlation: row.correlation,
        request: row.request,
        certificate: row.certificate,
        fingerprint: row.fingerprint,
        position: row.position.cast_unsigned(),
    });
    Ok(owed.collect())
}

/// How much is owed and not asleep.
///
/// # Errors
/// What the database says.
pub async fn count(db: &impl ConnectionTrait) -> Result<u64, DbErr> {
    let awake = entity::Entity::find().filter(entity::Column::Asleep.eq(false));
    awake.count(db).await
}

/// Lays this aside until its request is made.
///
/// # Errors
/// What the database says.
pub async fn lay_aside(db: &impl ConnectionTrait, owed: &Owed) -> Result<(), DbErr> {
    set_asleep(db, entity::Column::Cause.eq(owed.cause), true).await
}

/// Takes up again what was laid aside for this request.
///
/// # Errors
/// What the database says.
pub async fn wake(db: &impl ConnectionTrait, request: Uuid) -> Result<(), DbErr> {
    set_asleep(db, entity::Column::Request.eq(request), false).await
}

/// Strikes off what was done, or needs no doing.
///
/// # Errors
/// What the database says.
pub async fn strike(db: &impl ConnectionTrait, owed: &Owed) -> Result<(), DbErr> {
    entity::Entity::delete_by_id(owed.cause).exec(db).await?;
    Ok(())
}

async fn set_asleep(
    db: &impl ConnectionTrait,
    which: impl sea_orm::sea_query::IntoCondition,
    asleep: bool,
) -> Result<(), DbErr> {
    entity::Entity::update_many()
        .col_expr(entity::Column::Asleep, Expr::value(asleep))
        .filter(which)
        .exec(db)
        .await?;
    Ok(())
}

/// Sequences are far from the largest i64.
fn number(position: u64) -> i64 {
    position.try_into().unwrap_or(i64::MAX)
}

const AT_A_TIME: u64 = 100;

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "owed_fulfilment")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub cause: Uuid,
        pub correlation: Uuid,
        pub request: Uuid,
        pub certificate: String,
        pub fingerprint: String,
        pub position: i64,
        pub asleep: bool,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `owed_fulfilment`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260101_000002_owed_fulfilment"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{big_integer, boolean, string, string_len, uuid};
        let table = Table::create()
            .table("owed_fulfilment")
            .col(uuid("cause").primary_key())
            .col(uuid("correlation"))
            .col(uuid("request"))
            .col(string("certificate"))
            .col(string_len("fingerprint", 64))
            .col(big_integer("position"))
            .col(boolean("asleep"))
            .to_owned();
        manager.create_table(table).await?;
        let by_request = Index::create()
            .name("owed_fulfilment_request")
            .table("owed_fulfilment")
            .col("request")
            .to_owned();
        manager.create_index(by_request).await
    }
}
