//! The table of what is served. A row is sent to gateways again whenever its position moves.

mod alter;

use std::collections::HashMap;

use api::{
    keystore::v1::{
        CertificateIssued, CertificateRenewed, CertificateSelfSigned, ServingCredential,
    },
    x509,
};
use bytes::Bytes;
use eventlog::{ApplyError, Recorded};
use prost::Message;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait,
    IntoActiveModel, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait, IntoCondition},
};
use uuid::Uuid;

use crate::{
    events::{CertificateEvent, KeyEvent, TlsEvent},
    follow::{Followed, Imported, Missing},
    tables::{
        ROWS_AT_ONCE, sealed_key,
        served::{ActiveModel, Column, Entity, Model},
    },
};

/// Writes what an event changes.
///
/// # Errors
/// For an event that lacks something, or what the database says.
pub(crate) async fn apply(
    tx: &DatabaseTransaction,
    recorded: &Recorded,
    event: Followed,
) -> Result<(), ApplyError> {
    match event {
        Followed::Certificate(id, event) => certificate(tx, recorded, id, *event).await,
        // For a key that is only made now nothing can have come before.
        Followed::Key(_, KeyEvent::Generated(_) | KeyEvent::Exported(_)) => Ok(()),
        Followed::Key(id, KeyEvent::Imported(imported)) => {
            let fits = Column::SpkiSha256.eq(imported.spki_sha256.as_str());
            let fits = fits.and(Column::KeyId.is_null());
            change(tx, recorded, fits, Column::KeyId, Some(id)).await?;
            Ok(())
        }
        Followed::Key(id, KeyEvent::Destroyed(_)) => {
            change(
                tx,
                recorded,
                Column::KeyId.eq(id),
                Column::KeyId,
                None::<Uuid>,
            )
            .await?;
            Ok(())
        }
        Followed::Tls(TlsEvent::DefaultSelected(selected)) => {
            fall_back(tx, recorded, Some(&selected.certificate_id)).await
        }
        Followed::Tls(TlsEvent::DefaultCleared(_)) => fall_back(tx, recorded, None).await,
        Followed::Tls(TlsEvent::ServingGranted(_)) | Followed::Request(..) => Ok(()),
    }
}

async fn certificate(
    tx: &DatabaseTransaction,
    recorded: &Recorded,
    id: Uuid,
    event: CertificateEvent,
) -> Result<(), ApplyError> {
    let (version, first) = match event {
        CertificateEvent::Issued(CertificateIssued { serve: false, .. })
        | CertificateEvent::SelfSigned(CertificateSelfSigned { serve: false, .. }) => {
            return Ok(());
        }
        CertificateEvent::Issued(issued) => (
            Version {
                number: 1,
                key_id: issued.key_id,
                leaf: issued.certificate,
                issuers: issued.issuers,
                rank: rank(&issued.automation_id),
            },
            true,
        ),
        CertificateEvent::Renewed(CertificateRenewed {
            version,
            key_id,
            certificate,
            issuers,
            automation_id,
        }) => (
            Version {
                number: version,
                key_id,
                leaf: certificate,
                issuers,
                rank: rank(&automation_id),
            },
            false,
        ),
        CertificateEvent::SelfSigned(signed) => {
            let version = Version {
                number: 1,
                key_id: signed.key_id,
                leaf: signed.certificate,
                issuers: Vec::new(),
                rank: SELF_SIGNED,
            };
            let mut row = version.row(tx, recorded, id).await?;
            row.factory = signed.factory;
            // Where a certificate was chosen, that one answers.
            row.fallback = signed.factory && !default_is_chosen(tx).await?;
            return Ok(insert(tx, row).await?);
        }
        CertificateEvent::ChainCompleted(completed) => {
            return Ok(alter::complete(tx, recorded, id, completed).await?);
        }
        CertificateEvent::Deleted(_) => {
            let this = Column::CertificateId.eq(id);
            return Ok(change(tx, recorded, this, Column::Deleted, true).await?);
        }
        CertificateEvent::Restored(_) => {
            let this = Column::CertificateId.eq(id);
            return Ok(change(tx, recorded, this, Column::Deleted, false).await?);
        }
        CertificateEvent::Released(_) => return Ok(alter::release(tx, recorded, id).await?),
        // What is revoked is served until another takes its place: an error page would be no better.
        CertificateEvent::Renamed(_)
        | CertificateEvent::Exported(_)
        | CertificateEvent::Revoked(_)
        // In one go with those around it: see `imported`.
        | CertificateEvent::Imported(_) => return Ok(()),
    };
    let row = version.row(tx, recorded, id).await?;
    if first {
        return Ok(insert(tx, row).await?);
    }
    // Where there is a row: what is not served as version 1 is not by its renewal.
    if let Some(before) = Entity::find_by_id(id).one(tx).await? {
        let row = Model {
            fallback: before.fallback,
            deleted: before.deleted,
            ..row
        };
        row.into_active_model().reset_all().update(tx).await?;
    }
    Ok(())
}

/// The same for certificates that came one right after another.
///
/// # Errors
/// The same.
pub(crate) async fn imported(
    tx: &DatabaseTransaction,
    run: Vec<Imported<'_>>,
) -> Result<(), ApplyError> {
    let served = run.into_iter().filter(|one| one.event.serve);
    let served = served.collect::<Vec<_>>();
    // A key that came before its certificate.
    let unknown = served.iter().filter(|one| one.event.key_id.is_empty());
    let unknown = unknown.map(|one| one.leaf.spki_sha256.as_str());
    let keys = with_spkis(tx, &unknown.collect::<Vec<_>>()).await?;
    let mut rows = Vec::with_capacity(served.len());
    for Imported {
        recorded,
        id,
        leaf,
        event,
    } in served
    {
        let here = keys.get(&leaf.spki_sha256).copied();
        let version = Version {
            number: 1,
            key_id: event.key_id,
            rank: match leaf.self_signed {
                true => SELF_SIGNED,
                false => FROM_ELSEWHERE,
            },
            leaf: Some(leaf),
            issuers: event.issuers,
        };
        rows.push(version.row_with(here, recorded, id)?);
    }
    for rows in rows.chunks(ROWS_AT_ONCE) {
        let rows = rows.iter().cloned().map(ActiveModel::from);
        Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// What a version is served as.
struct Version {
    number: u32,
    key_id: String,
    leaf: Option<x509::v1::Certificate>,
    issuers: Vec<x509::v1::Certificate>,
    rank: u32,
}

impl Version {
    async fn row(
        self,
        tx: &DatabaseTransaction,
        recorded: &Recorded,
        certificate_id: Uuid,
    ) -> Result<Model, ApplyError> {
        let here = match &self.leaf {
            Some(leaf) if self.key_id.is_empty() => {
                let spki = leaf.spki_sha256.as_str();
                with_spkis(tx, &[spki]).await?.remove(spki)
            }
            _ => None,
        };
        self.row_with(here, recorded, certificate_id)
    }

    /// The same, where the key that it would have is known.
    fn row_with(
        self,
        here: Option<Uuid>,
        recorded: &Recorded,
        certificate_id: Uuid,
    ) -> Result<Model, ApplyError> {
        let missing = |what| ApplyError::event(recorded, Missing(what));
        let leaf = self.leaf.ok_or_else(|| missing("certificate"))?;
        let not_after = leaf.not_after.as_ref().ok_or_else(|| missing("end"))?;
        let not_after = not_after.seconds;
        let key_id = match self.key_id.as_str() {
            "" => here,
            id => Some(id.parse().map_err(|_| missing("key id"))?),
        };
        let credential = ServingCredential {
            certificate_id: recorded.id.clone(),
            version: self.number,
            subject_alt_names: leaf.subject_alt_names,
            chain_der: served_chain(leaf.der, self.issuers),
            private_key_der: Bytes::new(),
            fallback: false,
            position: recorded.sequence,
            rank: self.rank,
            not_before: leaf.not_before,
            not_after: leaf.not_after,
        };
        Ok(Model {
            certificate_id,
            version: self.number.into(),
            spki_sha256: leaf.spki_sha256,
            key_id,
            credential: credential.encode_to_vec(),
            factory: false,
            fallback: false,
            deleted: false,
            not_after,
            position: recorded.sequence.cast_signed(),
        })
    }
}

fn served_chain(leaf: Bytes, mut issuers: Vec<x509::v1::Certificate>) -> Vec<Bytes> {
    // Whoever trusts the root has it; whoever does not would not take it from here.
    if issuers.last().is_some_and(|last| last.self_signed) {
        issuers.pop();
    }
    let issuers = issuers.into_iter().map(|issuer| issuer.der);
    std::iter::once(leaf).chain(issuers).collect()
}

fn rank(automation_id: &str) -> u32 {
    match automation_id {
        "" => FROM_ELSEWHERE,
        _ => AUTOMATED,
    }
}

/// The keys of these public keys that are here, and have their event.
async fn with_spkis(
    tx: &DatabaseTransaction,
    spki_sha256: &[&str],
) -> Result<HashMap<String, Uuid>, DbErr> {
    use sealed_key::{Column, Entity};
    let mut found = HashMap::new();
    for keys in spki_sha256.chunks(ROWS_AT_ONCE) {
        let rows = Entity::find()
            .select_only()
            .columns([Column::SpkiSha256, Column::Id])
            .filter(Column::SpkiSha256.is_in(keys.iter().copied()))
            .filter(Column::Recorded.eq(true))
            .into_tuple::<(String, Uuid)>();
        found.extend(rows.all(tx).await?);
    }
    Ok(found)
}

async fn insert(tx: &DatabaseTransaction, row: Model) -> Result<(), DbErr> {
    Entity::insert(ActiveModel::from(row))
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// What no name answers is answered by this certificate, or else by the factory ones.
async fn fall_back(
    tx: &DatabaseTransaction,
    recorded: &Recorded,
    chosen: Option<&str>,
) -> Result<(), ApplyError> {
    let chosen = chosen.map(str::parse::<Uuid>).transpose();
    let chosen = chosen.map_err(|error| ApplyError::event(recorded, error))?;
    let answers = match chosen {
        Some(id) => Column::CertificateId.eq(id),
        None => Column::Factory.eq(true),
    };
    let no_longer = Column::Fallback.eq(true).and(answers.clone().not());
    change(tx, recorded, no_longer, Column::Fallback, false).await?;
    change(tx, recorded, answers, Column::Fallback, true).await?;
    Ok(())
}

async fn default_is_chosen(tx: &DatabaseTransaction) -> Result<bool, DbErr> {
    let chosen = Entity::find()
        .filter(Column::Fallback.eq(true))
        .filter(Column::Factory.eq(false))
        .one(tx)
        .await?;
    Ok(chosen.is_some())
}

async fn change(
    tx: &impl ConnectionTrait,
    recorded: &Recorded,
    rows: impl IntoCondition,
    column: Column,
    value: impl Into<sea_orm::Value>,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(column, Expr::value(value))
        .col_expr(
            Column::Position,
            Expr::value(recorded.sequence.cast_signed()),
        )
        .filter(rows.into_condition())
        .exec(tx)
        .await?;
    Ok(())
}

const AUTOMATED: u32 = 3;
const FROM_ELSEWHERE: u32 = 2;
const SELF_SIGNED: u32 = 1;
