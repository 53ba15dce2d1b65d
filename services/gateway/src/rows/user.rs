//! People: who they are, which stands here alone, and what they may do, which is a copy of the log's.
//!
//! A row is made before the event that makes its person, so that his names are his; until that event is followed
//! he is `confirmed` by nobody, and is no one. A row that no event followed is swept when somebody wants its names.

use std::collections::HashMap;

use api::options::v1::Role;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::OnConflict,
};
use sea_orm_migration::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{instant::micros, parse::Names};

pub use entity::Model as User;

impl User {
    /// What he may do.
    pub fn role(&self) -> Role {
        Role::try_from(self.role).unwrap_or_default()
    }

    /// Whether he may do anything.
    pub fn is_let_in(&self) -> bool {
        self.confirmed && !self.disabled
    }
}

/// A person before the event that makes him.
///
/// # Errors
/// What the database says.
pub async fn claim(
    db: &impl ConnectionTrait,
    id: Uuid,
    names: &Names,
    now: OffsetDateTime,
) -> Result<(), DbErr> {
    let row = entity::ActiveModel {
        id: Set(id),
        login_name: Set(names.login_name.to_string()),
        login_name_folded: Set(names.login_name.folded()),
        display_name: Set(names.display_name.clone()),
        email: Set(names.email.as_ref().map(ToString::to_string)),
        email_folded: Set(names.email.as_ref().map(|email| email.folded())),
        role: Set(Role::Unspecified.into()),
        disabled: Set(false),
        second_factor: Set(false),
        password: Set(None),
        credentials: Set(0),
        confirmed: Set(false),
        created: Set(micros(now)),
        last_signed_in: Set(None),
    };
    use entity::Column as C;
    // The same command again, which may have been refused its names before.
    let anew = OnConflict::column(C::Id)
        .update_columns([
            C::LoginName,
            C::LoginNameFolded,
            C::DisplayName,
            C::Email,
            C::EmailFolded,
            C::Created,
        ])
        .to_owned();
    entity::Entity::insert(row)
        .on_conflict(anew)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// One of them, confirmed or not.
///
/// # Errors
/// What the database says.
pub async fn find(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<User>, DbErr> {
    entity::Entity::find_by_id(id).one(db).await
}

/// Who has one of these names, folded; confirmed or not.
///
/// # Errors
/// What the database says.
pub async fn with_names(db: &impl ConnectionTrait, names: &Names) -> Result<Vec<User>, DbErr> {
    use entity::Column as C;
    let mut any = Condition::any().add(C::LoginNameFolded.eq(names.login_name.folded()));
    if let Some(email) = &names.email {
        any = any.add(C::EmailFolded.eq(email.folded()));
    }
    entity::Entity::find().filter(any).all(db).await
}

/// Who signs in by this name, folded.
///
/// # Errors
/// What the database says.
pub async fn by_login_name(db: &impl ConnectionTrait, folded: &str) -> Result<Option<User>, DbErr> {
    use entity::Column as C;
    entity::Entity::find()
        .filter(C::LoginNameFolded.eq(folded).and(C::Confirmed.eq(true)))
        .one(db)
        .await
}

/// Everybody, by login name.
///
/// # Errors
/// What the database says.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<User>, DbErr> {
    use entity::Column as C;
    entity::Entity::find()
        .filter(C::Confirmed.eq(true))
        .order_by_asc(C::LoginNameFolded)
        .order_by_asc(C::Id)
        .all(db)
        .await
}

/// What these are called, as far as they are there.
///
/// # Errors
/// What the database says.
pub async fn display_names(
    db: &impl ConnectionTrait,
    ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, String>, DbErr> {
    use entity::Column as C;
    let named = entity::Entity::find()
        .select_only()
        .columns([C::Id, C::DisplayName])
        .filter(C::Id.is_in(ids).and(C::Confirmed.eq(true)))
        .into_tuple::<(Uuid, String)>()
        .all(db)
        .await?;
    Ok(named.into_iter().collect())
}

/// Gives up the names of one whom no event made.
///
/// # Errors
/// What the database says.
pub async fn give_up(db: &impl ConnectionTrait, id: Uuid) -> Result<(), DbErr> {
    use entity::Column as C;
    entity::Entity::delete_many()
        .filter(C::Id.eq(id).and(C::Confirmed.eq(false)))
        .exec(db)
        .await?;
    Ok(())
}

/// Gives up the names of those whom no event made. Only where the rows have all that the log has.
///
/// # Errors
/// What the database says.
pub async fn sweep(db: &impl ConnectionTrait, before: OffsetDateTime) -> Result<(), DbErr> {
    use entity::Column as C;
    let old = C::Confirmed.eq(false).and(C::Created.lt(micros(before)));
    entity::Entity::delete_many().filter(old).exec(db).await?;
    Ok(())
}

/// The log has him. Where his row was lost, he has an id and no names.
///
/// # Errors
/// What the database says.
pub async fn confirm(
    db: &impl ConnectionTrait,
    id: Uuid,
    role: Role,
    created: OffsetDateTime,
) -> Result<(), DbErr> {
    let row = entity::ActiveModel {
        id: Set(id),
        login_name: Set(String::new()),
        // Unique, and no login name has a space in it.
        login_name_folded: Set(format!("lost {id}")),
        display_name: Set(String::new()),
        email: Set(None),
        email_folded: Set(None),
        role: Set(role.into()),
        disabled: Set(false),
        second_factor: Set(false),
        password: Set(None),
        credentials: Set(0),
        confirmed: Set(true),
        created: Set(micros(created)),
        last_signed_in: Set(None),
    };
    use entity::Column as C;
    let known = OnConflict::column(C::Id)
        .update_columns([C::Role, C::Confirmed, C::Created])
        .to_owned();
    entity::Entity::insert(row)
        .on_conflict(known)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// What he may do.
///
/// # Errors
/// What the database says.
pub async fn set_role(db: &impl ConnectionTrait, id: Uuid, role: Role) -> Result<(), DbErr> {
    set(db, id, entity::Column::Role, i32::from(role)).await
}

/// Whether he may do anything.
///
/// # Errors
/// What the database says.
pub async fn set_disabled(db: &impl ConnectionTrait, id: Uuid, is: bool) -> Result<(), DbErr> {
    set(db, id, entity::Column::Disabled, is).await
}

/// Whether he signs in with a code too.
///
/// # Errors
/// What the database says.
pub async fn set_second_factor(db: &impl ConnectionTrait, id: Uuid, is: bool) -> Result<(), DbErr> {
    set(db, id, entity::Column::SecondFactor, is).await
}

/// His password's hash, or none any more.
///
/// # Errors
/// What the database says.
pub async fn set_password(
    db: &impl ConnectionTrait,
    id: Uuid,
    hash: Option<String>,
) -> Result<(), DbErr> {
    set(db, id, entity::Column::Password, hash).await
}

/// What he showed before this position of the log counts no more: a check of a password, a session.
///
/// # Errors
/// What the database says.
pub async fn begin_credentials(
    db: &impl ConnectionTrait,
    id: Uuid,
    position: u64,
) -> Result<(), DbErr> {
    set(db, id, entity::Column::Credentials, position.cast_signed()).await
}

/// When he last signed in.
///
/// # Errors
/// What the database says.
pub async fn set_signed_in(
    db: &impl ConnectionTrait,
    id: Uuid,
    at: OffsetDateTime,
) -> Result<(), DbErr> {
    set(db, id, entity::Column::LastSignedIn, micros(at)).await
}

/// Erases him.
///
/// # Errors
/// What the database says.
pub async fn erase(db: &impl ConnectionTrait, id: Uuid) -> Result<(), DbErr> {
    entity::Entity::delete_by_id(id).exec(db).await?;
    Ok(())
}

async fn set(
    db: &impl ConnectionTrait,
    id: Uuid,
    column: entity::Column,
    value: impl Into<sea_orm::Value>,
) -> Result<(), DbErr> {
    entity::Entity::update_many()
        .col_expr(column, Expr::value(value))
        .filter(entity::Column::Id.eq(id))
        .exec(db)
        .await?;
    Ok(())
}

mod entity {
    use sea_orm::entity::prelude::*;

    /// One person. Secret: `Debug` shows the id alone.
    #[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "user")]
    pub struct Model {
        /// Which one.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        /// What he types to sign in.
        pub login_name: String,
        /// How it is compared.
        pub login_name_folded: String,
        /// What others call him.
        pub display_name: String,
        /// Where he is written to.
        pub email: Option<String>,
        /// How it is compared.
        pub email_folded: Option<String>,
        /// As the log has it.
        pub role: i32,
        /// As the log has it.
        pub disabled: bool,
        /// As the log has it.
        pub second_factor: bool,
        /// The hash of his password, where he has one.
        pub password: Option<String>,
        /// Where in the log what he signs in with was last changed, or taken from him.
        pub credentials: i64,
        /// The log has him.
        pub confirmed: bool,
        /// Microseconds.
        pub created: i64,
        /// Microseconds.
        pub last_signed_in: Option<i64>,
    }

    impl std::fmt::Debug for Model {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "User({})", self.id)
        }
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `user`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260101_000001_user"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{
            big_integer, big_integer_null, boolean, integer, string, string_null, uuid,
        };
        let table = Table::create()
            .table("user")
            .col(uuid("id").primary_key())
            .col(string("login_name"))
            .col(string("login_name_folded").unique_key())
            .col(string("display_name"))
            .col(string_null("email"))
            .col(string_null("email_folded").unique_key())
            .col(integer("role"))
            .col(boolean("disabled"))
            .col(boolean("second_factor"))
            .col(string_null("password"))
            .col(big_integer("credentials"))
            .col(boolean("confirmed"))
            .col(big_integer("created"))
            .col(big_integer_null("last_signed_in"))
            .to_owned();
        manager.create_table(table).await
    }
}
