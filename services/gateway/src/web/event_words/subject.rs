//! What an event was about, by its name now, with the way there.

use api::projection::v1::Event;

use super::Body;

/// What something was about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// What people call it.
    pub name: String,
    /// Its page; none where it has none.
    pub href: Option<String>,
}

/// The page of a thing of this kind (an aggregate of the log).
pub fn href(kind: &str, id: &str) -> Option<String> {
    let place = match kind {
        "certificate" => "/certificates/",
        "automation" => "/automated/",
        "request" => "/requests/",
        "acme-server" => "/servers/",
        "key" => "/keys/",
        "channel" => return Some(format!("/notifications#channel-{id}")),
        _ => return None,
    };
    Some(format!("{place}{id}"))
}

impl Subject {
    /// Of this event: as the tables know it, or else in the words of the event.
    pub(super) fn of(event: &Event) -> Option<Subject> {
        let known = event.subject.as_ref();
        if let Some(subject) = known.filter(|subject| !subject.name.is_empty()) {
            return Some(Subject {
                name: subject.name.clone(),
                href: href(&subject.kind, &subject.id),
            });
        }
        let body = Body::of(event);
        let said = ["/friendlyName", "/name", "/subject/name"].map(|path| body.text(path));
        let said = said.into_iter().find(|name| !name.is_empty());
        let (kind, id) = match known {
            Some(subject) => (subject.kind.as_str(), subject.id.as_str()),
            None => (event.aggregate.as_str(), event.aggregate_id.as_str()),
        };
        let name = said.map_or_else(|| unnamed(kind), |name| Some(name.to_owned()))?;
        Some(Subject {
            name,
            href: href(kind, id),
        })
    }
}

/// What has no name of its own.
fn unnamed(kind: &str) -> Option<String> {
    let name = match kind {
        "key" => "a private key",
        "certificate" => "a certificate",
        "automation" => "an automation",
        "request" => "a request",
        "acme-server" => "an ACME server",
        "dns-provider" => "a DNS provider",
        "channel" => "a channel",
        _ => return None,
    };
    Some(name.to_owned())
}
