//! Certificate requests: fields and answers. Deleted ones are not there.

use std::collections::BTreeMap;

use api::{CertificateFilter, projection::v1 as answer};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, sea_query::Expr,
};

use super::{
    condition, decoded,
    filter::{self, Kind, Term, Test},
    keys, names,
    question::List,
    sort::{Direction, Sort},
};
use crate::{
    refusal::Refusal,
    tables::{
        folded,
        instant::{NEVER, timestamp},
        request::{Column, Entity, Model},
        request_name,
    },
};

/// The fields of certificate requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Friendly name.
    Name,
    /// Any DNS name or address that it asks for.
    Names,
    /// Pending or fulfilled.
    Status,
    /// When it was made.
    Created,
}

impl filter::Field for Field {
    const ALL: &'static [Self] = &[Self::Name, Self::Names, Self::Status, Self::Created];

    fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Names => "names",
            Self::Status => "status",
            Self::Created => "created",
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Name | Self::Names => Kind::Text,
            Self::Status => Kind::Choice(STATUSES),
            Self::Created => Kind::Time,
        }
    }
}

impl List for Field {
    type Entity = Entity;

    const NAME: &'static str = "requests";
    const DEFAULT_SORT: Sort<Self> = Sort {
        field: Self::Name,
        direction: Direction::Ascending,
    };
    const ID: Column = Column::Id;

    fn sort_column(self) -> Option<Column> {
        match self {
            Self::Name => Some(Column::FriendlyNameFolded),
            // A request has many names.
            Self::Names => None,
            Self::Status => Some(Column::Status),
            Self::Created => Some(Column::Created),
        }
    }

    fn condition(self, test: &Test, _now: i64) -> Expr {
        match self {
            Self::Name => condition::on(Column::FriendlyNameFolded, test),
            Self::Names => names::among::<request_name::Entity>(
                Column::Id,
                request_name::Column::RequestId,
                request_name::Column::Name,
                test,
            ),
            Self::Status => condition::on(Column::Status, test),
            Self::Created => condition::on(Column::Created, test),
        }
    }

    fn is_common(self) -> bool {
        matches!(self, Self::Status)
    }

    fn unless_asked(_: &[Term<Self>]) -> Option<Expr> {
        Some(Column::DeletedAt.eq(NEVER))
    }

    fn within(held_to: &CertificateFilter) -> Expr {
        names::within::<request_name::Entity>(
            Column::Id,
            request_name::Column::RequestId,
            request_name::Column::Name,
            held_to,
        )
    }

    fn weight(row: &Model) -> usize {
        row.subject.len() + row.subject_alt_names.len() + ROW_WEIGHT
    }
}

/// One certificate request by id, or by friendly name while it is pending: then the name is the
/// certificate's.
///
/// # Errors
/// [`Refusal::NotFound`], or what the database says.
pub async fn get(
    database: &impl ConnectionTrait,
    id: &str,
) -> Result<answer::CertificateRequest, Refusal> {
    let here = || Entity::find().filter(Column::DeletedAt.eq(NEVER));
    let mut row = here().filter(Column::Id.eq(id)).one(database).await?;
    if row.is_none() {
        row = here()
            // The folded name has the index; the exact one decides.
            .filter(Column::FriendlyNameFolded.eq(folded(id)))
            .filter(Column::FriendlyName.eq(id))
            .filter(Column::Status.eq(i32::from(answer::RequestStatus::Pending)))
            .order_by_asc(Column::Id)
            .one(database)
            .await?;
    }
    let row = row.ok_or_else(|| Refusal::NotFound {
        what: "certificate request",
        id: id.to_owned(),
    })?;
    let csr_pem = pki::pem::certificate_request(&row.csr_der);
    let public_keys = [row.spki_sha256.as_str()].into_iter();
    let keys = keys::here(database, public_keys).await?;
    Ok(answer::CertificateRequest {
        csr_pem,
        ..one(row, &keys)?
    })
}

/// The rows as they are answered, each with its key, and without the request itself.
///
/// # Errors
/// [`Refusal::Damaged`] where the database changed a row, or what the database says.
pub async fn answered(
    database: &impl ConnectionTrait,
    rows: Vec<Model>,
) -> Result<Vec<answer::CertificateRequest>, Refusal> {
    let public_keys = rows.iter().map(|row| row.spki_sha256.as_str());
    let keys = keys::here(database, public_keys).await?;
    rows.into_iter().map(|row| one(row, &keys)).collect()
}

fn one(row: Model, keys: &BTreeMap<String, String>) -> Result<answer::CertificateRequest, Refusal> {
    Ok(answer::CertificateRequest {
        key_id: keys.get(&row.spki_sha256).cloned().unwrap_or_default(),
        subject: Some(decoded("request", &row.subject)?),
        subject_alt_names: Some(decoded("request", &row.subject_alt_names)?),
        id: row.id,
        friendly_name: row.friendly_name,
        status: row.status,
        key_algorithm: row.key_algorithm,
        spki_sha256: row.spki_sha256,
        csr_pem: String::new(),
        renews_certificate_id: row.renews_certificate_id,
        certificate_id: row.certificate_id,
        created: timestamp(row.created),
        fulfilled: timestamp(row.fulfilled_at),
    })
}

const STATUSES: &[(&str, i32)] = &[
    ("pending", answer::RequestStatus::Pending as i32),
    ("fulfilled", answer::RequestStatus::Fulfilled as i32),
];

/// What a row takes beside its subject and names, in bytes.
const ROW_WEIGHT: usize = 600;
