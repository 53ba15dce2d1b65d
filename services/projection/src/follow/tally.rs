//! What a batch changes of the counts: each row as it was is taken away, and as it is put in.

use std::collections::BTreeMap;

use api::projection::v1::RequestStatus;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait as _, OnConflict},
};

use super::write::IDS;
use crate::tables::{
    automation, certificate,
    instant::NEVER,
    key, request,
    tally::{ActiveModel, Column, Entity, Model, What},
};

/// By how much each count changes.
#[derive(Debug, Default)]
pub(super) struct Tally(BTreeMap<(What, String), i64>);

/// A row that is counted.
pub(super) trait Counted {
    /// Where.
    fn counts(&self) -> Vec<(What, String)>;
}

impl Tally {
    /// Rows as they were, by id, and as they are.
    pub(super) fn change<'a, M: Counted + 'a>(
        &mut self,
        before: impl IntoIterator<Item = &'a M>,
        after: impl IntoIterator<Item = &'a M>,
    ) {
        let before = before.into_iter().map(|row| (row, -1));
        for (row, by) in before.chain(after.into_iter().map(|row| (row, 1))) {
            for count in row.counts() {
                *self.0.entry(count).or_default() += by;
            }
        }
    }

    /// Writes all that changes.
    pub(super) async fn store(self, tx: &impl ConnectionTrait) -> Result<(), DbErr> {
        let changed = self.0.into_iter().filter(|(_, by)| *by != 0);
        let changed = changed.collect::<Vec<_>>();
        for some in changed.chunks(IDS) {
            let rows = some.iter().map(|((what, part), by)| {
                ActiveModel::from(Model {
                    what: *what as i32,
                    part: part.clone(),
                    rows: *by,
                })
            });
            let sum = Expr::col((Entity, Column::Rows)).add(Expr::col(("excluded", Column::Rows)));
            let add = OnConflict::columns([Column::What, Column::Part])
                .value(Column::Rows, sum)
                .to_owned();
            Entity::insert_many(rows)
                .on_conflict(add)
                .exec_without_returning(tx)
                .await?;
            let fewer = some.iter().filter(|(_, by)| *by < 0);
            let none = fewer.fold(Condition::any(), |any, ((what, part), _)| {
                any.add(Column::What.eq(*what as i32).and(Column::Part.eq(part)))
            });
            if !none.is_empty() {
                Entity::delete_many()
                    .filter(none)
                    .filter(Column::Rows.eq(0))
                    .exec(tx)
                    .await?;
            }
        }
        Ok(())
    }
}

fn one(what: What) -> (What, String) {
    (what, String::new())
}

impl Counted for certificate::Model {
    fn counts(&self) -> Vec<(What, String)> {
        let mut counts = vec![one(What::Certificates)];
        if self.deleted {
            counts.push(one(What::DeletedCertificates));
        } else if !self.own {
            counts.push(one(What::Links));
        }
        counts
    }
}

impl Counted for key::Model {
    fn counts(&self) -> Vec<(What, String)> {
        let here = self.destroyed_at == NEVER;
        here.then(|| one(What::Keys)).into_iter().collect()
    }
}

impl Counted for request::Model {
    fn counts(&self) -> Vec<(What, String)> {
        let pending = self.status == i32::from(RequestStatus::Pending) && self.deleted_at == NEVER;
        let pending = pending.then(|| one(What::PendingRequests));
        pending.into_iter().collect()
    }
}

impl Counted for automation::Model {
    fn counts(&self) -> Vec<(What, String)> {
        let goes_on = !self.cancelled;
        let goes_on = goes_on.then(|| (What::Automations, self.server_id.clone()));
        goes_on.into_iter().collect()
    }
}
