//! Links for people who have no password: the hash of each one's code, and whose it is.
//!
//! A link opens once the log has the event that it belongs to (`confirmed`). It goes with the event that uses it;
//! while one uses it, it is his for a minute, so that two who press the button at once do not both.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    sea_query::OnConflict,
};
use sea_orm_migration::prelude::*;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    code::CodeDigest,
    instant::{self, micros},
};

/// A link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Who made it.
    pub actor: String,
    /// With which request.
    pub request_id: String,
    /// For whom.
    pub user: Uuid,
    /// Until when it opens.
    pub expires: OffsetDateTime,
    /// It was made on the machine: what it stands for is said to the log when it is used.
    pub by_machine: bool,
}

/// Keeps a link, in place of the one that an earlier try of the same command made.
///
/// # Errors
/// What the database says.
pub async fn keep(
    db: &impl ConnectionTrait,
    code: CodeDigest,
    invitation: &Invitation,
) -> Result<(), DbErr> {
    let row = entity::ActiveModel {
        actor: Set(invitation.actor.clone()),
        request_id: Set(invitation.request_id.clone()),
        code: Set(code.to_vec()),
        user: Set(invitation.user),
        expires: Set(micros(invitation.expires)),
        by_machine: Set(invitation.by_machine),
        confirmed: Set(invitation.by_machine),
        taken_until: Set(0),
    };
    use entity::Column as C;
    let anew = OnConflict::columns([C::Actor, C::RequestId])
        .update_columns([C::Code, C::Expires])
        .to_owned();
    entity::Entity::insert(row)
        .on_conflict(anew)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// The link with this code, where it is confirmed; expired or not.
///
/// # Errors
/// What the database says.
pub async fn find(
    db: &impl ConnectionTrait,
    code: CodeDigest,
) -> Result<Option<Invitation>, DbErr> {
    use entity::Column as C;
    let this = C::Code.eq(code.to_vec()).and(C::Confirmed.eq(true));
    let row = entity::Entity::find().filter(this).one(db).await?;
    Ok(row.map(|row| Invitation {
        actor: row.actor,
        request_id: row.request_id,
        user: row.user,
        expires: instant::time(row.expires),
        by_machine: row.by_machine,
    }))
}

/// Takes a link for a minute. `false`: another has it now, or it is gone.
///
/// # Errors
/// What the database says.
pub async fn take(
    db: &impl ConnectionTrait,
    code: CodeDigest,
    now: OffsetDateTime,
) -> Result<bool, DbErr> {
    use entity::Column as C;
    let done = entity::Entity::update_many()
        .col_expr(C::TakenUntil, Expr::value(micros(now + LEASE)))
        .filter(
            C::Code
                .eq(code.to_vec())
                .and(C::Confirmed.eq(true))
                .and(C::Expires.gt(micros(now)))
                .and(C::TakenUntil.lte(micros(now))),
        )
        .exec(db)
        .await?;
    Ok(done.rows_affected > 0)
}

/// Lets go of a link that was taken and not used.
///
/// # Errors
/// What the database says.
pub async fn let_go(db: &impl ConnectionTrait, code: CodeDigest) -> Result<(), DbErr> {
    use entity::Column as C;
    entity::Entity::update_many()
        .col_expr(C::TakenUntil, Expr::value(0))
        .filter(C::Code.eq(code.to_vec()))
        .exec(db)
        .await?;
    Ok(())
}

/// The log has the event of this link: it opens, and all others of the same person do not any more.
///
/// # Errors
/// What the database says.
pub async fn confirm(
    db: &impl ConnectionTrait,
    user: Uuid,
    actor: &str,
    request_id: &str,
) -> Result<(), DbErr> {
    use entity::Column as C;
    let this = C::Actor.eq(actor).and(C::RequestId.eq(request_id));
    entity::Entity::delete_many()
        .filter(C::User.eq(user).and(this.clone().not()))
        .exec(db)
        .await?;
    entity::Entity::update_many()
        .col_expr(C::Confirmed, Expr::value(true))
        .filter(this)
        .exec(db)
        .await?;
    Ok(())
}

/// Forgets one that no event followed.
///
/// # Errors
/// What the database says.
pub async fn give_up(
    db: &impl ConnectionTrait,
    actor: &str,
    request_id: &str,
) -> Result<(), DbErr> {
    use entity::Column as C;
    let this = C::Actor.eq(actor).and(C::RequestId.eq(request_id));
    entity::Entity::delete_many()
        .filter(this.and(C::Confirmed.eq(false)))
        .exec(db)
        .await?;
    Ok(())
}

/// Forgets those of a person.
///
/// # Errors
/// What the database says.
pub async fn forget(db: &impl ConnectionTrait, user: Uuid) -> Result<(), DbErr> {
    let his = entity::Column::User.eq(user);
    entity::Entity::delete_many().filter(his).exec(db).await?;
    Ok(())
}

/// Forgets those that expired before.
///
/// # Errors
/// What the database says.
pub async fn sweep(db: &impl ConnectionTrait, before: OffsetDateTime) -> Result<(), DbErr> {
    let old = entity::Column::Expires.lt(micros(before));
    entity::Entity::delete_many().filter(old).exec(db).await?;
    Ok(())
}

/// How long who uses a link has it for himself.
const LEASE: Duration = Duration::minutes(1);

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "invitation")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub actor: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub request_id: String,
        /// SHA-256.
        pub code: Vec<u8>,
        pub user: Uuid,
        /// Microseconds.
        pub expires: i64,
        pub by_machine: bool,
        pub confirmed: bool,
        /// Microseconds.
        pub taken_until: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `invitation`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260101_000003_invitation"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{big_integer, binary, boolean, string, uuid};
        let table = Table::create()
            .table("invitation")
            .col(string("actor"))
            .col(string("request_id"))
            .col(binary("code").unique_key())
            .col(uuid("user"))
            .col(big_integer("expires"))
            .col(boolean("by_machine"))
            .col(boolean("confirmed"))
            .col(big_integer("taken_until"))
            .primary_key(Index::create().col("actor").col("request_id"))
            .to_owned();
        manager.create_table(table).await
    }
}
