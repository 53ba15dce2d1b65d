//! The ledger of disclosures: who could read private keys.

use std::collections::{BTreeMap, BTreeSet};

use api::projection::v1::{self as answer, disclosure::How};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter,
    QueryOrder, QuerySelect,
};

use super::unsigned;
use crate::{
    refusal::Refusal,
    tables::{
        certificate, certificate_version,
        disclosure::{Column, Entity, Model},
        folded,
        instant::timestamp,
        key,
    },
};

/// Whose disclosures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Of {
    /// The ids under which the key was ever here; empty for all keys.
    pub key_ids: Vec<String>,
    /// The key's public half, where one is asked for.
    public_key: Option<String>,
}

/// What is asked for: a key by its id or public key, or all where the text is empty.
///
/// # Errors
/// [`Refusal::NotFound`], or what the database says.
pub async fn of(database: &impl ConnectionTrait, text: &str) -> Result<Of, Refusal> {
    if text.is_empty() {
        return Ok(Of {
            key_ids: Vec::new(),
            public_key: None,
        });
    }
    let by_id = key::Entity::find_by_id(text).one(database).await?;
    let public_key = by_id.map_or_else(|| folded(text), |row| row.spki_sha256);
    // A key that was destroyed and came back has another id, and is the same key.
    let rows = key::Entity::find()
        .filter(key::Column::SpkiSha256.eq(&public_key))
        .order_by_asc(key::Column::Id)
        .all(database)
        .await?;
    if rows.is_empty() {
        return Err(Refusal::NotFound {
            what: "key",
            id: text.to_owned(),
        });
    }
    Ok(Of {
        key_ids: rows.into_iter().map(|row| row.id).collect(),
        public_key: Some(public_key),
    })
}

/// A page of them, the newest first, before this sequence; and whether there are more.
///
/// # Errors
/// What the database says.
pub async fn page(
    database: &impl ConnectionTrait,
    of: &Of,
    before: i64,
    size: usize,
) -> Result<(Vec<answer::Disclosure>, bool), DbErr> {
    let which = match &of.public_key {
        None => Condition::all(),
        Some(public_key) => {
            let grants = grants(database, public_key).await?;
            Condition::any()
                .add(Column::KeyId.is_in(&of.key_ids))
                .add(grants)
        }
    };
    let rows = Entity::find()
        .filter(Column::Sequence.lt(before))
        .filter(which)
        .order_by_desc(Column::Sequence)
        .limit(size as u64 + 1)
        .all(database)
        .await?;
    let more = rows.len() > size;
    let rows = rows.into_iter().take(size).map(answered);
    Ok((rows.collect(), more))
}

/// The grants through which a gateway could have read the key: those since it is served, and of each gateway the last
/// one before, which may have gone on.
async fn grants(database: &impl ConnectionTrait, public_key: &str) -> Result<Condition, DbErr> {
    let none = Condition::any().add(Column::Sequence.lt(0));
    let Some(since) = served_since(database, public_key).await? else {
        return Ok(none);
    };
    let earlier = Entity::find()
        .filter(Column::Gateway.ne(""))
        .filter(Column::Time.lt(since))
        .order_by_desc(Column::Sequence)
        .limit(LOOKED_BACK)
        .all(database)
        .await?;
    let mut last = BTreeMap::new();
    for grant in earlier {
        last.entry(grant.gateway).or_insert(grant.sequence);
    }
    let since = Column::Gateway.ne("").and(Column::Time.gte(since));
    Ok(none
        .add(since)
        .add(Column::Sequence.is_in(last.into_values())))
}

/// Since when a certificate with this key is served; none where none ever was.
async fn served_since(
    database: &impl ConnectionTrait,
    public_key: &str,
) -> Result<Option<i64>, DbErr> {
    let versions = certificate_version::Entity::find()
        .filter(certificate_version::Column::SpkiSha256.eq(public_key))
        .all(database)
        .await?;
    let ids = versions.iter().map(|row| row.certificate_id.as_str());
    let ids = ids.collect::<BTreeSet<_>>();
    let served = certificate::Entity::find()
        .filter(certificate::Column::Id.is_in(ids))
        .filter(certificate::Column::Serve.eq(true))
        .all(database)
        .await?;
    let served = served
        .into_iter()
        .map(|row| row.id)
        .collect::<BTreeSet<_>>();
    let since = versions
        .iter()
        .filter(|row| served.contains(&row.certificate_id))
        .map(|row| row.created);
    Ok(since.min())
}

fn answered(row: Model) -> answer::Disclosure {
    let how = match row.gateway.as_str() {
        "" => How::Export(answer::ExportedKey {
            key_id: row.key_id,
            format: row.format,
            protected: row.protected,
            certificate_id: row.certificate_id,
        }),
        _ => How::Grant(answer::ServingGrant {
            certificates: unsigned(row.certificates),
            gateway: row.gateway,
        }),
    };
    answer::Disclosure {
        sequence: row.sequence.cast_unsigned(),
        time: timestamp(row.time),
        actor: row.actor,
        how: Some(how),
    }
}

/// Grants before a key was served, among which each gateway's last is looked for.
const LOOKED_BACK: u64 = 1_000;
