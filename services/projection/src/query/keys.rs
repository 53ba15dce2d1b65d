//! Keys: fields and answers.

use std::collections::BTreeMap;

use api::{projection::v1 as answer, x509::v1::KeyAlgorithm};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait,
    sea_query::{Expr, ExprTrait},
};

use super::{
    certificates::fingerprint,
    condition::{self, TRUE_FALSE},
    filter::{self, Kind, Term, Test},
    question::List,
    sort::{Direction, Sort},
    unsigned,
};
use crate::{
    refusal::Refusal,
    tables::{
        certificate, certificate_version,
        instant::{NEVER, timestamp},
        key::{Column, Entity, Model},
        request,
    },
};

/// The fields of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// For example ecdsa-p256.
    Algorithm,
    /// SHA-256 of the subjectPublicKeyInfo, hex.
    SpkiSha256,
    /// How it came here.
    Origin,
    /// Whether a certificate or a pending request uses it.
    Used,
    /// When it was made or came in.
    Created,
}

impl filter::Field for Field {
    const ALL: &'static [Self] = &[
        Self::Algorithm,
        Self::SpkiSha256,
        Self::Origin,
        Self::Used,
        Self::Created,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Algorithm => "algorithm",
            Self::SpkiSha256 => "spki_sha256",
            Self::Origin => "origin",
            Self::Used => "used",
            Self::Created => "created",
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Algorithm => Kind::Choice(ALGORITHMS),
            Self::SpkiSha256 => Kind::Text,
            Self::Origin => Kind::Choice(ORIGINS),
            Self::Used => Kind::Choice(TRUE_FALSE),
            Self::Created => Kind::Time,
        }
    }
}

impl List for Field {
    type Entity = Entity;

    const NAME: &'static str = "keys";
    const DEFAULT_SORT: Sort<Self> = Sort {
        field: Self::Created,
        direction: Direction::Descending,
    };
    const ID: Column = Column::Id;

    fn sort_column(self) -> Option<Column> {
        match self {
            Self::Algorithm => Some(Column::Algorithm),
            Self::SpkiSha256 => Some(Column::SpkiSha256),
            Self::Origin => Some(Column::Origin),
            // Two values are no order.
            Self::Used => None,
            Self::Created => Some(Column::Created),
        }
    }

    fn condition(self, test: &Test, _now: i64) -> Expr {
        match self {
            Self::Algorithm => condition::on(Column::Algorithm, test),
            Self::SpkiSha256 => condition::on(Column::SpkiSha256, test),
            Self::Origin => condition::on(Column::Origin, test),
            Self::Used => condition::flag(Column::Used, false, test),
            Self::Created => condition::on(Column::Created, test),
        }
    }

    fn is_common(self) -> bool {
        matches!(self, Self::Algorithm | Self::Origin)
    }

    fn unless_asked(_: &[Term<Self>]) -> Option<Expr> {
        Some(Column::DestroyedAt.eq(NEVER))
    }

    fn weight(row: &Model) -> usize {
        row.spki_der.len() + ROW_WEIGHT
    }
}

/// One key by id, or by the SHA-256 of its subjectPublicKeyInfo: the one that is here before those
/// that were destroyed.
///
/// # Errors
/// [`Refusal::NotFound`], or what the database says.
pub async fn get(database: &impl ConnectionTrait, id: &str) -> Result<answer::Key, Refusal> {
    let mut row = Entity::find_by_id(id).one(database).await?;
    if let (None, Some(spki_sha256)) = (&row, fingerprint(id)) {
        row = Entity::find()
            .filter(Column::SpkiSha256.eq(spki_sha256))
            .order_by_desc(Column::DestroyedAt)
            .order_by_asc(Column::Id)
            .one(database)
            .await?;
    }
    let answers = answered(database, row.into_iter().collect()).await?;
    answers.into_iter().next().ok_or_else(|| Refusal::NotFound {
        what: "key",
        id: id.to_owned(),
    })
}

/// The rows as they are answered, each with the certificates and requests that use it.
///
/// # Errors
/// What the database says.
pub async fn answered(
    database: &impl ConnectionTrait,
    rows: Vec<Model>,
) -> Result<Vec<answer::Key>, DbErr> {
    let public_keys = rows.iter().map(|row| row.spki_sha256.as_str());
    let certificates = certificates(database, public_keys.clone()).await?;
    let requests = requests(database, public_keys).await?;
    let users = |users: &BTreeMap<String, Vec<String>>, row: &Model| {
        users.get(&row.spki_sha256).cloned().unwrap_or_default()
    };
    let answers = rows.into_iter().map(|row| answer::Key {
        certificate_ids: users(&certificates, &row),
        request_ids: users(&requests, &row),
        id: row.id,
        algorithm: row.algorithm,
        spki_der: row.spki_der.into(),
        spki_sha256: row.spki_sha256,
        created: timestamp(row.created),
        origin: row.origin,
        exports: unsigned(row.exports),
        last_exported: timestamp(row.last_exported),
        destroyed: timestamp(row.destroyed_at),
    });
    Ok(answers.collect())
}

/// The ids of the keys that are here for these public keys, by public key.
///
/// # Errors
/// What the database says.
pub async fn here(
    database: &impl ConnectionTrait,
    public_keys: impl Iterator<Item = &str>,
) -> Result<BTreeMap<String, String>, DbErr> {
    let pairs = Entity::find()
        .select_only()
        .columns([Column::SpkiSha256, Column::Id])
        .filter(Column::SpkiSha256.is_in(public_keys))
        .filter(Column::DestroyedAt.eq(NEVER))
        // Of several the first stays, as in the certificates' rows.
        .order_by_desc(Column::Id)
        .into_tuple::<(String, String)>()
        .all(database)
        .await?;
    Ok(pairs.into_iter().collect())
}

/// The certificates that use these keys, in any version, by public key; but for deleted ones.
async fn certificates(
    database: &impl ConnectionTrait,
    public_keys: impl Iterator<Item = &str>,
) -> Result<BTreeMap<String, Vec<String>>, DbErr> {
    use certificate_version::Column;
    let not_deleted = certificate::Entity::find()
        .select_only()
        .expr(Expr::val(1))
        .filter(
            certificate::Column::Id
                .into_expr()
                .eq(Column::CertificateId.into_expr()),
        )
        .filter(certificate::Column::Deleted.ne(true));
    let pairs = certificate_version::Entity::find()
        .select_only()
        .columns([Column::SpkiSha256, Column::CertificateId])
        .distinct()
        .filter(Column::SpkiSha256.is_in(public_keys))
        .filter(Expr::exists(not_deleted.into_query()))
        .order_by_asc(Column::SpkiSha256)
        .order_by_asc(Column::CertificateId)
        .into_tuple::<(String, String)>()
        .all(database)
        .await?;
    Ok(grouped(pairs))
}

/// The pending requests that use these keys, by public key.
async fn requests(
    database: &impl ConnectionTrait,
    public_keys: impl Iterator<Item = &str>,
) -> Result<BTreeMap<String, Vec<String>>, DbErr> {
    use request::Column;
    let pairs = request::Entity::find()
        .select_only()
        .columns([Column::SpkiSha256, Column::Id])
        .filter(Column::SpkiSha256.is_in(public_keys))
        .filter(Column::Status.eq(i32::from(answer::RequestStatus::Pending)))
        .filter(Column::DeletedAt.eq(NEVER))
        .order_by_asc(Column::SpkiSha256)
        .order_by_asc(Column::Id)
        .into_tuple::<(String, String)>()
        .all(database)
        .await?;
    Ok(grouped(pairs))
}

fn grouped(pairs: Vec<(String, String)>) -> BTreeMap<String, Vec<String>> {
    let mut groups = BTreeMap::<String, Vec<String>>::new();
    for (key, id) in pairs {
        groups.entry(key).or_default().push(id);
    }
    groups
}

/// The words of algorithms.
pub const ALGORITHMS: &[(&str, i32)] = &[
    ("rsa-2048", KeyAlgorithm::Rsa2048 as i32),
    ("rsa-3072", KeyAlgorithm::Rsa3072 as i32),
    ("rsa-4096", KeyAlgorithm::Rsa4096 as i32),
    ("ecdsa-p256", KeyAlgorithm::EcdsaP256 as i32),
    ("ecdsa-p384", KeyAlgorithm::EcdsaP384 as i32),
    ("ecdsa-p521", KeyAlgorithm::EcdsaP521 as i32),
    ("ed25519", KeyAlgorithm::Ed25519 as i32),
];

const ORIGINS: &[(&str, i32)] = &[
    ("generated", answer::KeyOrigin::Generated as i32),
    ("imported", answer::KeyOrigin::Imported as i32),
];

/// What a row takes beside the public key, in bytes: its ids, and those of a few certificates.
const ROW_WEIGHT: usize = 400;
