//! How the automations stand that renew the certificates of a batch. Told when all of its events are taken in,
//! so that it does not depend on where batches begin, nor on which of the two comes first.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};

use super::write::IDS;
use crate::tables::{
    automation::{self, Column, Entity},
    certificate::Renewing,
};

/// What they say, by their ids.
#[derive(Debug, Default)]
pub(super) struct Renewers(BTreeMap<String, Renewing>);

impl Renewers {
    /// As they are before the batch.
    pub(super) async fn load(
        tx: &impl ConnectionTrait,
        ids: BTreeSet<String>,
    ) -> Result<Self, DbErr> {
        let mut all = BTreeMap::new();
        for ids in Vec::from_iter(ids).chunks(IDS) {
            let some = Entity::find()
                .select_only()
                .columns([
                    Column::Id,
                    Column::CertificateVersion,
                    Column::DueAt,
                    Column::ErrorAt,
                    Column::Renewal,
                ])
                .filter(Column::Id.is_in(ids))
                .into_tuple::<(String, i64, i64, i64, i32)>()
                .all(tx)
                .await?;
            all.extend(
                some.into_iter()
                    .map(|(id, version, due_at, error_at, renewal)| {
                        let renewing = Renewing {
                            version,
                            due_at,
                            error_at,
                            renewal: renewal.into(),
                        };
                        (id, renewing)
                    }),
            );
        }
        Ok(Self(all))
    }

    /// As they are after it.
    pub(super) fn now<'a>(&mut self, rows: impl IntoIterator<Item = &'a automation::Model>) {
        let rows = rows.into_iter();
        self.0
            .extend(rows.map(|row| (row.id.clone(), Renewing::from(row))));
    }

    /// What renews a certificate that names this automation.
    pub(super) fn of(&self, automation_id: &str) -> Option<&Renewing> {
        self.0.get(automation_id)
    }
}
