//! Certificates: fields and answers.

pub mod counts;
mod detail;
mod domains;
mod search;
mod walks;

use std::collections::{BTreeMap, BTreeSet};

use api::{CertificateFilter, projection::v1 as answer};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, SelectStatement},
};

pub use self::detail::get;
use super::{
    automations::{self, Failing},
    condition::{self, TRUE_FALSE},
    decoded,
    filter::{self, Kind, Term, Test},
    keys, names,
    question::{List, Searched},
    sort::{Direction, Sort},
    unsigned,
};
use crate::{
    refusal::Refusal,
    status::{Columns, Renewal},
    tables::{
        certificate::{Column, Entity, Model},
        certificate_name, default_certificate,
        instant::timestamp,
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
    /// Whether its private key is here.
    Key,
    /// Whether its chain is complete.
    Chain,
    /// Whether it is a CA's.
    Authority,
    /// Whether it answers where no name does.
    Default,
    /// Whether it was deleted.
    Deleted,
    /// Whether it is more than a link in others' chains.
    Own,
    /// The algorithm of its own key.
    Algorithm,
    /// How the next version comes.
    Renewal,
    /// All that people look for it by.
    Any,
    /// A domain that one of its names is, or is under.
    Domain,
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
        Self::Key,
        Self::Chain,
        Self::Authority,
        Self::Default,
        Self::Deleted,
        Self::Own,
        Self::Algorithm,
        Self::Renewal,
        Self::Any,
        Self::Domain,
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
            Self::Key => "key",
            Self::Chain => "chain",
            Self::Authority => "authority",
            Self::Default => "default",
            Self::Deleted => "deleted",
            Self::Own => "own",
            Self::Algorithm => "algorithm",
            Self::Renewal => "renewal",
            Self::Any => "any",
            Self::Domain => "domain",
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Name | Self::Names | Self::Issuer | Self::Any | Self::Domain => Kind::Text,
            Self::NotAfter | Self::Created => Kind::Time,
            Self::Status => Kind::Choice(condition::STATUSES),
            Self::Source => Kind::Choice(SOURCES),
            Self::Chain => Kind::Choice(CHAINS),
            Self::Algorithm => Kind::Choice(keys::ALGORITHMS),
            Self::Renewal => Kind::Choice(RENEWALS),
            Self::Key | Self::Authority | Self::Default | Self::Deleted | Self::Own => {
                Kind::Choice(TRUE_FALSE)
            }
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
            Self::Names | Self::Any | Self::Domain | Self::Status => None,
            // Few values are no order.
            Self::Key
            | Self::Chain
            | Self::Authority
            | Self::Default
            | Self::Deleted
            | Self::Own
            | Self::Algorithm
            | Self::Renewal => None,
            Self::NotAfter => Some(Column::NotAfter),
            Self::Issuer => Some(Column::IssuerFolded),
            Self::Source => Some(Column::Source),
            Self::Created => Some(Column::Created),
        }
    }

    fn condition(self, test: &Test, now: i64) -> Expr {
        match self {
            Self::Name => condition::on(Column::FriendlyNameFolded, test),
            Self::Names => names::among::<certificate_name::Entity>(
                Column::Id,
                certificate_name::Column::CertificateId,
                certificate_name::Column::Name,
                test,
            ),
            Self::Status => condition::status(STANDING, test, now),
            Self::NotAfter => condition::on(Column::NotAfter, test),
            Self::Issuer => condition::on(Column::IssuerFolded, test),
            Self::Source => condition::on(Column::Source, test),
            Self::Created => condition::on(Column::Created, test),
            // Those without are the rarer ones: see [`condition::flag`].
            Self::Key if condition::wanted(test) => Column::Keyless.ne(true),
            Self::Key => Column::Keyless.eq(true),
            Self::Chain => condition::flag(Column::ChainComplete, false, test),
            Self::Authority => condition::flag(Column::IsCa, true, test),
            Self::Default => is_default(test),
            Self::Deleted => condition::flag(Column::Deleted, true, test),
            Self::Own => condition::flag(Column::Own, false, test),
            Self::Algorithm => condition::on(Column::KeyAlgorithm, test),
            Self::Renewal => Column::Automated.eq(condition::wanted(test)),
            Self::Any => search::any(test),
            Self::Domain => domains::under(test),
        }
    }

    fn is_common(self) -> bool {
        matches!(self, Self::Source | Self::Issuer | Self::Status) || walks::is_flag(self)
    }

    fn unless_asked(terms: &[Term<Self>]) -> Option<Expr> {
        let asked = terms.iter().any(|term| matches!(term.field, Self::Deleted));
        (!asked).then(|| Column::Deleted.ne(true))
    }

    fn seldom(terms: &[Term<Self>], by: Self, now: i64) -> Vec<SelectStatement> {
        walks::seldom(terms, by, now)
    }

    fn stretch(terms: &[Term<Self>], by: Self, now: i64) -> Option<Expr> {
        walks::stretch(terms, by, now)
    }

    fn searched(terms: &[Term<Self>]) -> Option<Searched<Column>> {
        search::searched(terms)
    }

    fn within(held_to: &CertificateFilter) -> Expr {
        names::within::<certificate_name::Entity>(
            Column::Id,
            certificate_name::Column::CertificateId,
            certificate_name::Column::Name,
            held_to,
        )
    }

    fn weight(row: &Model) -> usize {
        row.certificate.len() + row.missing_issuer.len() + ROW_WEIGHT
    }
}

/// The rows as they are answered at this moment, without what a list leaves out.
///
/// # Errors
/// [`Refusal::Damaged`] where the database changed a row, or what the database says.
pub async fn answered(
    database: &impl ConnectionTrait,
    rows: Vec<Model>,
    now: i64,
) -> Result<Vec<answer::Certificate>, Refusal> {
    let defaults = defaults(database).await?;
    let automations = rows.iter().map(|row| row.automation_id.as_str());
    let failing = automations::failing(database, automations.collect()).await?;
    rows.into_iter()
        .map(|row| one(row, &defaults, &failing, now))
        .collect()
}

fn one(
    row: Model,
    defaults: &BTreeSet<String>,
    failing: &BTreeMap<String, Failing>,
    now: i64,
) -> Result<answer::Certificate, Refusal> {
    let standing = row.stands();
    let failing = failing.get(&row.automation_id);
    Ok(answer::Certificate {
        status: standing.status(now).into(),
        renew_at: match standing.renewal {
            Renewal::None => None,
            _ => timestamp(standing.due_at),
        },
        last_failure: failing.map(|failing| failing.last_failure.clone()),
        failing_since: failing.and_then(|failing| timestamp(failing.since)),
        retry_at: failing.and_then(|failing| timestamp(failing.retry_at)),
        certificate: Some(decoded("certificate", &row.certificate)?),
        default: defaults.contains(&row.id),
        id: row.id,
        friendly_name: row.friendly_name,
        source: row.source,
        version: unsigned(row.version),
        key_id: row.key_id,
        automation_id: row.automation_id,
        serve: row.serve,
        created: timestamp(row.created),
        updated: timestamp(row.updated),
        deleted: timestamp(row.deleted_at),
        chain_complete: row.chain_complete,
        missing_issuer: row.missing_issuer,
        request_id: row.request_id,
        // In the detail alone.
        issuers: Vec::new(),
        missing_issuer_url: String::new(),
        subject: None,
        versions: Vec::new(),
    })
}

/// The default's id: one at most.
async fn defaults(database: &impl ConnectionTrait) -> Result<BTreeSet<String>, DbErr> {
    let rows = default_certificate::Entity::find().all(database).await?;
    Ok(rows.into_iter().map(|row| row.certificate_id).collect())
}

/// A fingerprint as it is kept, from what people paste: colons and capitals do not matter.
pub fn fingerprint(text: &str) -> Option<String> {
    let hex = text.replace(':', "").to_ascii_lowercase();
    let whole = hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit());
    whole.then_some(hex)
}

/// It is the default; or it is not.
fn is_default(test: &Test) -> Expr {
    use default_certificate::Column as Chosen;
    let default = default_certificate::Entity::find().select_only();
    if condition::wanted(test) {
        // One value, and not a set of them: then it is looked up by its id.
        let one = default.expr(Chosen::CertificateId.min());
        Column::Id
            .into_expr()
            .eq(Expr::SubQuery(None, Box::new(one.into_query().into())))
    } else {
        Column::Id.not_in_subquery(default.column(Chosen::CertificateId).into_query())
    }
}

/// What a status is told from.
pub const STANDING: Columns<Column> = Columns {
    revoked: Column::Revoked,
    not_before: Column::NotBefore,
    not_after: Column::NotAfter,
    due_at: Column::DueAt,
    error_at: Column::ErrorAt,
    renewal: Column::Renewal,
};

const SOURCES: &[(&str, i32)] = &[
    ("acme", answer::Source::Acme as i32),
    ("self-signed", answer::Source::SelfSigned as i32),
    ("factory", answer::Source::Factory as i32),
    ("imported", answer::Source::Imported as i32),
];

const RENEWALS: &[(&str, i32)] = &[("automatic", 1), ("by-hand", 0)];

const CHAINS: &[(&str, i32)] = &[("complete", 1), ("incomplete", 0)];

/// What a row takes beside the certificate, in bytes: names of at most 100 characters, ids, times.
const ROW_WEIGHT: usize = 600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_may_be_pasted_as_other_programs_show_it() {
        let shown = ["AB"; 32].join(":");
        assert_eq!(fingerprint(&shown), Some("ab".repeat(32)));
        assert_eq!(fingerprint("ab"), None);
        assert_eq!(fingerprint(&"zz".repeat(32)), None);
    }
}
