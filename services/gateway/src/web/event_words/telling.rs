//! Events as lines that people read: with who did it and what it was about, by their names now.

use std::collections::HashMap;

use api::{convert, projection::v1::Event};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Body, Words, subject::Subject, words};
use crate::{
    rows::{token, user},
    web::desk::Desk,
};

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its position in the log.
    pub sequence: u64,
    /// When it was decided.
    pub at: OffsetDateTime,
    /// What happened.
    pub words: Words,
    /// To what.
    pub to: Option<Subject>,
    /// Who did it.
    pub by: By,
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// What people call him, or it.
    pub name: String,
    /// From where: "browser", "API", "automatic".
    pub from: &'static str,
}

/// These events, in their order. People and programs whose names cannot be had are told by what they are.
pub async fn tell(desk: &Desk, events: &[Event]) -> Vec<Told> {
    let names = Names::of(desk, events).await;
    let told = events.iter().map(|event| Told {
        sequence: event.sequence,
        at: event
            .time
            .as_ref()
            .and_then(convert::time)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH),
        words: words(event),
        to: names.subject(event),
        by: names.actor(&event.actor),
    });
    told.collect()
}

/// Names that stand in the gateway's own database alone.
#[derive(Default)]
struct Names {
    people: HashMap<Uuid, String>,
    tokens: HashMap<Uuid, String>,
}

impl Names {
    async fn of(desk: &Desk, events: &[Event]) -> Names {
        let (mut people, mut tokens) = (Vec::new(), Vec::new());
        for event in events {
            match event.actor.split_once('/') {
                Some(("user", id)) => people.extend(Uuid::try_parse(id)),
                Some(("token", id)) => tokens.extend(Uuid::try_parse(id)),
                _ => {}
            }
            match event.aggregate.as_str() {
                "directory" | "session" => people.extend(person(event)),
                "api-token" => tokens.extend(Uuid::try_parse(&event.aggregate_id)),
                _ => {}
            }
        }
        for ids in [&mut people, &mut tokens] {
            ids.sort_unstable();
            ids.dedup();
        }
        let database = &desk.commands.database;
        let (people, tokens) = tokio::join!(
            user::display_names(database, people),
            token::names(database, tokens)
        );
        Names {
            people: people.unwrap_or_default(),
            tokens: tokens.unwrap_or_default(),
        }
    }

    fn actor(&self, actor: &str) -> By {
        let by = |name: String, from| By { name, from };
        match actor.split_once('/') {
            Some(("user", id)) => by(self.person(Uuid::try_parse(id).ok()), "browser"),
            Some(("token", id)) => {
                let name = Uuid::try_parse(id).ok().and_then(|id| self.tokens.get(&id));
                let name = name.cloned();
                by(name.unwrap_or_else(|| unknown_token(id)), "API")
            }
            Some(("service", name)) => by(name.to_owned(), "automatic"),
            _ if actor == "machine" => by("this machine".to_owned(), "shell"),
            _ => by(actor.to_owned(), ""),
        }
    }

    fn person(&self, id: Option<Uuid>) -> String {
        let name = id.and_then(|id| self.people.get(&id));
        name.cloned()
            .unwrap_or_else(|| "a deleted person".to_owned())
    }

    fn subject(&self, event: &Event) -> Option<Subject> {
        let nobodys = |name: String| Some(Subject { name, href: None });
        match event.aggregate.as_str() {
            "session" if event.event == "refusals-summed" && person(event).is_none() => {
                nobodys("names that are nobody's".to_owned())
            }
            "directory" | "session" => nobodys(self.person(person(event))),
            "api-token" => {
                let id = Uuid::try_parse(&event.aggregate_id).ok();
                let name = id.and_then(|id| self.tokens.get(&id)).cloned();
                let name = name.unwrap_or_else(|| Body::of(event).text("/name").to_owned());
                nobodys(match name.as_str() {
                    "" => "a token".to_owned(),
                    _ => name,
                })
            }
            _ => Subject::of(event),
        }
    }
}

/// The person that an event of the directory or of a session is about.
fn person(event: &Event) -> Option<Uuid> {
    Uuid::try_parse(Body::of(event).text("/userId")).ok()
}

fn unknown_token(id: &str) -> String {
    match id {
        "bootstrap" => "the first token".to_owned(),
        _ => "a token".to_owned(),
    }
}
