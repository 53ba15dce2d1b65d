//! People at browsers: the hash of each one's cookie, where and when it was used, and how it is to end.
//!
//! A row whose `ending` is set opens nothing any more; it stays until the log has that it ended.

mod ending;

use api::gateway::v1::SignInMethod;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
};
use sea_orm_migration::prelude::*;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{code::CodeDigest, instant::micros};

pub use self::ending::{Ending, end, end_all_of, owed};
pub use entity::Model as Row;

/// A session that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// Which one.
    pub id: Uuid,
    /// Whose.
    pub user: Uuid,
    /// What its cookie is known by.
    pub secret: CodeDigest,
    /// Of the person, when he showed who he is.
    pub credentials: i64,
    /// How he did.
    pub method: SignInMethod,
    /// When.
    pub at: OffsetDateTime,
    /// When it ends at the latest.
    pub expires: OffsetDateTime,
    /// Where he is.
    pub address: String,
    /// With what.
    pub user_agent: String,
}

/// A session before its event: it opens nothing.
///
/// # Errors
/// What the database says.
pub async fn begin(db: &impl ConnectionTrait, begun: Begun) -> Result<(), DbErr> {
    let at = micros(begun.at);
    let row = entity::ActiveModel {
        id: Set(begun.id),
        user: Set(begun.user),
        secret: Set(begun.secret.to_vec()),
        secret_before: Set(None),
        before_until: Set(0),
        rotated: Set(at),
        credentials: Set(begun.credentials),
        method: Set(begun.method.into()),
        signed_in: Set(at),
        last_used: Set(at),
        shown: Set(at),
        expires: Set(micros(begun.expires)),
        address: Set(begun.address),
        user_agent: Set(begun.user_agent),
        confirmed: Set(false),
        ending: Set(None),
        ending_actor: Set(None),
        ending_correlation: Set(None),
        ending_cause: Set(None),
    };
    entity::Entity::insert(row)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// The log has it: it opens, unless it is gone again.
///
/// # Errors
/// What the database says.
pub async fn confirm(db: &impl ConnectionTrait, id: Uuid) -> Result<(), DbErr> {
    entity::Entity::update_many()
        .col_expr(entity::Column::Confirmed, Expr::value(true))
        .filter(entity::Column::Id.eq(id))
        .exec(db)
        .await?;
    Ok(())
}

/// The session that a cookie with this digest opens now, as far as the row itself says; idle or not.
///
/// # Errors
/// What the database says.
pub async fn opened_by(
    db: &impl ConnectionTrait,
    secret: CodeDigest,
    now: OffsetDateTime,
) -> Result<Option<Row>, DbErr> {
    use entity::Column as C;
    let before = C::SecretBefore
        .eq(secret.to_vec())
        .and(C::BeforeUntil.gt(micros(now)));
    entity::Entity::find()
        .filter(
            Condition::any()
                .add(C::Secret.eq(secret.to_vec()))
                .add(before),
        )
        .filter(C::Confirmed.eq(true).and(C::Ending.is_null()))
        .filter(C::Expires.gt(micros(now)))
        .one(db)
        .await
}

/// One of them, ended or not.
///
/// # Errors
/// What the database says.
pub async fn find(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Row>, DbErr> {
    entity::Entity::find_by_id(id).one(db).await
}

/// All that may still open, of one person or of everybody; the last used first.
///
/// # Errors
/// What the database says.
pub async fn open(
    db: &impl ConnectionTrait,
    user: Option<Uuid>,
    used_after: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<Vec<Row>, DbErr> {
    use entity::Column as C;
    let mut open = entity::Entity::find()
        .filter(C::Confirmed.eq(true).and(C::Ending.is_null()))
        .filter(C::Expires.gt(micros(now)))
        .filter(C::LastUsed.gt(micros(used_after)));
    if let Some(user) = user {
        open = open.filter(C::User.eq(user));
    }
    open.order_by_desc(C::LastUsed)
        .order_by_desc(C::SignedIn)
        .order_by_asc(C::Id)
        .all(db)
        .await
}

/// Gives it another cookie; the one before is good for a minute more. `false`: it has another one already.
///
/// # Errors
/// What the database says.
pub async fn rotate(
    db: &impl ConnectionTrait,
    row: &Row,
    secret: CodeDigest,
    now: OffsetDateTime,
) -> Result<bool, DbErr> {
    use entity::Column as C;
    let done = entity::Entity::update_many()
        .col_expr(C::Secret, Expr::value(secret.to_vec()))
        .col_expr(C::SecretBefore, Expr::value(row.secret.clone()))
        .col_expr(C::BeforeUntil, Expr::value(micros(now + OVERLAP)))
        .col_expr(C::Rotated, Expr::value(micros(now)))
        .filter(C::Id.eq(row.id).and(C::Secret.eq(row.secret.clone())))
        .exec(db)
        .await?;
    Ok(done.rows_affected > 0)
}

/// Where and when it was last used.
///
/// # Errors
/// What the database says.
pub async fn used(
    db: &impl ConnectionTrait,
    id: Uuid,
    at: OffsetDateTime,
    address: &str,
    user_agent: &str,
) -> Result<(), DbErr> {
    use entity::Column as C;
    entity::Entity::update_many()
        .col_expr(C::LastUsed, Expr::value(micros(at)))
        .col_expr(C::Address, Expr::value(address))
        .col_expr(C::UserAgent, Expr::value(user_agent))
        .filter(C::Id.eq(id))
        .exec(db)
        .await?;
    Ok(())
}

/// He has shown again who he is.
///
/// # Errors
/// What the database says.
pub async fn shown(db: &impl ConnectionTrait, id: Uuid, at: OffsetDateTime) -> Result<(), DbErr> {
    use entity::Column as C;
    entity::Entity::update_many()
        .col_expr(C::Shown, Expr::value(micros(at)))
        .filter(C::Id.eq(id))
        .exec(db)
        .await?;
    Ok(())
}

/// This one goes on under credentials that changed at this position of the log.
///
/// # Errors
/// What the database says.
pub async fn go_on(db: &impl ConnectionTrait, id: Uuid, position: u64) -> Result<(), DbErr> {
    use entity::Column as C;
    entity::Entity::update_many()
        .col_expr(C::Credentials, Expr::value(position.cast_signed()))
        .filter(C::Id.eq(id))
        .exec(db)
        .await?;
    Ok(())
}

/// Those of a person get another cookie at their next use.
///
/// # Errors
/// What the database says.
pub async fn rotate_soon(db: &impl ConnectionTrait, user: Uuid) -> Result<(), DbErr> {
    use entity::Column as C;
    entity::Entity::update_many()
        .col_expr(C::Rotated, Expr::value(0))
        .filter(C::User.eq(user))
        .exec(db)
        .await?;
    Ok(())
}

/// Forgets one.
///
/// # Errors
/// What the database says.
pub async fn forget(db: &impl ConnectionTrait, id: Uuid) -> Result<(), DbErr> {
    entity::Entity::delete_by_id(id).exec(db).await?;
    Ok(())
}

/// Forgets those that are over without an event: too old, or not used since. Those whose end the log is still to
/// be told of stay.
///
/// # Errors
/// What the database says.
pub async fn sweep(
    db: &impl ConnectionTrait,
    not_used_since: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<(), DbErr> {
    use entity::Column as C;
    let over = Condition::any()
        .add(C::Expires.lte(micros(now)))
        .add(C::LastUsed.lte(micros(not_used_since)));
    entity::Entity::delete_many()
        .filter(over)
        .filter(C::Ending.is_null())
        .exec(db)
        .await?;
    Ok(())
}

/// How long the cookie before the last is still good: requests that were under way when it changed.
const OVERLAP: Duration = Duration::minutes(1);

mod entity {
    use sea_orm::entity::prelude::*;

    /// One session.
    #[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "session")]
    pub struct Model {
        /// Which one.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        /// Whose.
        pub user: Uuid,
        /// SHA-256 of its cookie.
        pub secret: Vec<u8>,
        /// Of the one before.
        pub secret_before: Option<Vec<u8>>,
        /// Until when that is good; microseconds, as all times here.
        pub before_until: i64,
        /// When the cookie was made.
        pub rotated: i64,
        /// Of the person, when he showed who he is.
        pub credentials: i64,
        /// How he did.
        pub method: i32,
        /// When.
        pub signed_in: i64,
        /// To the minute.
        pub last_used: i64,
        /// When he last showed his password.
        pub shown: i64,
        /// When it ends at the latest.
        pub expires: i64,
        /// Where it was last used.
        pub address: String,
        /// With what.
        pub user_agent: String,
        /// The log has it.
        pub confirmed: bool,
        /// Why it ends, where it does.
        pub ending: Option<i32>,
        /// Who ended it.
        pub ending_actor: Option<String>,
        /// What that belongs to.
        pub ending_correlation: Option<Uuid>,
        /// The event that ended it.
        pub ending_cause: Option<Uuid>,
    }

    impl std::fmt::Debug for Model {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "Session({})", self.id)
        }
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `session`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260101_000004_session"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{
            big_integer, binary, binary_null, boolean, integer, integer_null, string, string_null,
            uuid, uuid_null,
        };
        let table = Table::create()
            .table("session")
            .col(uuid("id").primary_key())
            .col(uuid("user"))
            .col(binary("secret").unique_key())
            .col(binary_null("secret_before"))
            .col(big_integer("before_until"))
            .col(big_integer("rotated"))
            .col(big_integer("credentials"))
            .col(integer("method"))
            .col(big_integer("signed_in"))
            .col(big_integer("last_used"))
            .col(big_integer("shown"))
            .col(big_integer("expires"))
            .col(string("address"))
            .col(string("user_agent"))
            .col(boolean("confirmed"))
            .col(integer_null("ending"))
            .col(string_null("ending_actor"))
            .col(uuid_null("ending_correlation"))
            .col(uuid_null("ending_cause"))
            .to_owned();
        manager.create_table(table).await?;
        for column in ["user", "secret_before", "ending"] {
            let index = Index::create()
                .name(format!("session_{column}"))
                .table("session")
                .col(column)
                .to_owned();
            manager.create_index(index).await?;
        }
        Ok(())
    }
}
