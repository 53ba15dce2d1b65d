//! What happened, in people's words: a short phrase, an icon and a tone for each event of the log, with the way to what
//! it was about.
//!
//! [`words`] knows each event by its names alone, so that an event of a later version still has words.

mod certificates;
mod people;
mod renewals;
mod seal;
mod subject;
mod telling;
mod terms;

use api::projection::v1::Event;
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

pub use self::{
    subject::href,
    telling::{Told, tell},
};
use super::wording;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// "Renewal failed".
    pub what: &'static str,
    /// What stands between that and the subject: " for ", ": ".
    pub joint: &'static str,
    /// A symbol of the sprite.
    pub icon: &'static str,
    /// How it went.
    pub tone: Tone,
    /// More of it, in short pieces.
    pub facts: Vec<String>,
}

/// How it went: a class of the stylesheet (`.ic.ok`, for example).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As things go.
    Plain,
    /// Something is on its way.
    Busy,
    /// Well.
    Good,
    /// Somebody may want to look.
    Warn,
    /// Badly.
    Bad,
}

impl Tone {
    /// The class.
    pub fn class(self) -> &'static str {
        match self {
            Tone::Plain => "",
            Tone::Busy => "ink",
            Tone::Good => "ok",
            Tone::Warn => "warn",
            Tone::Bad => "bad",
        }
    }
}

impl Words {
    const fn new(what: &'static str, joint: &'static str, icon: &'static str, tone: Tone) -> Words {
        Words {
            what,
            joint,
            icon,
            tone,
            facts: Vec::new(),
        }
    }

    /// With more of it; what is empty is left out.
    fn with(mut self, facts: impl IntoIterator<Item = String>) -> Words {
        let facts = facts.into_iter().filter(|fact| !fact.is_empty());
        self.facts.extend(facts);
        self
    }

    /// The further facts in one line.
    pub fn detail(&self) -> String {
        self.facts.join(" · ")
    }
}

/// The words for an event; of one that this version does not know, its own name.
pub fn words(event: &Event) -> Words {
    known(event).unwrap_or_else(|| {
        let name = format!("{}.{}", event.aggregate, event.event);
        Words::new("Something happened", ": ", "info", Tone::Plain).with([name])
    })
}

fn known(event: &Event) -> Option<Words> {
    let body = Body::of(event);
    let name = event.event.as_str();
    match event.aggregate.as_str() {
        "certificate" => certificates::certificate(name, &body),
        "key" => certificates::key(name, &body),
        "tls" => certificates::tls(name, &body),
        "kek" => certificates::kek(name, &body),
        "request" => certificates::request(name, &body),
        "automation" => renewals::automation(name, &body),
        "acme-server" => renewals::server(name, &body),
        "dns-provider" => renewals::dns_provider(name, &body),
        "channel" => people::channel(name, &body),
        "alert" => people::alert(name, &body),
        "directory" => people::directory(name, &body),
        "session" => people::session(name, &body),
        "api-token" => people::api_token(name, &body),
        "seal" => seal::seal(name, &body),
        "tables" => seal::tables(name, &body),
        _ => None,
    }
}

/// Whether an event of the directory is about this person.
pub fn is_about(event: &Event, user: &str) -> bool {
    Body::of(event).text("/userId") == user
}

/// An event's message, as it stands in the log.
pub(super) struct Body(Value);

impl Body {
    /// Of this event.
    pub(super) fn of(event: &Event) -> Body {
        let body = serde_json::to_value(&event.body);
        Body(body.unwrap_or_default())
    }

    fn at(&self, path: &str) -> Option<&Value> {
        self.0.pointer(path)
    }

    /// Empty where it is not there.
    pub(super) fn text(&self, path: &str) -> &str {
        self.at(path).and_then(Value::as_str).unwrap_or_default()
    }

    fn is(&self, path: &str) -> bool {
        self.at(path).and_then(Value::as_bool).unwrap_or_default()
    }

    /// Numbers of 64 bits stand in quotes.
    fn number(&self, path: &str) -> u64 {
        let number = self.at(path);
        let number = number.and_then(|n| match n {
            Value::String(text) => text.parse().ok(),
            // A Struct's numbers are floating.
            n => n.as_u64().or_else(|| n.as_f64().map(|n| n as u64)),
        });
        number.unwrap_or_default()
    }

    fn list(&self, path: &str) -> &[Value] {
        let list = self.at(path).and_then(Value::as_array);
        list.map_or(&[], Vec::as_slice)
    }

    /// "until 19 Feb 2027", for example; empty where there is no time.
    fn day(&self, before: &str, path: &str) -> String {
        let at = self.time(path).map(wording::day);
        at.map_or_else(String::new, |at| format!("{before}{at}"))
    }

    /// The same with the minute.
    fn moment(&self, before: &str, path: &str) -> String {
        let at = self.time(path).map(wording::time);
        at.map_or_else(String::new, |at| format!("{before}{at}"))
    }

    fn time(&self, path: &str) -> Option<OffsetDateTime> {
        OffsetDateTime::parse(self.text(path), &Rfc3339).ok()
    }
}

/// "1 name", "3 names".
fn count(number: usize, one: &str) -> String {
    match number {
        0 => String::new(),
        1 => format!("1 {one}"),
        n => format!("{n} {one}s"),
    }
}

#[cfg(test)]
mod tests;
