//! Second factors in the database: the step that was accepted last, and the hashes of recovery codes. The secret
//! itself is in the keystore; whether a person is asked for a code stands in the log.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, Set,
    sea_query::OnConflict,
};
use sea_orm_migration::prelude::*;
use uuid::Uuid;

use super::recovery::RecoveryDigest;

/// A person is about to add a factor, in place of one that he never finished.
///
/// # Errors
/// What the database says.
pub async fn begin(db: &impl ConnectionTrait, user: Uuid) -> Result<(), DbErr> {
    let row = factor::ActiveModel {
        user: Set(user),
        last_step: Set(None),
        gone: Set(false),
    };
    let anew = OnConflict::column(factor::Column::User)
        .update_columns([factor::Column::LastStep, factor::Column::Gone])
        .to_owned();
    factor::Entity::insert(row)
        .on_conflict(anew)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// The step whose code was accepted last; the outer `None`: he has no factor, and is not about to add one.
///
/// # Errors
/// What the database says.
pub async fn last_step(
    db: &impl ConnectionTrait,
    user: Uuid,
) -> Result<Option<Option<u64>>, DbErr> {
    let row = factor::Entity::find_by_id(user).one(db).await?;
    let row = row.filter(|row| !row.gone);
    Ok(row.map(|row| row.last_step.map(i64::cast_unsigned)))
}

/// Accepts a step's code: whether it is the first to. Of two gateways that are shown one code, one accepts it.
///
/// # Errors
/// What the database says.
pub async fn accept(db: &impl ConnectionTrait, user: Uuid, step: u64) -> Result<bool, DbErr> {
    let step = step.cast_signed();
    let later = Condition::any()
        .add(factor::Column::LastStep.is_null())
        .add(factor::Column::LastStep.lt(step));
    let accepted = factor::Entity::update_many()
        .col_expr(factor::Column::LastStep, Expr::value(step))
        .filter(factor::Column::User.eq(user))
        .filter(factor::Column::Gone.eq(false))
        .filter(later)
        .exec(db)
        .await?;
    Ok(accepted.rows_affected == 1)
}

/// A person has no factor any more: his codes are erased, and his secret is to be destroyed.
///
/// # Errors
/// What the database says.
pub async fn remove(db: &impl ConnectionTrait, user: Uuid) -> Result<(), DbErr> {
    factor::Entity::update_many()
        .col_expr(factor::Column::Gone, Expr::value(true))
        .filter(factor::Column::User.eq(user))
        .exec(db)
        .await?;
    forget_codes(db, user).await
}

/// Whose secrets are to be destroyed.
///
/// # Errors
/// What the database says.
pub async fn gone(db: &impl ConnectionTrait) -> Result<Vec<Uuid>, DbErr> {
    let rows = factor::Entity::find().filter(factor::Column::Gone.eq(true));
    let rows = rows.all(db).await?;
    Ok(rows.into_iter().map(|row| row.user).collect())
}

/// A secret was destroyed, unless its person has begun anew meanwhile.
///
/// # Errors
/// What the database says.
pub async fn forget(db: &impl ConnectionTrait, user: Uuid) -> Result<(), DbErr> {
    factor::Entity::delete_many()
        .filter(factor::Column::User.eq(user))
        .filter(factor::Column::Gone.eq(true))
        .exec(db)
        .await?;
    Ok(())
}

/// Keeps these recovery codes of a person, in place of those that he had.
///
/// # Errors
/// What the database says.
pub async fn keep_codes(
    db: &impl ConnectionTrait,
    user: Uuid,
    codes: &[RecoveryDigest],
) -> Result<(), DbErr> {
    forget_codes(db, user).await?;
    let rows = codes.iter().map(|digest| code::ActiveModel {
        user: Set(user),
        digest: Set(hex(digest)),
    });
    code::Entity::insert_many(rows)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// Uses a recovery code up: whether the person had it.
///
/// # Errors
/// What the database says.
pub async fn use_code(
    db: &impl ConnectionTrait,
    user: Uuid,
    digest: RecoveryDigest,
) -> Result<bool, DbErr> {
    let used = code::Entity::delete_many()
        .filter(code::Column::User.eq(user))
        .filter(code::Column::Digest.eq(hex(&digest)))
        .exec(db)
        .await?;
    Ok(used.rows_affected == 1)
}

/// How many recovery codes a person has left.
///
/// # Errors
/// What the database says.
pub async fn codes_left(db: &impl ConnectionTrait, user: Uuid) -> Result<u64, DbErr> {
    code::Entity::find()
        .filter(code::Column::User.eq(user))
        .count(db)
        .await
}

async fn forget_codes(db: &impl ConnectionTrait, user: Uuid) -> Result<(), DbErr> {
    code::Entity::delete_many()
        .filter(code::Column::User.eq(user))
        .exec(db)
        .await?;
    Ok(())
}

fn hex(digest: &RecoveryDigest) -> String {
    digest.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

mod factor {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "second_factor")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user: Uuid,
        pub last_step: Option<i64>,
        pub gone: bool,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod code {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "recovery_code")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user: Uuid,
        /// SHA-256, hexadecimal.
        #[sea_orm(primary_key, auto_increment = false)]
        pub digest: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The tables `second_factor` and `recovery_code`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260101_000051_second_factor"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{big_integer_null, boolean, string, uuid};
        let factors = Table::create()
            .table("second_factor")
            .col(uuid("user").primary_key())
            .col(big_integer_null("last_step"))
            .col(boolean("gone"))
            .to_owned();
        manager.create_table(factors).await?;
        let codes = Table::create()
            .table("recovery_code")
            .col(uuid("user"))
            .col(string("digest"))
            .primary_key(Index::create().col("user").col("digest"))
            .to_owned();
        manager.create_table(codes).await
    }
}
