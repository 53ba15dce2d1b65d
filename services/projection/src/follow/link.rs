//! What links keys, certificates and requests: the hash of the public key, whatever the order in
//! which they came. Whether a link is there is told from the tables at the end of a batch, so that
//! it does not depend on where batches begin.

use std::collections::{BTreeMap, BTreeSet};

use api::projection::v1::RequestStatus;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, Query},
};

use super::write::IDS;
use crate::tables::{certificate, certificate_version, instant::NEVER, key, request};

/// The keys that are here for some public keys: those that the batch is about.
#[derive(Debug, Default)]
pub(super) struct KeysHere(BTreeMap<String, BTreeSet<String>>);

impl KeysHere {
    /// As they are before the batch.
    pub(super) async fn load(
        tx: &impl ConnectionTrait,
        public_keys: BTreeSet<String>,
    ) -> Result<Self, DbErr> {
        use key::Column;
        let mut here = Self::default();
        for some in Vec::from_iter(public_keys).chunks(IDS) {
            let pairs = key::Entity::find()
                .select_only()
                .columns([Column::SpkiSha256, Column::Id])
                .filter(Column::SpkiSha256.is_in(some))
                .filter(Column::DestroyedAt.eq(NEVER))
                .into_tuple::<(String, String)>()
                .all(tx)
                .await?;
            for (public_key, id) in pairs {
                here.0.entry(public_key).or_default().insert(id);
            }
        }
        Ok(here)
    }

    /// A key comes.
    pub(super) fn add(&mut self, row: &key::Model) {
        let ids = self.0.entry(row.spki_sha256.clone()).or_default();
        ids.insert(row.id.clone());
    }

    /// A key goes.
    pub(super) fn remove(&mut self, row: &key::Model) {
        if let Some(ids) = self.0.get_mut(&row.spki_sha256) {
            ids.remove(&row.id);
        }
    }

    /// The key that is here for this public key; empty where there is none.
    pub(super) fn of(&self, public_key: &str) -> String {
        let first = self.0.get(public_key).and_then(BTreeSet::first);
        first.cloned().unwrap_or_default()
    }
}

/// The public keys of all versions of these certificates.
pub(super) async fn public_keys_of(
    tx: &impl ConnectionTrait,
    certificates: &[String],
) -> Result<BTreeSet<String>, DbErr> {
    use certificate_version::Column;
    let mut public_keys = BTreeSet::new();
    for ids in certificates.chunks(IDS) {
        let some = certificate_version::Entity::find()
            .select_only()
            .column(Column::SpkiSha256)
            .filter(Column::CertificateId.is_in(ids))
            .into_tuple::<String>()
            .all(tx)
            .await?;
        public_keys.extend(some);
    }
    Ok(public_keys)
}

/// Marks the keys of these public keys as used or not, once all other rows are written.
pub(super) async fn mark_used(
    tx: &impl ConnectionTrait,
    public_keys: BTreeSet<String>,
) -> Result<(), DbErr> {
    use key::Column;
    for some in Vec::from_iter(public_keys).chunks(IDS) {
        key::Entity::update_many()
            .col_expr(Column::Used, is_used())
            .filter(Column::SpkiSha256.is_in(some))
            // Most are as they were: a row that is not written costs little.
            .filter(Column::Used.into_expr().ne(is_used()))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// A certificate that is not deleted uses the row's key, in any version, or a pending request does.
fn is_used() -> Expr {
    let here = Expr::col((key::Entity, key::Column::SpkiSha256));
    let by_certificate = Query::select()
        .expr(Expr::val(1))
        .from(certificate_version::Entity)
        .inner_join(
            certificate::Entity,
            Expr::col((certificate::Entity, certificate::Column::Id)).equals((
                certificate_version::Entity,
                certificate_version::Column::CertificateId,
            )),
        )
        .and_where(
            Expr::col((
                certificate_version::Entity,
                certificate_version::Column::SpkiSha256,
            ))
            .eq(here.clone()),
        )
        .and_where(certificate::Column::Deleted.ne(true))
        .to_owned();
    let by_request = request::Entity::find()
        .select_only()
        .expr(Expr::val(1))
        .filter(request::Column::SpkiSha256.into_expr().eq(here))
        .filter(request::Column::Status.eq(i32::from(RequestStatus::Pending)))
        .filter(request::Column::DeletedAt.eq(NEVER))
        .into_query();
    Expr::exists(by_certificate).or(Expr::exists(by_request))
}
