//! What needs somebody, the most urgent first, each with its reason, its deadline and one thing to do.

use std::collections::{HashMap, HashSet};

use api::{
    convert,
    notifier::v1::{MessageKind, Severity},
    projection::v1::{Alert, Automation, Certificate, CertificateStatus as S, Overview},
};
use time::OffsetDateTime;

use super::{list, wanting};
use crate::web::{
    desk::Desk, event_words::href, parts::Chip, visitor::SignedIn, when, wording, wrong::sentence,
};

/// What else is to be known for it. What could not be asked is empty.
pub struct Asked {
    /// Alerts that are up.
    alerts: Vec<Alert>,
    /// Automations whose first certificate could not be had.
    pub automations: Vec<Automation>,
    /// The pending requests that are to take certificates' places, by those.
    requests: HashMap<String, String>,
    /// The one whose renewal comes first.
    next: Option<Automation>,
}

/// What needs somebody.
pub struct Needs {
    /// The most urgent.
    pub list: Vec<Need>,
    /// How many there are.
    pub count: u32,
    /// How many of them are told by alerts alone.
    pub others: u32,
    /// What comes next, where nothing does.
    pub next: String,
}

/// One of them.
pub struct Need {
    rank: (u8, Option<OffsetDateTime>),
    /// How it stands.
    pub chip: Chip,
    /// What people call it.
    pub name: String,
    /// Its page.
    pub href: String,
    /// Why, and until when.
    pub why: String,
    /// What to do.
    pub action: &'static str,
    /// Where.
    pub to: String,
}

/// Asks for all that at once.
pub async fn ask(desk: &Desk, person: &SignedIn) -> Asked {
    let (mut of_alerts, mut of_automations) = (desk.queries(person), desk.queries(person));
    let (mut of_requests, mut of_next) = (desk.queries(person), desk.queries(person));
    let (alerts, automations, requests, next) = tokio::join!(
        of_alerts.list_alerts(list("up=true", "", MOST)),
        of_automations.list_automations(list("status=error issued=false", "not_after", MOST)),
        of_requests.list_certificate_requests(list("status=pending", "-created", 200)),
        of_next.list_automations(list("paused=false", "renew_at", 1)),
    );
    let requests = requests.map_or_else(|_| Vec::new(), |answer| answer.into_inner().requests);
    let requests = requests
        .into_iter()
        .map(|request| (request.renews_certificate_id, request.id));
    let one_of = |answer: Result<tonic::Response<_>, _>| {
        let answer: Option<api::projection::v1::ListAutomationsResponse> =
            answer.ok().map(tonic::Response::into_inner);
        answer.map_or_else(Vec::new, |answer| answer.automations)
    };
    Asked {
        alerts: alerts.map_or_else(|_| Vec::new(), |answer| answer.into_inner().alerts),
        automations: one_of(automations),
        requests: requests.filter(|(renews, _)| !renews.is_empty()).collect(),
        next: one_of(next).into_iter().next(),
    }
}

impl Needs {
    /// At this moment.
    pub fn of(overview: &Overview, asked: &Asked, now: OffsetDateTime) -> Needs {
        let certificates = overview.urgent.iter();
        let mut all = certificates
            .map(|row| certificate(row, asked, now))
            .collect::<Vec<_>>();
        all.extend(asked.automations.iter().map(never_issued));
        let told = overview
            .urgent
            .iter()
            .flat_map(|row| [row.id.as_str(), row.automation_id.as_str()])
            .chain(asked.automations.iter().map(|row| row.id.as_str()))
            .collect::<HashSet<_>>();
        let others = asked.alerts.iter().filter(|alert| {
            let subject = alert.subject.as_ref();
            let known = subject.is_some_and(|subject| told.contains(subject.id.as_str()));
            !known && wants_somebody(alert)
        });
        let others = others.map(|row| alert(row, now)).collect::<Vec<_>>();
        let count = others.len() as u32;
        all.extend(others);
        all.sort_by_key(|need| (need.rank.0, need.rank.1.is_none(), need.rank.1));
        all.truncate(MOST as usize);
        Needs {
            list: all,
            count: wanting(overview) + count,
            others: count,
            next: asked.next.as_ref().map(next).unwrap_or_default(),
        }
    }

    /// How many there are besides those that are shown.
    pub fn more(&self) -> u32 {
        self.count.saturating_sub(self.list.len() as u32)
    }
}

fn certificate(row: &Certificate, asked: &Asked, now: OffsetDateTime) -> Need {
    let end = row
        .certificate
        .as_ref()
        .and_then(|leaf| leaf.not_after.as_ref());
    let end = end.and_then(convert::time);
    let away = end.map_or(time::Duration::ZERO, |end| end - now);
    let page = href("certificate", &row.id).unwrap_or_default();
    let automated = !row.automation_id.is_empty();
    let request = asked.requests.get(&row.id);
    let (rank, why) = match row.status() {
        S::Expired => {
            let ended = format!(
                "Expired {} ago. Clients that check dates are being refused.",
                when::length(-away)
            );
            (0, with_failure(&ended, row))
        }
        S::Error => {
            let why = row.last_failure.as_ref().map_or_else(
                || "Its renewal was due, and has not come.".to_owned(),
                |failure| format!("Renewal has failed: {}", sentence(&failure.message)),
            );
            (1, format!("{why} Expires in {}.", when::length(away)))
        }
        _ => {
            let how = match (automated, request.is_some()) {
                (true, _) => "and its renewals are paused.",
                (false, true) => "and renewed by hand. Its request is made; import the answer.",
                (false, false) => "and renewed by hand.",
            };
            (2, format!("{} left {how}", when::length(away)))
        }
    };
    let why = match row.chain_complete || rank == 1 {
        true => why,
        false => format!("{why} A certificate authority is missing in its chain."),
    };
    let (action, to) = match (automated, request) {
        (true, _) => {
            let page = href("automation", &row.automation_id).unwrap_or_default();
            ("See the fix", page)
        }
        (false, Some(request)) => (
            "Import answer",
            href("request", request).unwrap_or_default(),
        ),
        (false, None) => ("Replace", format!("/create?replace={}", row.id)),
    };
    Need {
        rank: (rank, end),
        chip: Chip::from(row.status()),
        name: row.friendly_name.clone(),
        href: page,
        why,
        action,
        to,
    }
}

fn with_failure(why: &str, row: &Certificate) -> String {
    match &row.last_failure {
        Some(failure) => format!("{why} {}", sentence(&failure.message)),
        None => why.to_owned(),
    }
}

fn never_issued(row: &Automation) -> Need {
    let why = row.last_failure.as_ref().map_or_else(
        || "Its first certificate could not be had.".to_owned(),
        |failure| {
            let why = sentence(&failure.message);
            format!("Its first certificate could not be had: {why}")
        },
    );
    let page = href("automation", &row.id).unwrap_or_default();
    Need {
        rank: (1, None),
        chip: Chip::from(row.status()),
        name: row.friendly_name.clone(),
        to: page.clone(),
        href: page,
        why,
        action: "See the fix",
    }
}

/// A renewal that failed and is tried again in good time wants nobody yet.
fn wants_somebody(alert: &Alert) -> bool {
    match alert.kind() {
        MessageKind::RenewalFailed
        | MessageKind::CertificateRenewed
        | MessageKind::PrivateKeyExported => false,
        _ => alert.severity() != Severity::Info,
    }
}

fn alert(row: &Alert, now: OffsetDateTime) -> Need {
    let deadline = row.deadline.as_ref().and_then(convert::time);
    let until = deadline.filter(|end| *end > now);
    let until = until.map(|end| format!("Time left: {}.", when::length(end - now)));
    let subject = row.subject.clone().unwrap_or_default();
    let page = href(&subject.kind, &subject.id).unwrap_or_else(|| "/notifications".to_owned());
    let (rank, chip) = match row.severity() {
        Severity::Error => (1, Chip::new("Error", "error", "error")),
        _ => (2, Chip::new("Warning", "soon", "bell")),
    };
    Need {
        rank: (rank, deadline),
        chip,
        name: match subject.name.as_str() {
            "" => "Alert".to_owned(),
            name => name.to_owned(),
        },
        why: [&row.message, &row.advice]
            .into_iter()
            .filter(|text| !text.is_empty())
            .map(|text| sentence(text))
            .chain(until)
            .collect::<Vec<_>>()
            .join(" "),
        action: "Have a look",
        to: page.clone(),
        href: page,
    }
}

/// The name and the day of the renewal that comes first.
fn next(row: &Automation) -> String {
    let at = row.renew_at.as_ref().and_then(convert::time);
    at.map_or_else(String::new, |at| {
        format!("{}, {}", row.friendly_name, wording::day(at))
    })
}

/// So many are shown.
const MOST: u32 = 20;
