//! API tokens: what opens them, which stands here alone (a hash), and what they may do, a copy of the log's.
//!
//! A row is made before the event that makes its token, so that its name is taken; until that event is followed it
//! opens nothing. A row that no event followed is swept when somebody wants its name.

use std::collections::HashMap;

use api::{CertificateFilter, options::v1::Role};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::OnConflict,
};
use sea_orm_migration::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

pub use self::entity::Model as Token;
use crate::{
    instant::{self, micros},
    tokens::TokenDigest,
};

impl Token {
    /// What it may do.
    pub fn role(&self) -> Role {
        Role::try_from(self.role).unwrap_or_default()
    }

    /// The certificates that it is for; `None`: what is here is no filter, and then it may be for none.
    pub fn certificates(&self) -> Option<CertificateFilter> {
        match self.certificate_filter.as_str() {
            "" => Some(CertificateFilter::default()),
            text => text.parse().ok(),
        }
    }

    /// Whether it opens at this time.
    pub fn opens(&self, now: OffsetDateTime) -> bool {
        self.confirmed && !self.revoked && micros(now) < self.expires
    }

    /// When it expires.
    pub fn expires(&self) -> OffsetDateTime {
        instant::time(self.expires)
    }
}

/// A token to make.
#[derive(Debug, Clone)]
pub struct New {
    /// Its id.
    pub id: Uuid,
    /// What people call it.
    pub name: String,
    /// What opens it.
    pub digest: TokenDigest,
    /// What it may do.
    pub role: Role,
    /// What it is for.
    pub certificates: CertificateFilter,
    /// It may export private keys.
    pub key_export: bool,
    /// Now.
    pub created: OffsetDateTime,
    /// Until when it opens.
    pub expires: OffsetDateTime,
    /// The person whose it is.
    pub user_id: Option<Uuid>,
}

/// Keeps a token before its event. The same command again opens it by another text, and not by the one before.
///
/// # Errors
/// What the database says.
pub async fn keep(db: &impl ConnectionTrait, new: New) -> Result<(), DbErr> {
    let row = entity::ActiveModel {
        id: Set(new.id),
        name: Set(new.name),
        digest: Set(new.digest.to_vec()),
        role: Set(new.role.into()),
        certificate_filter: Set(new.certificates.to_string()),
        key_export: Set(new.key_export),
        created: Set(micros(new.created)),
        expires: Set(micros(new.expires)),
        last_used: Set(None),
        user_id: Set(new.user_id),
        confirmed: Set(false),
        revoked: Set(false),
    };
    let anew = OnConflict::column(entity::Column::Id)
        .update_column(entity::Column::Digest)
        .to_owned();
    entity::Entity::insert(row)
        .on_conflict(anew)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// One of them.
///
/// # Errors
/// What the database says.
pub async fn find(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Token>, DbErr> {
    entity::Entity::find_by_id(id).one(db).await
}

/// The one that this opens, whatever has become of it.
///
/// # Errors
/// What the database says.
pub async fn by_digest(
    db: &impl ConnectionTrait,
    digest: &TokenDigest,
) -> Result<Option<Token>, DbErr> {
    let this = entity::Column::Digest.eq(digest.to_vec());
    entity::Entity::find().filter(this).one(db).await
}

/// The one of this name that has not ended, made or about to be.
///
/// # Errors
/// What the database says.
pub async fn by_name(
    db: &impl ConnectionTrait,
    name: &str,
    now: OffsetDateTime,
) -> Result<Option<Token>, DbErr> {
    let this = not_ended(now).add(entity::Column::Name.eq(name));
    entity::Entity::find().filter(this).one(db).await
}

/// What these are called, as far as they are there.
///
/// # Errors
/// What the database says.
pub async fn names(
    db: &impl ConnectionTrait,
    ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, String>, DbErr> {
    use entity::Column as C;
    let named = entity::Entity::find()
        .select_only()
        .columns([C::Id, C::Name])
        .filter(C::Id.is_in(ids))
        .into_tuple::<(Uuid, String)>()
        .all(db)
        .await?;
    Ok(named.into_iter().collect())
}

/// Those that open, by name.
///
/// # Errors
/// What the database says.
pub async fn open(db: &impl ConnectionTrait, now: OffsetDateTime) -> Result<Vec<Token>, DbErr> {
    use entity::Column as C;
    entity::Entity::find()
        .filter(not_ended(now).add(C::Confirmed.eq(true)))
        .order_by_asc(C::Name)
        .order_by_asc(C::Id)
        .all(db)
        .await
}

fn not_ended(now: OffsetDateTime) -> Condition {
    use entity::Column as C;
    Condition::all()
        .add(C::Revoked.eq(false))
        .add(C::Expires.gt(micros(now)))
}

/// The log has it: it opens.
///
/// # Errors
/// What the database says.
pub async fn confirm(db: &impl ConnectionTrait, id: Uuid) -> Result<(), DbErr> {
    set(db, id, entity::Column::Confirmed).await
}

/// The log says that it has ended.
///
/// # Errors
/// What the database says.
pub async fn revoke(db: &impl ConnectionTrait, id: Uuid) -> Result<(), DbErr> {
    set(db, id, entity::Column::Revoked).await
}

async fn set(db: &impl ConnectionTrait, id: Uuid, flag: entity::Column) -> Result<(), DbErr> {
    entity::Entity::update_many()
        .col_expr(flag, Expr::value(true))
        .filter(entity::Column::Id.eq(id))
        .exec(db)
        .await?;
    Ok(())
}

/// Forgets one that no event made.
///
/// # Errors
/// What the database says.
pub async fn give_up(db: &impl ConnectionTrait, id: Uuid) -> Result<(), DbErr> {
    use entity::Column as C;
    let orphan = C::Id.eq(id).and(C::Confirmed.eq(false));
    entity::Entity::delete_many()
        .filter(orphan)
        .exec(db)
        .await?;
    Ok(())
}

/// Notes when one was used last, where that is later than what is known.
///
/// # Errors
/// What the database says.
pub async fn used(db: &impl ConnectionTrait, id: Uuid, at: OffsetDateTime) -> Result<(), DbErr> {
    use entity::Column as C;
    let at = micros(at);
    let before = C::LastUsed.is_null().or(C::LastUsed.lt(at));
    entity::Entity::update_many()
        .col_expr(C::LastUsed, Expr::value(at))
        .filter(C::Id.eq(id).and(before))
        .exec(db)
        .await?;
    Ok(())
}

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "api_token")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub name: String,
        /// SHA-256 of its text.
        pub digest: Vec<u8>,
        /// `chancery.options.v1.Role`.
        pub role: i32,
        /// As [`api::CertificateFilter`] writes it; empty: all.
        pub certificate_filter: String,
        pub key_export: bool,
        /// Microseconds.
        pub created: i64,
        /// Microseconds.
        pub expires: i64,
        /// Microseconds, to the minute.
        pub last_used: Option<i64>,
        pub user_id: Option<Uuid>,
        /// The log has it.
        pub confirmed: bool,
        pub revoked: bool,
    }

    impl std::fmt::Debug for Model {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "Token({})", self.id)
        }
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `api_token`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260101_000010_api_token"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{
            big_integer, big_integer_null, binary, boolean, integer, string, text, uuid, uuid_null,
        };
        let table = Table::create()
            .table("api_token")
            .col(uuid("id").primary_key())
            .col(string("name"))
            .col(binary("digest").unique_key())
            .col(integer("role"))
            .col(text("certificate_filter"))
            .col(boolean("key_export"))
            .col(big_integer("created"))
            .col(big_integer("expires"))
            .col(big_integer_null("last_used"))
            .col(uuid_null("user_id"))
            .col(boolean("confirmed"))
            .col(boolean("revoked"))
            .to_owned();
        manager.create_table(table).await?;
        let by_name = Index::create()
            .name("ix_api_token_name")
            .table("api_token")
            .col("name")
            .to_owned();
        manager.create_index(by_name).await
    }
}
