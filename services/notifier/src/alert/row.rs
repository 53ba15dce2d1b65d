//! Alerts in the database, as the log has them: which are up, and which have ended a short while ago.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, Set, sea_query::OnConflict,
};
use sea_orm_migration::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

use super::State;
use crate::{instant::micros, watch::Watched};

/// The state of an alert; the empty one where there is none.
///
/// # Errors
/// What the database says.
pub async fn find(db: &impl ConnectionTrait, id: Uuid) -> Result<State, DbErr> {
    let row = entity::Entity::find_by_id(id).one(db).await?;
    row.map_or_else(|| Ok(State::default()), |row| read(&row))
}

/// The alerts that are up about one subject.
///
/// # Errors
/// What the database says.
pub async fn up_about(
    db: &impl ConnectionTrait,
    kind: Watched,
    subject: Uuid,
) -> Result<Vec<(Uuid, State)>, DbErr> {
    let about = entity::Column::SubjectKind
        .eq(kind.as_str())
        .and(entity::Column::SubjectId.eq(subject.to_string()))
        .and(entity::Column::Cleared.is_null());
    let rows = entity::Entity::find().filter(about).all(db).await?;
    rows.iter().map(|row| Ok((row.id, read(row)?))).collect()
}

/// The alerts that are up, and those that have ended since then.
///
/// # Errors
/// What the database says.
pub async fn told_of(
    db: &impl ConnectionTrait,
    since: OffsetDateTime,
) -> Result<Vec<(Uuid, State)>, DbErr> {
    let open = entity::Column::Cleared
        .is_null()
        .or(entity::Column::Cleared.gt(micros(since)));
    let rows = entity::Entity::find().filter(open).all(db).await?;
    rows.iter().map(|row| Ok((row.id, read(row)?))).collect()
}

/// Keeps an alert as it is now.
///
/// # Errors
/// What the database says.
pub async fn keep(db: &impl ConnectionTrait, id: Uuid, state: &State) -> Result<(), DbErr> {
    use entity::Column as C;
    let subject = state.raised.as_ref().and_then(|r| r.what.subject.clone());
    let subject = subject.unwrap_or_default();
    let state_json = serde_json::to_string(state).map_err(unreadable)?;
    let row = entity::ActiveModel {
        id: Set(id),
        subject_kind: Set(subject.kind),
        subject_id: Set(subject.id),
        cleared: Set(state.cleared.as_ref().map(|cleared| micros(cleared.at))),
        state: Set(state_json),
    };
    let as_it_is = OnConflict::column(C::Id)
        .update_columns([C::SubjectKind, C::SubjectId, C::Cleared, C::State])
        .to_owned();
    entity::Entity::insert(row)
        .on_conflict(as_it_is)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

fn read(row: &entity::Model) -> Result<State, DbErr> {
    serde_json::from_str(&row.state).map_err(unreadable)
}

fn unreadable(error: serde_json::Error) -> DbErr {
    DbErr::Json(error.to_string())
}

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "alert")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub subject_kind: String,
        pub subject_id: String,
        /// Nothing while it is up.
        pub cleared: Option<i64>,
        /// JSON.
        pub state: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `alert`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260101_000007_alert"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{big_integer_null, string_len, text, uuid};
        let table = Table::create()
            .table("alert")
            .col(uuid("id").primary_key())
            .col(string_len("subject_kind", 16))
            .col(string_len("subject_id", 100))
            .col(big_integer_null("cleared"))
            .col(text("state"))
            .to_owned();
        manager.create_table(table).await?;
        let by_subject = Index::create()
            .name("alert_subject")
            .table("alert")
            .col("subject_kind")
            .col("subject_id")
            .to_owned();
        manager.create_index(by_subject).await?;
        let by_end = Index::create()
            .name("alert_cleared")
            .table("alert")
            .col("cleared")
            .to_owned();
        manager.create_index(by_end).await
    }
}
