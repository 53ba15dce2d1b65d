//! Certificates: fields, statuses, answers.

use std::net::IpAddr;

use api::{projection::v1 as answer, x509};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait},
};

use super::{
    condition, decoded,
    filter::{self, Kind, Test},
    question::List,
    sort::{Direction, Sort},
    unsigned,
};
use crate::{
    refusal::Refusal,
    tables::{
        certificate::{Column, Entity, Model},
        certificate_issuer, certificate_name, certificate_version, folded,
        instant::timestamp,
        issuer,
    },
};

/// The fields of certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Friendly name.
    Name,
    /// Any DNS name or address.
    Names,
    /// Computed from the time.
    Status,
    /// End of the validity.
    NotAfter,
    /// The issuer's name (RFC 4514).
    Issuer,
    /// How it came here.
    Source,
    /// When its first version came.
    Created,
}

impl filter::Field for Field {
    const ALL: &'static [Self] = &[
        Self::Name,
        Self::Names,
        Self::Status,
        Self::NotAfter,
        Self::Issuer,
        Self::Source,
        Self::Created,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Names => "names",
            Self::Status => "status",
            Self::NotAfter => "not_after",
            Self::Issuer => "issuer",
            Self::Source => "source",
            Self::Created => "created",
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Name | Self::Names | Self::Issuer => Kind::Text,
            Self::NotAfter | Self::Created => Kind::Time,
            Self::Status => Kind::Choice(STATUSES),
            Self::Source => Kind::Choice(SOURCES),
        }
    }
}

impl List for Field {
    type Entity = Entity;

    const NAME: &'static str = "certificates";
    const DEFAULT_SORT: Sort<Self> = Sort {
        field: Self::Name,
        direction: Direction::Ascending,
    };
    const ID: Column = Column::Id;

    fn sort_column(self) -> Option<Column> {
        match self {
            Self::Name => Some(Column::FriendlyNameFolded),
            // A certificate has many names, and its status is not in the table.
            Self::Names | Self::Status => None,
            Self::NotAfter => Some(Column::NotAfter),
            Self::Issuer => Some(Column::IssuerFolded),
            Self::Source => Some(Column::Source),
            Self::Created => Some(Column::Created),
        }
    }

    fn condition(self, test: &Test, now: i64) -> Expr {
        match self {
            Self::Name => condition::on(Column::FriendlyNameFolded, test),
            Self::Names => among_names(test),
            Self::Status => has_status(test, now),
            Self::NotAfter => condition::on(Column::NotAfter, test),
            Self::Issuer => condition::on(Column::IssuerFolded, test),
            Self::Source => condition::on(Column::Source, test),
            Self::Created => condition::on(Column::Created, test),
        }
    }

    fn weight(row: &Model) -> usize {
        row.certificate.len() + ROW_WEIGHT
    }
}

/// One certificate by id, friendly name, or SHA-256 fingerprint of any version.
///
/// # Errors
/// [`Refusal::NotFound`], or what the database says.
pub async fn get(
    database: &impl ConnectionTrait,
    id: &str,
    now: i64,
) -> Result<answer::Certificate, Refusal> {
    let row = match Entity::find_by_id(id).one(database).await? {
        Some(row) => Some(row),
        None => match by_fingerprint(database, id).await? {
            Some(row) => Some(row),
            None => by_name(database, id).await?,
        },
    };
    let row = row.ok_or_else(|| Refusal::NotFound {
        what: "certificate",
        id: id.to_owned(),
    })?;
    let issuers = issuers(database, &row.id).await?;
    Ok(answer::Certificate {
        issuers,
        ..answered(row, now)?
    })
}

/// The row as it is answered at this moment, without issuers.
///
/// # Errors
/// [`Refusal::Damaged`] where the database changed the row.
pub fn answered(row: Model, now: i64) -> Result<answer::Certificate, Refusal> {
    Ok(answer::Certificate {
        status: status(&row, now).into(),
        certificate: Some(decoded("certificate", &row.certificate)?),
        id: row.id,
        friendly_name: row.friendly_name,
        source: row.source,
        version: unsigned(row.version),
        key_id: row.key_id,
        automation_id: row.automation_id,
        serve: row.serve,
        issuers: Vec::new(),
        created: timestamp(row.created),
        updated: timestamp(row.updated),
        ..answer::Certificate::default()
    })
}

/// A fingerprint as it is kept, from what people paste: colons and capitals do not matter.
pub fn fingerprint(text: &str) -> Option<String> {
    let hex = text.replace(':', "").to_ascii_lowercase();
    let whole = hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit());
    whole.then_some(hex)
}

/// How a certificate stands at this moment. [`has_status`] says the same in SQL.
fn status(row: &Model, now: i64) -> answer::CertificateStatus {
    // Valid up to notAfter itself (RFC 5280, section 4.1.2.5).
    if now > row.not_after {
        answer::CertificateStatus::Expired
    } else if now < row.not_before {
        answer::CertificateStatus::NotYetValid
    } else if now >= row.renew_at {
        answer::CertificateStatus::Expiring
    } else {
        answer::CertificateStatus::Valid
    }
}

fn has_status(test: &Test, now: i64) -> Expr {
    let (wanted, equal) = match test {
        Test::Differs(wanted) => (*wanted, false),
        Test::Equals(wanted) => (*wanted, true),
        // A choice is compared in no other way.
        _ => return Expr::val(false),
    };
    let expired = Column::NotAfter.lt(now);
    let current = Column::NotAfter.gte(now);
    let begun = Column::NotBefore.lte(now);
    let is = match i32::try_from(wanted).map(answer::CertificateStatus::try_from) {
        Ok(Ok(answer::CertificateStatus::Expired)) => expired,
        Ok(Ok(answer::CertificateStatus::NotYetValid)) => current.and(Column::NotBefore.gt(now)),
        Ok(Ok(answer::CertificateStatus::Expiring)) => {
            current.and(begun).and(Column::RenewAt.lte(now))
        }
        Ok(Ok(answer::CertificateStatus::Valid)) => current.and(begun).and(Column::RenewAt.gt(now)),
        Ok(Ok(answer::CertificateStatus::Unspecified) | Err(_)) | Err(_) => Expr::val(false),
    };
    if equal { is } else { is.not() }
}

/// Any of its names is it; or, for "not", none of them.
fn among_names(test: &Test) -> Expr {
    let named = |test: &Test| {
        let names = certificate_name::Entity::find()
            .select_only()
            .column(certificate_name::Column::CertificateId)
            .filter(condition::on(certificate_name::Column::Name, test));
        Column::Id.in_subquery(names.into_query())
    };
    match test {
        Test::Is(name) => named(&Test::Is(as_kept(name))),
        Test::IsNot(name) => named(&Test::Is(as_kept(name))).not(),
        other => named(other),
    }
}

/// A name as certificates hold it: addresses in their shortest form, DNS names as A-labels without a final dot.
fn as_kept(name: &str) -> String {
    if let Ok(address) = name.parse::<IpAddr>() {
        return address.to_string();
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    match idna::domain_to_ascii(name) {
        Ok(ascii) if !name.is_ascii() => ascii,
        _ => name.to_owned(),
    }
}

async fn by_fingerprint(
    database: &impl ConnectionTrait,
    text: &str,
) -> Result<Option<Model>, DbErr> {
    let Some(fingerprint) = fingerprint(text) else {
        return Ok(None);
    };
    let version = certificate_version::Entity::find()
        .filter(certificate_version::Column::Sha256Fingerprint.eq(fingerprint))
        .order_by_asc(certificate_version::Column::CertificateId)
        .one(database)
        .await?;
    match version {
        Some(version) => {
            Entity::find_by_id(version.certificate_id)
                .one(database)
                .await
        }
        None => Ok(None),
    }
}

async fn by_name(database: &impl ConnectionTrait, name: &str) -> Result<Option<Model>, DbErr> {
    Entity::find()
        // The folded name has the index; the exact one decides.
        .filter(Column::FriendlyNameFolded.eq(folded(name)))
        .filter(Column::FriendlyName.eq(name))
        .order_by_asc(Column::Id)
        .one(database)
        .await
}

async fn issuers(
    database: &impl ConnectionTrait,
    id: &str,
) -> Result<Vec<x509::v1::Certificate>, Refusal> {
    use certificate_issuer::Column;
    let chain = certificate_issuer::Entity::find()
        .filter(Column::CertificateId.eq(id))
        .order_by_asc(Column::Place)
        .all(database)
        .await?;
    let fingerprints = chain.iter().map(|place| place.sha256_fingerprint.as_str());
    let any = Condition::all().add(issuer::Column::Sha256Fingerprint.is_in(fingerprints));
    let rows = issuer::Entity::find().filter(any).all(database).await?;
    let mut issuers = Vec::with_capacity(chain.len());
    for place in &chain {
        let row = rows
            .iter()
            .find(|row| row.sha256_fingerprint == place.sha256_fingerprint);
        if let Some(row) = row {
            issuers.push(decoded("issuer", &row.certificate)?);
        }
    }
    Ok(issuers)
}

const STATUSES: &[(&str, i32)] = &[
    ("valid", answer::CertificateStatus::Valid as i32),
    ("expiring", answer::CertificateStatus::Expiring as i32),
    ("expired", answer::CertificateStatus::Expired as i32),
    (
        "not-yet-valid",
        answer::CertificateStatus::NotYetValid as i32,
    ),
];

const SOURCES: &[(&str, i32)] = &[
    ("acme", answer::Source::Acme as i32),
    ("self-signed", answer::Source::SelfSigned as i32),
    ("factory", answer::Source::Factory as i32),
];

/// What a row takes beside the certificate, in bytes: names of at most 100 characters, ids, times.
const ROW_WEIGHT: usize = 600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_looked_up_as_they_are_kept() {
        assert_eq!(as_kept("www.example.com."), "www.example.com");
        assert_eq!(as_kept("bücher.example"), "xn--bcher-kva.example");
        assert_eq!(as_kept("2001:db8:0:0:0:0:0:1"), "2001:db8::1");
        assert_eq!(as_kept("*.example.com"), "*.example.com");
    }

    #[test]
    fn a_fingerprint_may_be_pasted_as_other_programs_show_it() {
        let shown = ["AB"; 32].join(":");
        assert_eq!(fingerprint(&shown), Some("ab".repeat(32)));
        assert_eq!(fingerprint("ab"), None);
        assert_eq!(fingerprint(&"zz".repeat(32)), None);
    }
}
