//! Pages of the past: `as_of` in a page's address is a time, or a position of the log. All that such a page asks is
//! asked of that moment, and nothing can be changed from it. `GET /as-of` leads to one, and says what is wrong with a
//! moment that there is not.

mod typed;

use api::{
    convert,
    projection::v1::{AsOf, ListRequest, as_of::Moment},
};
use askama::Template;
use axum::{
    Router,
    extract::{Request, State},
    http::{Method, StatusCode, Uri},
    middleware::Next,
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;
use time::OffsetDateTime;
use uuid::Uuid;

use self::typed::{position, time};
use super::{
    asked::{Asked, asking},
    desk::Desk,
    frame::Frame,
    next::own_path,
    page::{render, see_other},
    problem::Problem,
    refused::Wrongs,
    visitor::{SignedIn, Visitor},
    when::grouped,
    wording,
};

/// Where one comes to the past.
pub fn routes() -> Router<Desk> {
    Router::new().route("/as-of", get(page))
}

/// The moment that a page is of.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    /// As it stands in addresses.
    pub word: String,
    /// As questions have it.
    pub as_of: AsOf,
    /// The time for which all is told.
    pub at: OffsetDateTime,
}

impl Past {
    /// "3 Aug 2026, 14:02:00 UTC", "event #48 213, of 3 Aug 2026, 14:02:07 UTC".
    pub fn words(&self) -> String {
        let at = format!("{}, {} UTC", wording::day(self.at), wording::clock(self.at));
        match self.as_of.moment {
            Some(Moment::Sequence(sequence)) => format!("event #{}, of {at}", grouped(sequence)),
            _ => at,
        }
    }
}

/// What is wrong with a moment, and in which field of the form.
#[derive(Debug, PartialEq, Eq)]
struct Wrong {
    field: &'static str,
    why: String,
}

/// Finds out of which moment a page is asked for, where it is one that knows the past.
pub async fn enter(State(desk): State<Desk>, mut request: Request, next: Next) -> Response {
    let may_be = is_read(request.method()) && knows_the_past(request.uri().path());
    let visitor = request.extensions().get::<Visitor>().cloned();
    let (true, Some(mut visitor)) = (may_be, visitor) else {
        return next.run(request).await;
    };
    let Some(session) = visitor.session.clone() else {
        return next.run(request).await;
    };
    let place = place(request.uri());
    if let Some(text) = moment(request.uri()) {
        let person = SignedIn {
            visitor: visitor.clone(),
            session,
        };
        match resolved(&desk, &person, &text).await {
            Ok(past) => visitor.past = Some(past),
            Err(wrong) => {
                let asked = Query {
                    next: place,
                    ..Query::of(&text)
                };
                let page = Page::answer(&person, asked, Some(wrong));
                return page.unwrap_or_else(IntoResponse::into_response);
            }
        }
        // They are of now.
        visitor.counts = None;
    }
    visitor.place = Some(place);
    request.extensions_mut().insert(visitor);
    next.run(request).await
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// What the form says.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Query {
    #[serde(default)]
    next: String,
    time: Option<String>,
    position: Option<String>,
}

impl Query {
    /// As if this had been typed.
    fn of(text: &str) -> Query {
        let text = Some(text.to_owned());
        match position(text.as_deref().unwrap_or_default()) {
            Some(_) => Query {
                position: text,
                ..Query::default()
            },
            None => Query {
                time: text,
                ..Query::default()
            },
        }
    }

    fn time(&self) -> &str {
        self.time.as_deref().unwrap_or_default().trim()
    }

    fn position(&self) -> &str {
        self.position.as_deref().unwrap_or_default().trim()
    }

    fn is_sent(&self) -> bool {
        self.time.is_some() || self.position.is_some()
    }
}

/// `GET /as-of`
async fn page(
    State(desk): State<Desk>,
    person: SignedIn,
    Asked(query): Asked<Query>,
) -> Result<Response, Problem> {
    let wrong = |field, why: &str| Wrong {
        field,
        why: why.to_owned(),
    };
    let found = match (query.time(), query.position()) {
        _ if !query.is_sent() => return Page::answer(&person, query, None),
        ("", "") => Err(wrong("time", "Give a time or a position.")),
        ("", text) => match position(text) {
            Some(_) => resolved(&desk, &person, text).await,
            None => Err(wrong("position", "A position is a number, as in 48213.")),
        },
        (text, "") => resolved(&desk, &person, text).await,
        _ => Err(wrong("position", "Give a time or a position, not both.")),
    };
    match found {
        Ok(past) => {
            let next = own_path(Some(&query.next)).to_owned();
            let joint = if next.contains('?') { '&' } else { '?' };
            Ok(see_other(&format!("{next}{joint}as_of={}", past.word)))
        }
        Err(wrong) => Page::answer(&person, query, Some(wrong)),
    }
}

#[derive(Template)]
#[template(path = "as_of.html")]
struct Page {
    frame: Frame,
    next: String,
    time: String,
    position: String,
    wrongs: Wrongs,
}

impl Page {
    fn answer(person: &SignedIn, asked: Query, wrong: Option<Wrong>) -> Result<Response, Problem> {
        let mut wrongs = Wrongs::default();
        let status = match wrong {
            None => StatusCode::OK,
            Some(wrong) => {
                wrongs.add(wrong.field, &wrong.why);
                wrongs.code()
            }
        };
        let page = Page {
            frame: Frame::new(person, ""),
            next: own_path(Some(&asked.next)).to_owned(),
            time: asked.time().to_owned(),
            position: asked.position().to_owned(),
            wrongs,
        };
        render(status, &page)
    }
}

/// The moment that this means, if it has come.
async fn resolved(desk: &Desk, person: &SignedIn, text: &str) -> Result<Past, Wrong> {
    let Some(sequence) = position(text) else {
        return of_time(text, desk.commands.clock.now());
    };
    let wrong = |why| Wrong {
        field: "position",
        why,
    };
    let ask = ListRequest {
        filter: format!("sequence={sequence}"),
        page_size: 1,
        ..ListRequest::default()
    };
    let at = match desk.queries(person).list_events(ask).await {
        Ok(answer) => {
            let answer = answer.into_inner();
            let last = answer.position;
            let event = answer.events.into_iter().next();
            let Some(event) = event else {
                return Err(wrong(format!(
                    "There is no event #{}. The log has #1 to #{}.",
                    grouped(sequence),
                    grouped(last)
                )));
            };
            event.time.as_ref().and_then(convert::time)
        }
        // The page itself says in each of its parts that it cannot ask.
        Err(_) => None,
    };
    Ok(Past {
        word: sequence.to_string(),
        as_of: AsOf {
            moment: Some(Moment::Sequence(sequence)),
        },
        at: at.unwrap_or_else(|| desk.commands.clock.now()),
    })
}

fn of_time(text: &str, now: OffsetDateTime) -> Result<Past, Wrong> {
    let wrong = |why: &str| Wrong {
        field: "time",
        why: why.to_owned(),
    };
    let at = time(text).ok_or_else(|| {
        wrong("That is no time: write it as 2026-03-01 14:02 (UTC), or a day as 2026-03-01.")
    })?;
    if at > now {
        return Err(wrong("That time is still to come."));
    }
    Ok(Past {
        word: wording::timestamp(at),
        as_of: AsOf {
            moment: Some(Moment::Time(convert::timestamp(at))),
        },
        at,
    })
}

/// The moment in an address.
fn moment(uri: &Uri) -> Option<String> {
    let pairs = pairs(uri);
    let found = pairs.into_iter().find(|(name, _)| name == "as_of");
    found
        .map(|(_, value)| value)
        .filter(|value| !value.is_empty())
}

/// The page, without what is of one moment alone.
fn place(uri: &Uri) -> String {
    let pairs = pairs(uri);
    let kept = pairs.iter().filter(|(name, _)| {
        ![
            "as_of", "at", "done", "page", "back", "before", "after", "pick",
        ]
        .contains(&name.as_str())
    });
    let kept = kept.map(|(name, value)| (&**name, &**value));
    asking(uri.path(), &kept.collect::<Vec<_>>())
}

fn pairs(uri: &Uri) -> Vec<(String, String)> {
    serde_html_form::from_str(uri.query().unwrap_or_default()).unwrap_or_default()
}

/// Whether the page at this path knows the past: lists, and what they lead to.
fn knows_the_past(path: &str) -> bool {
    let parts = path.trim_start_matches('/').split('/').collect::<Vec<_>>();
    let is_one = |id: &str| Uuid::try_parse(id).is_ok();
    match parts[..] {
        ["audit" | "notifications"] => true,
        ["certificates", "served"] | ["audit", "export"] => true,
        ["audit", sequence] => sequence.parse::<u64>().is_ok(),
        ["requests", id, "csr"] => is_one(id),
        [list] => LISTS.contains(&list),
        [list, id] => LISTS.contains(&list) && is_one(id),
        _ => false,
    }
}

/// Those whose rows have pages.
const LISTS: [&str; 6] = [
    "certificates",
    "automated",
    "servers",
    "dns-providers",
    "requests",
    "keys",
];

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_moment_is_a_time_a_day_or_a_position() {
        let now = datetime!(2026-11-30 12:00 UTC);
        for (text, at) in [
            ("2026-03-01", datetime!(2026-03-01 00:00 UTC)),
            ("2026-03-01 14:02", datetime!(2026-03-01 14:02 UTC)),
            ("2026-03-01T14:02", datetime!(2026-03-01 14:02 UTC)),
            ("2026-03-01T14:02:07", datetime!(2026-03-01 14:02:07 UTC)),
            ("2026-03-01T14:02:07Z", datetime!(2026-03-01 14:02:07 UTC)),
            ("2026-03-01 02:00:00+02:00", datetime!(2026-03-01 00:00 UTC)),
        ] {
            let past = of_time(text, now).unwrap();
            assert_eq!(past.at, at, "{text}");
            assert_eq!(of_time(&past.word, now).unwrap(), past, "{text}");
        }
        for wrong in ["yesterday", "2026-02-30", "2026-03-01 25:00", "2027-01-01"] {
            assert_eq!(of_time(wrong, now).unwrap_err().field, "time", "{wrong}");
        }
        assert_eq!(position("48213"), Some(48_213));
        assert_eq!(position("#48 213"), Some(48_213));
        assert_eq!(position("#48\u{a0}213"), Some(48_213));
        assert_eq!(position("2026-03-01"), None);
    }

    #[test]
    fn what_changes_something_knows_no_past() {
        let id = Uuid::nil();
        for (path, knows) in [
            ("/certificates".to_owned(), true),
            (format!("/certificates/{id}"), true),
            (format!("/certificates/{id}/rename"), false),
            ("/certificates/delete".to_owned(), false),
            (format!("/requests/{id}/csr"), true),
            ("/audit/12".to_owned(), true),
            ("/automated/new".to_owned(), false),
            (format!("/dns-providers/{id}"), true),
            ("/notifications".to_owned(), true),
            (format!("/notifications/channels/{id}"), false),
            (format!("/dns-providers/{id}/remove"), false),
            ("/settings".to_owned(), false),
            ("/".to_owned(), false),
        ] {
            assert_eq!(knows_the_past(&path), knows, "{path}");
        }
    }

    #[test]
    fn another_moment_of_a_list_begins_at_its_first_page() {
        let uri = "/certificates?view=need&q=a+b&page=ctoken&back=&before=25&as_of=7&at=3";
        let uri = uri.parse::<Uri>().unwrap();
        assert_eq!(place(&uri), "/certificates?view=need&q=a+b");
        assert_eq!(moment(&uri).as_deref(), Some("7"));
        assert_eq!(moment(&"/keys?as_of=".parse().unwrap()), None);
    }
}
