//! Who did something, as people call him.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

use super::desk::Desk;
use crate::rows::user;

/// What these actors are called, by how events name them. Of a person it is what others call him.
pub async fn names(desk: &Desk, actors: BTreeSet<String>) -> HashMap<String, String> {
    let mut names = HashMap::new();
    for actor in actors {
        let name = name(desk, &actor).await;
        names.insert(actor, name);
    }
    names
}

async fn name(desk: &Desk, actor: &str) -> String {
    let (kind, who) = actor.split_once('/').unwrap_or((actor, ""));
    match kind {
        "user" => {
            let user = match Uuid::try_parse(who) {
                Ok(id) => user::find(&desk.commands.database, id).await.ok().flatten(),
                Err(_) => None,
            };
            let user = user.filter(|user| !user.display_name.is_empty());
            user.map_or_else(|| "Somebody who left".to_owned(), |user| user.display_name)
        }
        "token" => "A token".to_owned(),
        "service" => "Chancery".to_owned(),
        _ => actor.to_owned(),
    }
}
