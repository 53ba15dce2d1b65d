//! ACME servers: fields and answers.

use std::collections::BTreeMap;

use api::projection::v1 as answer;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};

use super::{
    condition,
    filter::{self, Kind, Test},
    question::List,
    sort::{Direction, Sort},
};
use crate::{
    refusal::Refusal,
    tables::{
        folded,
        instant::timestamp,
        server::{Column, Entity, Model},
    },
};

/// The fields of servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// What people call it.
    Name,
    /// Where its directory is.
    DirectoryUrl,
    /// When it was registered.
    Created,
}

impl filter::Field for Field {
    const ALL: &'static [Self] = &[Self::Name, Self::DirectoryUrl, Self::Created];

    fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::DirectoryUrl => "directory_url",
            Self::Created => "created",
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Name | Self::DirectoryUrl => Kind::Text,
            Self::Created => Kind::Time,
        }
    }
}

impl List for Field {
    type Entity = Entity;

    const NAME: &'static str = "servers";
    const DEFAULT_SORT: Sort<Self> = Sort {
        field: Self::Name,
        direction: Direction::Ascending,
    };
    const ID: Column = Column::Id;

    fn sort_column(self) -> Option<Column> {
        Some(match self {
            Self::Name => Column::NameFolded,
            Self::DirectoryUrl => Column::DirectoryUrlFolded,
            Self::Created => Column::Created,
        })
    }

    fn condition(self, test: &Test, _now: i64) -> Expr {
        match self {
            Self::Name => condition::on(Column::NameFolded, test),
            Self::DirectoryUrl => condition::on(Column::DirectoryUrlFolded, test),
            Self::Created => condition::on(Column::Created, test),
        }
    }

    fn weight(row: &Model) -> usize {
        let texts = [
            &row.directory_url,
            &row.account_url,
            &row.terms_of_service_url,
            &row.website_url,
        ];
        let lists = row.caa_identities.0.iter().chain(&row.profiles.0);
        texts
            .into_iter()
            .chain(lists)
            .map(String::len)
            .sum::<usize>()
            + ROW_WEIGHT
    }
}

/// One ACME server by id or name.
///
/// # Errors
/// [`Refusal::NotFound`], or what the database says.
pub async fn get(database: &impl ConnectionTrait, id: &str) -> Result<answer::Server, Refusal> {
    let mut row = Entity::find_by_id(id).one(database).await?;
    if row.is_none() {
        row = Entity::find()
            // The folded name has the index; the exact one decides.
            .filter(Column::NameFolded.eq(folded(id)))
            .filter(Column::Name.eq(id))
            .order_by_asc(Column::Id)
            .one(database)
            .await?;
    }
    row.map(answered).ok_or_else(|| Refusal::NotFound {
        what: "ACME server",
        id: id.to_owned(),
    })
}

/// The row as it is answered.
pub fn answered(row: Model) -> answer::Server {
    answer::Server {
        id: row.id,
        name: row.name,
        directory_url: row.directory_url,
        account_url: row.account_url,
        account_key_thumbprint: row.account_key_thumbprint,
        terms_of_service_url: row.terms_of_service_url,
        website_url: row.website_url,
        caa_identities: row.caa_identities.0,
        profiles: row.profiles.0,
        external_account_key_id: row.external_account_key_id,
        created: timestamp(row.created),
        deactivated: timestamp(row.deactivated_at),
    }
}

/// What the servers with these ids are called, by id.
///
/// # Errors
/// What the database says.
pub async fn names(
    database: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = &str>,
) -> Result<BTreeMap<String, String>, DbErr> {
    let names = Entity::find()
        .select_only()
        .columns([Column::Id, Column::Name])
        .filter(Column::Id.is_in(ids))
        .into_tuple::<(String, String)>()
        .all(database)
        .await?;
    Ok(names.into_iter().collect())
}

/// What a row takes beside its URLs and lists, in bytes.
const ROW_WEIGHT: usize = 500;
