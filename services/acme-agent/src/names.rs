//! Names that must be unique, held by rows in this service's own database.
//!
//! A row is claimed before the event that uses the name. A claim that no event followed is given
//! up when somebody else wants the name, after a look at the log and never by its age alone.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, Set, sea_query::OnConflict,
};
use sea_orm_migration::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

/// What a name is of: each kind has names of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// ACME servers.
    Server,
    /// Automated certificates.
    Automation,
    /// DNS providers.
    DnsProvider,
}

impl Kind {
    fn text(self) -> &'static str {
        match self {
            Self::Server => "acme-server",
            Self::Automation => "automation",
            Self::DnsProvider => "dns-provider",
        }
    }
}

/// Who has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The server, automation or DNS provider.
    pub owner: Uuid,
    /// Since when.
    pub since: OffsetDateTime,
}

/// Claims a name: the claim that now stands, which is another's where the name was taken.
///
/// # Errors
/// What the database says.
pub async fn claim(
    db: &impl ConnectionTrait,
    kind: Kind,
    name: &str,
    mine: Claim,
) -> Result<Claim, DbErr> {
    let row = entity::ActiveModel {
        kind: Set(kind.text().to_owned()),
        name: Set(key(name)),
        owner: Set(mine.owner),
        since: Set(mine.since),
    };
    // One statement, so that a claim that is given up meanwhile is not answered as ours without a row.
    let as_it_was = OnConflict::columns([entity::Column::Kind, entity::Column::Name])
        .update_column(entity::Column::Kind)
        .to_owned();
    let standing = entity::Entity::insert(row)
        .on_conflict(as_it_was)
        .exec_with_returning(db)
        .await?;
    Ok(Claim {
        owner: standing.owner,
        since: standing.since,
    })
}

/// Makes a claim as good as new; `false`: it was swept, and the name is not this one's any more.
///
/// # Errors
/// What the database says.
pub async fn confirm(
    db: &impl ConnectionTrait,
    kind: Kind,
    name: &str,
    owner: Uuid,
    now: OffsetDateTime,
) -> Result<bool, DbErr> {
    let confirmed = entity::Entity::update_many()
        .col_expr(entity::Column::Since, Expr::value(now))
        .filter(entity::Column::Kind.eq(kind.text()))
        .filter(entity::Column::Name.eq(key(name)))
        .filter(entity::Column::Owner.eq(owner))
        .exec(db)
        .await?;
    Ok(confirmed.rows_affected == 1)
}

/// Who has the name.
///
/// # Errors
/// What the database says.
pub async fn find(
    db: &impl ConnectionTrait,
    kind: Kind,
    name: &str,
) -> Result<Option<Claim>, DbErr> {
    let id = (kind.text().to_owned(), key(name));
    let row = entity::Entity::find_by_id(id).one(db).await?;
    Ok(row.map(|row| Claim {
        owner: row.owner,
        since: row.since,
    }))
}

/// The one that is meant: by its id, which need not exist, or by its name.
///
/// # Errors
/// What the database says.
pub async fn by_id_or_name(
    db: &impl ConnectionTrait,
    kind: Kind,
    asked: &str,
) -> Result<Option<Uuid>, DbErr> {
    match Uuid::parse_str(asked) {
        Ok(id) => Ok(Some(id)),
        Err(_) => Ok(find(db, kind, asked).await?.map(|claim| claim.owner)),
    }
}

/// Gives a claim up, if it is still this one's.
///
/// # Errors
/// What the database says.
pub async fn release(
    db: &impl ConnectionTrait,
    kind: Kind,
    name: &str,
    owner: Uuid,
) -> Result<(), DbErr> {
    entity::Entity::delete_many()
        .filter(entity::Column::Kind.eq(kind.text()))
        .filter(entity::Column::Name.eq(key(name)))
        .filter(entity::Column::Owner.eq(owner))
        .exec(db)
        .await?;
    Ok(())
}

/// Whether two names are one to a reader.
pub fn are_one(a: &str, b: &str) -> bool {
    key(a) == key(b)
}

/// Two names that differ in case alone are one to a reader.
fn key(name: &str) -> String {
    name.to_lowercase()
}

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "name_claim")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub kind: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub owner: Uuid,
        pub since: TimeDateTimeWithTimeZone,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `name_claim`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260101_000001_name_claim"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{string, timestamp_with_time_zone, uuid};
        let table = Table::create()
            .table("name_claim")
            .col(string("kind"))
            .col(string("name"))
            .col(uuid("owner"))
            .col(timestamp_with_time_zone("since"))
            .primary_key(Index::create().col("kind").col("name"))
            .to_owned();
        manager.create_table(table).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::database;
    use time::macros::datetime;

    fn claim_of(owner: u128) -> Claim {
        Claim {
            owner: Uuid::from_u128(owner),
            since: datetime!(2026-01-01 00:00:00.123456 UTC),
        }
    }

    #[tokio::test]
    async fn a_name_has_one_owner_until_it_is_released() {
        let db = database(vec![Box::new(Migration)]).await;
        let (first, second) = (claim_of(1), claim_of(2));
        let server = |name, mine| claim(&db, Kind::Server, name, mine);
        assert_eq!(server("Shop", first).await.unwrap(), first);
        assert_eq!(server("shop", first).await.unwrap(), first);
        assert_eq!(server("SHOP", second).await.unwrap(), first);
        let automation = claim(&db, Kind::Automation, "Shop", second).await;
        assert_eq!(automation.unwrap(), second);

        release(&db, Kind::Server, "Shop", second.owner)
            .await
            .unwrap();
        assert_eq!(server("Shop", second).await.unwrap(), first);
        release(&db, Kind::Server, "Shop", first.owner)
            .await
            .unwrap();
        assert_eq!(find(&db, Kind::Server, "Shop").await.unwrap(), None);
        assert_eq!(server("Shop", second).await.unwrap(), second);
    }

    #[tokio::test]
    async fn a_claim_is_confirmed_while_it_stands() {
        let db = database(vec![Box::new(Migration)]).await;
        let (mine, later) = (claim_of(1), datetime!(2026-01-01 00:09 UTC));
        let confirm = |owner| confirm(&db, Kind::Server, "Shop", owner, later);
        assert!(!confirm(mine.owner).await.unwrap());
        claim(&db, Kind::Server, "shop", mine).await.unwrap();
        assert!(!confirm(claim_of(2).owner).await.unwrap());
        assert!(confirm(mine.owner).await.unwrap());
        let standing = find(&db, Kind::Server, "Shop").await.unwrap().unwrap();
        assert_eq!((standing.owner, standing.since), (mine.owner, later));
    }
}
