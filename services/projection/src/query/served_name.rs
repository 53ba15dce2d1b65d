//! Which certificate answered connections to a name, and who could read its key. The rules are the gateway's: the name
//! before its wildcard before the default; of several a valid one, then the automated, the imported, the self-signed,
//! then the later.

use std::collections::BTreeMap;

use api::projection::v1::{GatewayGrant, KeyExport, ServedBecause, Source, WhatServedResponse};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait,
};
use serde::Deserialize;

use super::{certificates, keys, names};
use crate::{
    refusal::Refusal,
    tables::{
        certificate::{Column, Entity, Model},
        certificate_name, default_certificate, event,
        instant::timestamp,
    },
};

/// What answered for `name` at `now` (microseconds since 1970) in these tables; what was given out is told from the
/// `events` up to `up_to`. The position is the caller's to add.
///
/// # Errors
/// [`Refusal::Damaged`] where the database changed a row, or what the database says.
pub async fn find(
    tables: &impl ConnectionTrait,
    events: &impl ConnectionTrait,
    name: &str,
    up_to: u64,
    now: i64,
) -> Result<WhatServedResponse, Refusal> {
    let up_to = i64::try_from(up_to).unwrap_or(i64::MAX);
    let mut response = WhatServedResponse {
        as_of: timestamp(now),
        ..WhatServedResponse::default()
    };
    let Some((row, because)) = answering(tables, name, now).await? else {
        return Ok(response);
    };
    response.set_because(because);
    response.key = Some(keys::get(tables, &row.key_id).await?);
    response.exports = exports(events, &row.key_id, up_to).await?;
    response.gateways = gateways(events, up_to).await?;
    response.certificate = Some(certificates::get(tables, &row.id, now).await?);
    Ok(response)
}

async fn answering(
    tables: &impl ConnectionTrait,
    name: &str,
    now: i64,
) -> Result<Option<(Model, ServedBecause)>, DbErr> {
    let name = names::as_kept(&name.to_lowercase());
    if let Some(row) = named(tables, &name, now).await? {
        return Ok(Some((row, ServedBecause::Name)));
    }
    if let Some((_, parent)) = name.split_once('.')
        && let Some(row) = named(tables, &format!("*.{parent}"), now).await?
    {
        return Ok(Some((row, ServedBecause::Wildcard)));
    }
    let chosen = default_certificate::Entity::find().one(tables).await?;
    let Some(chosen) = chosen.filter(|chosen| !chosen.certificate_id.is_empty()) else {
        return Ok(None);
    };
    let row = Entity::find_by_id(chosen.certificate_id)
        .one(tables)
        .await?;
    Ok(row.map(|row| (row, ServedBecause::Default)))
}

/// The certificate that answers for a name as it is kept.
async fn named(
    tables: &impl ConnectionTrait,
    name: &str,
    now: i64,
) -> Result<Option<Model>, DbErr> {
    let of_name = certificate_name::Entity::find()
        .select_only()
        .column(certificate_name::Column::CertificateId)
        .filter(certificate_name::Column::Name.eq(name));
    let rows = Entity::find()
        .filter(Column::Id.in_subquery(of_name.into_query()))
        .filter(Column::Serve.eq(true))
        .filter(Column::Deleted.ne(true))
        .filter(Column::KeyId.ne(""))
        .all(tables)
        .await?;
    let place = |row: &Model| {
        let valid = (row.not_before..=row.not_after).contains(&now);
        (valid, rank(row), row.updated, row.id.clone())
    };
    Ok(rows.into_iter().max_by_key(place))
}

fn rank(row: &Model) -> u8 {
    match Source::try_from(row.source) {
        Ok(Source::SelfSigned | Source::Factory) => 1,
        _ if row.automation_id.is_empty() => 2,
        _ => 3,
    }
}

/// Each time that a key was about to leave, the last first.
async fn exports(
    events: &impl ConnectionTrait,
    key_id: &str,
    up_to: i64,
) -> Result<Vec<KeyExport>, DbErr> {
    #[derive(Deserialize, Default)]
    #[serde(rename_all = "camelCase", default)]
    struct Exported {
        format: String,
        protected: bool,
    }
    let rows = event::Entity::find()
        .filter(event::Column::AggregateId.eq(key_id))
        .filter(event::Column::Aggregate.eq("key"))
        .filter(event::Column::Event.eq("exported"))
        .filter(event::Column::Sequence.lte(up_to))
        .order_by_desc(event::Column::Sequence)
        .limit(MOST)
        .all(events)
        .await?;
    let exports = rows.into_iter().map(|row| {
        // What was skipped as unreadable says nothing of its form, and left all the same.
        let exported = serde_json::from_str::<Exported>(&row.body).unwrap_or_default();
        KeyExport {
            sequence: u64::try_from(row.sequence).unwrap_or_default(),
            time: timestamp(row.time),
            actor: row.actor,
            format: exported.format,
            protected: exported.protected,
        }
    });
    Ok(exports.collect())
}

/// Each gateway that was given keys, and when it was the last time.
async fn gateways(events: &impl ConnectionTrait, up_to: i64) -> Result<Vec<GatewayGrant>, DbErr> {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Granted {
        gateway: String,
    }
    let rows = event::Entity::find()
        .filter(event::Column::Aggregate.eq("tls"))
        .filter(event::Column::Event.eq("serving-granted"))
        .filter(event::Column::Sequence.lte(up_to))
        .order_by_desc(event::Column::Sequence)
        .limit(MOST)
        .all(events)
        .await?;
    let mut last = BTreeMap::new();
    for row in rows {
        let granted = serde_json::from_str::<Granted>(&row.body).unwrap_or_default();
        last.entry(granted.gateway)
            .or_insert((row.sequence, row.time));
    }
    let gateways = last
        .into_iter()
        .map(|(gateway, (sequence, time))| GatewayGrant {
            gateway,
            sequence: u64::try_from(sequence).unwrap_or_default(),
            time: timestamp(time),
        });
    Ok(gateways.collect())
}

/// Events of each kind that are looked at.
const MOST: u64 = 500;
