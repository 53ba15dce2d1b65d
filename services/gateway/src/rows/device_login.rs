//! Command lines that wait for their person (RFC 8628), for ten minutes each. Nothing of it is in the log.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter,
};
use sea_orm_migration::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

pub use self::entity::Model as Login;
use crate::{
    code::CodeDigest,
    instant::{self, micros},
    user_code::UserCode,
};

/// What has become of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Its person has not answered.
    Pending,
    /// He has let it in.
    Allowed,
    /// He has not.
    Denied,
    /// Its token was given out.
    Given,
}

impl Answer {
    fn number(self) -> i32 {
        match self {
            Answer::Pending => 0,
            Answer::Allowed => 1,
            Answer::Denied => 2,
            Answer::Given => 3,
        }
    }
}

impl Login {
    /// What has become of it.
    pub fn answer(&self) -> Answer {
        let all = [Answer::Pending, Answer::Allowed, Answer::Denied];
        let found = all
            .into_iter()
            .find(|answer| answer.number() == self.answer);
        found.unwrap_or(Answer::Given)
    }

    /// When it is over.
    pub fn expires(&self) -> OffsetDateTime {
        instant::time(self.expires)
    }

    /// When it began.
    pub fn began(&self) -> OffsetDateTime {
        instant::time(self.began)
    }
}

/// A login that begins.
pub struct New {
    /// Of what the command line polls with.
    pub device: CodeDigest,
    /// What its person types.
    pub user_code: UserCode,
    /// Where it runs, as it says.
    pub device_name: String,
    /// Where it calls from.
    pub source: String,
    /// Now.
    pub began: OffsetDateTime,
    /// When it is over.
    pub expires: OffsetDateTime,
}

/// Keeps it.
///
/// # Errors
/// What the database says.
pub async fn begin(db: &impl ConnectionTrait, new: New) -> Result<(), DbErr> {
    let row = entity::ActiveModel {
        device: Set(new.device.to_vec()),
        user_code: Set(new.user_code.as_str().to_owned()),
        device_name: Set(new.device_name),
        source: Set(new.source),
        began: Set(micros(new.began)),
        expires: Set(micros(new.expires)),
        polled: Set(0),
        answer: Set(Answer::Pending.number()),
        user_id: Set(None),
    };
    entity::Entity::insert(row)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// How many wait: of this source, and of all.
///
/// # Errors
/// What the database says.
pub async fn waiting(db: &impl ConnectionTrait, source: &str) -> Result<(u64, u64), DbErr> {
    let all = entity::Entity::find();
    let his = all.clone().filter(entity::Column::Source.eq(source));
    Ok((his.count(db).await?, all.count(db).await?))
}

/// The login of a command line; over or not.
///
/// # Errors
/// What the database says.
pub async fn of_device(
    db: &impl ConnectionTrait,
    device: CodeDigest,
) -> Result<Option<Login>, DbErr> {
    entity::Entity::find_by_id(device.to_vec()).one(db).await
}

/// The one that waits for this code.
///
/// # Errors
/// What the database says.
pub async fn of_user_code(
    db: &impl ConnectionTrait,
    code: &UserCode,
    now: OffsetDateTime,
) -> Result<Option<Login>, DbErr> {
    entity::Entity::find()
        .filter(pending(code, now))
        .one(db)
        .await
}

/// Its person answers. `false`: it does not wait any more.
///
/// # Errors
/// What the database says.
pub async fn answer(
    db: &impl ConnectionTrait,
    code: &UserCode,
    user: Uuid,
    answer: Answer,
    now: OffsetDateTime,
) -> Result<bool, DbErr> {
    use entity::Column as C;
    let done = entity::Entity::update_many()
        .col_expr(C::Answer, Expr::value(answer.number()))
        .col_expr(C::UserId, Expr::value(user))
        .filter(pending(code, now))
        .exec(db)
        .await?;
    Ok(done.rows_affected > 0)
}

/// Notes that it asked. `false`: sooner than it may.
///
/// # Errors
/// What the database says.
pub async fn poll(
    db: &impl ConnectionTrait,
    device: CodeDigest,
    not_since: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<bool, DbErr> {
    use entity::Column as C;
    let done = entity::Entity::update_many()
        .col_expr(C::Polled, Expr::value(micros(now)))
        .filter(
            C::Device
                .eq(device.to_vec())
                .and(C::Polled.lte(micros(not_since))),
        )
        .exec(db)
        .await?;
    Ok(done.rows_affected > 0)
}

/// Takes what was allowed, once. `false`: another has it.
///
/// # Errors
/// What the database says.
pub async fn take(db: &impl ConnectionTrait, device: CodeDigest) -> Result<bool, DbErr> {
    use entity::Column as C;
    let done = entity::Entity::update_many()
        .col_expr(C::Answer, Expr::value(Answer::Given.number()))
        .filter(
            C::Device
                .eq(device.to_vec())
                .and(C::Answer.eq(Answer::Allowed.number())),
        )
        .exec(db)
        .await?;
    Ok(done.rows_affected > 0)
}

/// Forgets those that are over.
///
/// # Errors
/// What the database says.
pub async fn sweep(db: &impl ConnectionTrait, now: OffsetDateTime) -> Result<(), DbErr> {
    let over = entity::Column::Expires.lte(micros(now));
    entity::Entity::delete_many().filter(over).exec(db).await?;
    Ok(())
}

fn pending(code: &UserCode, now: OffsetDateTime) -> Condition {
    use entity::Column as C;
    Condition::all()
        .add(C::UserCode.eq(code.as_str()))
        .add(C::Answer.eq(Answer::Pending.number()))
        .add(C::Expires.gt(micros(now)))
}

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "device_login")]
    pub struct Model {
        /// SHA-256 of what the command line polls with.
        #[sea_orm(primary_key, auto_increment = false)]
        pub device: Vec<u8>,
        pub user_code: String,
        pub device_name: String,
        /// An address.
        pub source: String,
        /// Microseconds.
        pub began: i64,
        /// Microseconds.
        pub expires: i64,
        /// Microseconds.
        pub polled: i64,
        /// [`super::Answer`].
        pub answer: i32,
        /// Who answered.
        pub user_id: Option<Uuid>,
    }

    impl std::fmt::Debug for Model {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("DeviceLogin")
        }
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `device_login`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260101_000011_device_login"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{big_integer, binary, integer, string, uuid_null};
        let table = Table::create()
            .table("device_login")
            .col(binary("device").primary_key())
            .col(string("user_code").unique_key())
            .col(string("device_name"))
            .col(string("source"))
            .col(big_integer("began"))
            .col(big_integer("expires"))
            .col(big_integer("polled"))
            .col(integer("answer"))
            .col(uuid_null("user_id"))
            .to_owned();
        manager.create_table(table).await
    }
}
