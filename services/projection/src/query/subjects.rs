//! What events are about, by the names that those things have now.

use std::collections::{BTreeMap, BTreeSet};

use api::projection::v1::EventSubject;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use serde::Deserialize;

use crate::tables::{
    alert, automation, certificate, channel, dns_provider, event::Model, key, request, server,
};

/// Kind and id.
type Thing = (String, String);

/// What each of these events is about, in their order.
///
/// # Errors
/// What the database says.
pub async fn of(
    database: &impl ConnectionTrait,
    events: &[Model],
) -> Result<Vec<EventSubject>, DbErr> {
    let mut things = events.iter().map(thing).collect::<Vec<_>>();
    redirected(database, &mut things).await?;
    let names = names(database, &things).await?;
    let subjects = things.into_iter().map(|(kind, id)| EventSubject {
        name: names
            .get(&(kind.clone(), id.clone()))
            .cloned()
            .unwrap_or_default(),
        kind,
        id,
    });
    Ok(subjects.collect())
}

/// Mostly the aggregate itself.
fn thing(event: &Model) -> Thing {
    #[derive(Deserialize, Default)]
    #[serde(rename_all = "camelCase", default)]
    struct Chosen {
        certificate_id: String,
    }
    match (event.aggregate.as_str(), event.event.as_str()) {
        ("tls", "default-selected") => {
            let chosen = serde_json::from_str::<Chosen>(&event.body).unwrap_or_default();
            ("certificate".to_owned(), chosen.certificate_id)
        }
        _ => (event.aggregate.clone(), event.aggregate_id.clone()),
    }
}

/// An alert is about its subject.
async fn redirected(database: &impl ConnectionTrait, things: &mut [Thing]) -> Result<(), DbErr> {
    use alert::{Column, Entity};
    let ids = ids("alert", things);
    if ids.is_empty() {
        return Ok(());
    }
    let rows = Entity::find()
        .select_only()
        .columns([Column::Id, Column::SubjectKind, Column::SubjectId])
        .filter(Column::Id.is_in(ids))
        .into_tuple::<(String, String, String)>()
        .all(database)
        .await?;
    let about = rows
        .into_iter()
        .map(|(id, kind, subject)| (id, (kind, subject)));
    let about = about.collect::<BTreeMap<_, _>>();
    for thing in things.iter_mut().filter(|(kind, _)| kind == "alert") {
        if let Some(subject) = about.get(&thing.1) {
            thing.clone_from(subject);
        }
    }
    Ok(())
}

async fn names(
    database: &impl ConnectionTrait,
    things: &[Thing],
) -> Result<BTreeMap<Thing, String>, DbErr> {
    let mut names = BTreeMap::new();
    macro_rules! named {
        ($kind:literal, $table:ident, $name:ident) => {
            let ids = ids($kind, things);
            if !ids.is_empty() {
                let rows = $table::Entity::find()
                    .select_only()
                    .columns([$table::Column::Id, $table::Column::$name])
                    .filter($table::Column::Id.is_in(ids))
                    .into_tuple::<(String, String)>()
                    .all(database)
                    .await?;
                names.extend(
                    rows.into_iter()
                        .map(|(id, name)| (($kind.to_owned(), id), name)),
                );
            }
        };
    }
    named!("certificate", certificate, FriendlyName);
    named!("automation", automation, FriendlyName);
    named!("request", request, FriendlyName);
    named!("acme-server", server, Name);
    named!("dns-provider", dns_provider, Name);
    named!("channel", channel, Name);
    names.extend(keys(database, ids("key", things)).await?);
    Ok(names)
}

/// A key is called as what uses it.
async fn keys(
    database: &impl ConnectionTrait,
    ids: BTreeSet<&str>,
) -> Result<Vec<(Thing, String)>, DbErr> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let keys = key::Entity::find()
        .select_only()
        .columns([key::Column::Id, key::Column::SpkiSha256])
        .filter(key::Column::Id.is_in(ids))
        .into_tuple::<(String, String)>()
        .all(database)
        .await?;
    let hashes = || {
        keys.iter()
            .map(|(_, spki)| spki.as_str())
            .collect::<BTreeSet<_>>()
    };
    let mut users = request::Entity::find()
        .select_only()
        .columns([request::Column::SpkiSha256, request::Column::FriendlyName])
        .filter(request::Column::SpkiSha256.is_in(hashes()))
        .into_tuple::<(String, String)>()
        .all(database)
        .await?
        .into_iter()
        .collect::<BTreeMap<_, _>>();
    // A certificate before the request that it answered.
    users.extend(
        certificate::Entity::find()
            .select_only()
            .columns([
                certificate::Column::SpkiSha256,
                certificate::Column::FriendlyName,
            ])
            .filter(certificate::Column::SpkiSha256.is_in(hashes()))
            .into_tuple::<(String, String)>()
            .all(database)
            .await?,
    );
    let named = keys.iter().filter_map(|(id, spki)| {
        let name = users.get(spki)?;
        Some((("key".to_owned(), id.clone()), name.clone()))
    });
    Ok(named.collect())
}

fn ids<'a>(wanted: &str, things: &'a [Thing]) -> BTreeSet<&'a str> {
    let things = things.iter().filter(|(kind, _)| kind == wanted);
    things.map(|(_, id)| id.as_str()).collect()
}
