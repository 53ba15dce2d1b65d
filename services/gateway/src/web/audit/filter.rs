//! What the list is asked for: its query string, and the filter that this means.

use api::projection::v1::{GetRequest, ListRequest};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use tonic::{Code, Status};

use crate::web::{desk::Desk, filter::quoted, visitor::SignedIn, wording};

/// The query string.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Asked {
    /// For how long back: a word of [`TIMES`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub time: String,
    /// An actor, as the log has him.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub who: String,
    /// A word of [`KINDS`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub what: String,
    /// A certificate's name or id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub certificate: String,
    /// All that one command led to.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub correlation: String,
    /// Events older than this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// Events newer than this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// The moment that it is of.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub as_of: String,
}

/// What to ask the projection.
pub enum Question {
    /// This filter.
    Filter(String),
    /// Nothing can be found, because of this.
    Nothing(String),
}

/// A choice of a list: what stands in the query, what people read.
pub type Choice = (&'static str, &'static str);

/// How far back.
pub const TIMES: [Choice; 6] = [
    ("", "Any time"),
    ("hour", "Last hour"),
    ("day", "Last 24 hours"),
    ("week", "Last 7 days"),
    ("month", "Last 30 days"),
    ("quarter", "Last 90 days"),
];

/// What happened: its filter stands behind.
pub const KINDS: [(&str, &str, &str); 17] = [
    ("", "Anything", ""),
    ("certificates", "Certificates", "aggregate=certificate"),
    (
        "exports",
        "Certificates exported",
        "aggregate=certificate event=exported",
    ),
    (
        "deleted",
        "Certificates deleted",
        "aggregate=certificate event=deleted",
    ),
    ("keys", "Private keys", "aggregate=key"),
    (
        "key-exports",
        "Private keys exported",
        "aggregate=key event=exported",
    ),
    ("requests", "Requests", "aggregate=request"),
    (
        "automated",
        "Automated certificates",
        "aggregate=automation",
    ),
    (
        "renewals",
        "Renewals done",
        "aggregate=automation event=renewed",
    ),
    (
        "failed",
        "Renewals failed",
        "aggregate=automation event=renewal-failed",
    ),
    (
        "default",
        "The default, and what gateways were given",
        "aggregate=tls",
    ),
    ("servers", "ACME servers", "aggregate=acme-server"),
    ("alerts", "Alerts", "aggregate=alert"),
    ("channels", "Channels", "aggregate=channel"),
    ("sign-in", "Sign-in", "aggregate=session"),
    ("people", "People", "aggregate=directory"),
    ("tokens", "API tokens", "aggregate=api-token"),
];

impl Asked {
    /// The page with this query.
    pub fn href(&self) -> String {
        self.at("/audit")
    }

    /// All that it is asked for, on every page, as a file.
    pub fn file(&self) -> String {
        self.newest().at("/audit/export")
    }

    fn at(&self, path: &str) -> String {
        let query = serde_html_form::to_string(self).unwrap_or_default();
        match query.as_str() {
            "" => path.to_owned(),
            query => format!("{path}?{query}"),
        }
    }

    /// The same from the newest on.
    pub fn newest(&self) -> Asked {
        Asked {
            before: None,
            after: None,
            ..self.clone()
        }
    }

    /// What is older than this event.
    pub fn older_than(&self, sequence: u64) -> Asked {
        Asked {
            before: Some(sequence),
            ..self.newest()
        }
    }

    /// What is newer than this event.
    pub fn newer_than(&self, sequence: u64) -> Asked {
        Asked {
            after: Some(sequence),
            ..self.newest()
        }
    }

    /// Whether not all is asked for.
    pub fn is_filtered(&self) -> bool {
        let of_now = Asked {
            as_of: String::new(),
            ..self.newest()
        };
        of_now != Asked::default()
    }

    /// Whether it goes with what comes.
    pub fn is_newest(&self) -> bool {
        self.before.is_none() && self.after.is_none()
    }

    /// The filter of it all.
    ///
    /// # Errors
    /// What the projection says.
    pub async fn question(
        &self,
        desk: &Desk,
        person: &SignedIn,
        now: OffsetDateTime,
    ) -> Result<Question, Status> {
        let typed = [&self.who, &self.correlation, &self.certificate];
        if typed.iter().any(|text| text.len() > LONGEST) {
            return Ok(Question::Nothing("Nothing is called that.".to_owned()));
        }
        let mut terms = Vec::new();
        let kind = KINDS.iter().find(|(word, ..)| *word == self.what);
        terms.extend(kind.map(|(.., filter)| (*filter).to_owned()));
        if !self.who.is_empty() {
            terms.push(format!("actor={}", quoted(&self.who)));
        }
        if !self.correlation.is_empty() {
            terms.push(format!("correlation_id={}", quoted(&self.correlation)));
        }
        let name = self.certificate.trim();
        if !name.is_empty() {
            match certificate(desk, person, name).await? {
                Some(id) => terms.push(format!("certificate={}", quoted(&id))),
                None => {
                    return Ok(Question::Nothing(format!(
                        "There is no certificate “{name}”."
                    )));
                }
            }
        }
        if let Some(since) = self.since(now) {
            match first_since(desk, person, since).await? {
                // The log is in order: its places are found sooner than its times.
                Some(first) => terms.push(format!("sequence>{}", first.saturating_sub(1))),
                None => {
                    return Ok(Question::Nothing(
                        "Nothing happened in that time.".to_owned(),
                    ));
                }
            }
        }
        terms.extend(self.before.map(|before| format!("sequence<{before}")));
        terms.extend(self.after.map(|after| format!("sequence>{after}")));
        terms.retain(|term| !term.is_empty());
        Ok(Question::Filter(terms.join(" ")))
    }

    fn since(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let back = match self.time.as_str() {
            "hour" => Duration::hours(1),
            "day" => Duration::days(1),
            "week" => Duration::days(7),
            "month" => Duration::days(30),
            "quarter" => Duration::days(90),
            _ => return None,
        };
        Some(now - back)
    }
}

/// The id of the certificate of this name, or id.
async fn certificate(desk: &Desk, person: &SignedIn, name: &str) -> Result<Option<String>, Status> {
    let request = GetRequest {
        id: name.to_owned(),
        at_least: 0,
        ..GetRequest::default()
    };
    match desk.queries(person).get_certificate(request).await {
        Ok(found) => Ok(Some(found.into_inner().id)),
        Err(status) if matches!(status.code(), Code::NotFound | Code::InvalidArgument) => Ok(None),
        Err(status) => Err(status),
    }
}

/// The position of the first event since then.
async fn first_since(
    desk: &Desk,
    person: &SignedIn,
    since: OffsetDateTime,
) -> Result<Option<u64>, Status> {
    let request = ListRequest {
        filter: format!("time>{}", wording::timestamp(since)),
        sort: "time".to_owned(),
        page_size: 1,
        ..ListRequest::default()
    };
    let events = desk.queries(person).list_events(request).await?;
    Ok(events
        .into_inner()
        .events
        .first()
        .map(|event| event.sequence))
}

/// A value of a filter, whatever is in it.
/// Longer than any name or id.
const LONGEST: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_a_value_whatever_is_in_it() {
        assert_eq!(quoted(r#"a" b=\c"#), r#""a\" b=\\c""#);
    }

    #[test]
    fn what_is_asked_for_stays_from_page_to_page() {
        let asked = Asked {
            who: "user/1".to_owned(),
            time: "week".to_owned(),
            after: Some(7),
            ..Asked::default()
        };
        assert_eq!(
            asked.older_than(9).href(),
            "/audit?time=week&who=user%2F1&before=9"
        );
        assert_eq!(Asked::default().href(), "/audit");
        assert_eq!(asked.file(), "/audit/export?time=week&who=user%2F1");
        assert!(asked.is_filtered() && !Asked::default().older_than(3).is_filtered());
    }
}
