//! Keys: fields and answers.

use std::collections::BTreeMap;

use api::{projection::v1 as answer, x509::v1::KeyAlgorithm};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};

use super::{
    certificates::fingerprint,
    condition,
    filter::{self, Kind, Test},
    question::List,
    sort::{Direction, Sort},
};
use crate::{
    refusal::Refusal,
    tables::{
        certificate_version,
        instant::timestamp,
        key::{Column, Entity, Model},
    },
};

/// The fields of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// For example ecdsa-p256.
    Algorithm,
    /// SHA-256 of the subjectPublicKeyInfo, hex.
    SpkiSha256,
    /// When it was made.
    Created,
}

impl filter::Field for Field {
    const ALL: &'static [Self] = &[Self::Algorithm, Self::SpkiSha256, Self::Created];

    fn name(self) -> &'static str {
        match self {
            Self::Algorithm => "algorithm",
            Self::SpkiSha256 => "spki_sha256",
            Self::Created => "created",
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Algorithm => Kind::Choice(ALGORITHMS),
            Self::SpkiSha256 => Kind::Text,
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
        Some(match self {
            Self::Algorithm => Column::Algorithm,
            Self::SpkiSha256 => Column::SpkiSha256,
            Self::Created => Column::Created,
        })
    }

    fn condition(self, test: &Test, _now: i64) -> Expr {
        match self {
            Self::Algorithm => condition::on(Column::Algorithm, test),
            Self::SpkiSha256 => condition::on(Column::SpkiSha256, test),
            Self::Created => condition::on(Column::Created, test),
        }
    }

    fn weight(row: &Model) -> usize {
        row.spki_der.len() + ROW_WEIGHT
    }
}

/// One key by id, or by the SHA-256 of its subjectPublicKeyInfo.
///
/// # Errors
/// [`Refusal::NotFound`], or what the database says.
pub async fn get(database: &impl ConnectionTrait, id: &str) -> Result<answer::Key, Refusal> {
    let mut row = Entity::find_by_id(id).one(database).await?;
    if let (None, Some(spki_sha256)) = (&row, fingerprint(id)) {
        row = Entity::find()
            .filter(Column::SpkiSha256.eq(spki_sha256))
            .order_by_asc(Column::Id)
            .one(database)
            .await?;
    }
    let row = row.ok_or_else(|| Refusal::NotFound {
        what: "key",
        id: id.to_owned(),
    })?;
    let mut answers = answered(database, vec![row]).await?;
    answers.pop().ok_or_else(|| Refusal::NotFound {
        what: "key",
        id: id.to_owned(),
    })
}

/// The rows as they are answered, each with the certificates that use it.
///
/// # Errors
/// What the database says.
pub async fn answered(
    database: &impl ConnectionTrait,
    rows: Vec<Model>,
) -> Result<Vec<answer::Key>, DbErr> {
    let mut users = users(database, rows.iter().map(|row| row.id.as_str())).await?;
    let answers = rows.into_iter().map(|row| answer::Key {
        certificate_ids: users.remove(&row.id).unwrap_or_default(),
        id: row.id,
        algorithm: row.algorithm,
        spki_der: row.spki_der.into(),
        spki_sha256: row.spki_sha256,
        created: timestamp(row.created),
        ..answer::Key::default()
    });
    Ok(answers.collect())
}

/// The certificates that use these keys, in any version, by key.
async fn users(
    database: &impl ConnectionTrait,
    keys: impl Iterator<Item = &str>,
) -> Result<BTreeMap<String, Vec<String>>, DbErr> {
    use certificate_version::Column;
    let pairs = certificate_version::Entity::find()
        .select_only()
        .columns([Column::KeyId, Column::CertificateId])
        .distinct()
        .filter(Column::KeyId.is_in(keys))
        .order_by_asc(Column::KeyId)
        .order_by_asc(Column::CertificateId)
        .into_tuple::<(String, String)>()
        .all(database)
        .await?;
    let mut users = BTreeMap::<String, Vec<String>>::new();
    for (key, certificate) in pairs {
        users.entry(key).or_default().push(certificate);
    }
    Ok(users)
}

const ALGORITHMS: &[(&str, i32)] = &[
    ("rsa-2048", KeyAlgorithm::Rsa2048 as i32),
    ("rsa-3072", KeyAlgorithm::Rsa3072 as i32),
    ("rsa-4096", KeyAlgorithm::Rsa4096 as i32),
    ("ecdsa-p256", KeyAlgorithm::EcdsaP256 as i32),
    ("ecdsa-p384", KeyAlgorithm::EcdsaP384 as i32),
    ("ecdsa-p521", KeyAlgorithm::EcdsaP521 as i32),
    ("ed25519", KeyAlgorithm::Ed25519 as i32),
];

/// What a row takes beside the public key, in bytes: its ids, and those of a few certificates.
const ROW_WEIGHT: usize = 400;
