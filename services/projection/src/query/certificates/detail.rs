//! One certificate with all that is known of it.

use api::{projection::v1 as answer, x509};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
};

use super::{answered, fingerprint};
use crate::{
    query::{decoded, keys, unsigned},
    refusal::Refusal,
    tables::{
        certificate::{Column, Entity, Model},
        certificate_issuer, certificate_version, folded,
        instant::timestamp,
        issuer,
    },
};

/// One certificate by id, friendly name, or SHA-256 fingerprint of any version. A deleted one has
/// no name any more.
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
    let rows = answered(database, row.into_iter().collect(), now).await?;
    let listed = rows.into_iter().next().ok_or_else(|| Refusal::NotFound {
        what: "certificate",
        id: id.to_owned(),
    })?;
    let issuers = issuers(database, &listed.id).await?;
    let leaf = listed.certificate.as_ref().and_then(parsed);
    let missing_issuer_url = if listed.chain_complete {
        None
    } else {
        let last = issuers.last().map_or_else(|| leaf.clone(), parsed);
        last.and_then(|last| last.ca_issuers_url())
    };
    Ok(answer::Certificate {
        versions: versions(database, &listed.id).await?,
        subject: leaf.map(|leaf| subject(leaf.subject_fields())),
        missing_issuer_url: missing_issuer_url.unwrap_or_default(),
        issuers,
        ..listed
    })
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
        .filter(Column::Deleted.ne(true))
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

/// Every version, the newest first.
async fn versions(
    database: &impl ConnectionTrait,
    id: &str,
) -> Result<Vec<answer::CertificateVersion>, DbErr> {
    use certificate_version::Column;
    let rows = certificate_version::Entity::find()
        .filter(Column::CertificateId.eq(id))
        .order_by_desc(Column::Version)
        .all(database)
        .await?;
    let public_keys = rows.iter().map(|row| row.spki_sha256.as_str());
    let keys = keys::here(database, public_keys).await?;
    let versions = rows.into_iter().map(|row| answer::CertificateVersion {
        version: unsigned(row.version),
        key_id: keys.get(&row.spki_sha256).cloned().unwrap_or_default(),
        sha256_fingerprint: row.sha256_fingerprint,
        serial_number: row.serial_number,
        not_before: timestamp(row.not_before),
        not_after: timestamp(row.not_after),
        created: timestamp(row.created),
        revoked: timestamp(row.revoked_at),
        revocation_reason: row.revocation_reason,
    });
    Ok(versions.collect())
}

/// What the event does not hold parsed. The keystore has read it before; what it could read and we
/// cannot is left out, and the certificate still shown.
fn parsed(certificate: &x509::v1::Certificate) -> Option<pki::Certificate> {
    pki::Certificate::parse(&certificate.der).ok()
}

fn subject(fields: pki::SubjectFields) -> x509::v1::Subject {
    x509::v1::Subject {
        common_name: fields.common_name,
        organization: fields.organization,
        organizational_unit: fields.organizational_unit,
        locality: fields.locality,
        state_or_province: fields.state_or_province,
        country: fields.country,
        email_address: fields.email_address,
    }
}
