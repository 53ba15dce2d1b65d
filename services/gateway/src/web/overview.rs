//! Overview: what wants somebody, what ends when, what happened, and how Chancery itself is.
//!
//! Its parts are asked for side by side, each of the service that knows it: one that is away costs its own part alone.

mod activity;
mod needs;
mod picture;
mod servers;
pub mod system;
mod timeline;

use api::projection::v1::{
    CertificateStatus as S, GetOverviewRequest, ListRequest, Overview, StatusCount,
};
use askama::Template;
use axum::{Router, extract::State, http::StatusCode, response::Response, routing::get};

use self::{
    activity::Activity, needs::Needs, servers::Servers, system::System, timeline::Timeline,
};
use super::{
    desk::Desk, frame::Frame, page::render, parts::Away, problem::Problem, visitor::SignedIn,
};

/// The page.
pub fn routes() -> Router<Desk> {
    Router::new().route("/overview", get(page))
}

async fn page(State(desk): State<Desk>, person: SignedIn) -> Result<Response, Problem> {
    let now = desk.commands.clock.now();
    let (overview, asked, activity, listed) = tokio::join!(
        glance(&desk, &person, 0),
        needs::ask(&desk, &person),
        activity::ask(&desk, &person, now),
        servers::ask(&desk, &person),
    );
    let system = system::ask(&desk, &person, overview.as_ref().ok(), now).await;
    let servers = Servers::of(listed, overview.as_ref().ok(), &asked);
    let glance = overview.map_err(Away::from).map(|overview| Glance {
        needs: Needs::of(&overview, &asked, now),
        timeline: Timeline::of(&overview, now),
        overview,
    });
    let page = Page {
        frame: Frame::new(&person, "/overview"),
        glance,
        activity,
        servers,
        system,
    };
    render(StatusCode::OK, &page)
}

/// What the projection says of all, no older than `at_least`.
///
/// # Errors
/// What it refused with.
pub async fn glance(
    desk: &Desk,
    person: &SignedIn,
    at_least: u64,
) -> Result<Overview, tonic::Status> {
    let request = GetOverviewRequest {
        at_least,
        ..GetOverviewRequest::default()
    };
    let overview = desk.queries(person).get_overview(request).await?;
    Ok(overview.into_inner())
}

/// A page of a list.
fn list(filter: &str, sort: &str, page_size: u32) -> ListRequest {
    ListRequest {
        filter: filter.to_owned(),
        sort: sort.to_owned(),
        page_size,
        ..ListRequest::default()
    }
}

/// What is told at a glance.
struct Glance {
    overview: Overview,
    needs: Needs,
    timeline: Timeline,
}

impl Glance {
    fn certificates(&self) -> u32 {
        self.overview.certificates.iter().map(|one| one.count).sum()
    }

    fn of(&self, status: S) -> u32 {
        of(&self.overview.certificates, status)
    }

    /// The line below the heading.
    fn sub(&self) -> String {
        let all = match self.certificates() {
            0 => return "No certificates yet.".to_owned(),
            1 => "1 certificate".to_owned(),
            n => format!("{n} certificates"),
        };
        match self.needs.count {
            0 => format!("{all}, and none needs you."),
            1 => format!("1 thing needs you, of {all}. The rest look after themselves."),
            n => format!("{n} things need you, of {all}. The rest look after themselves."),
        }
    }

    fn needed(&self) -> String {
        let broken = of(&self.overview.never_issued, S::Error);
        let counts = [
            (self.of(S::Expired), "expired", "expired"),
            (self.of(S::Error) + broken, "error", "errors"),
            (self.of(S::Expiring), "expiring soon", "expiring soon"),
            (self.needs.others, "other alert", "other alerts"),
        ];
        let counts = counts.iter().filter(|(count, ..)| *count > 0);
        let counts = counts
            .map(|(count, one, more)| format!("{count} {}", if *count == 1 { one } else { more }));
        match counts.collect::<Vec<_>>()[..] {
            [] => "nothing".to_owned(),
            ref counts => counts.join(" · "),
        }
    }

    fn ending(&self) -> u32 {
        self.overview.ending_automatic + self.overview.ending_by_hand
    }

    fn renewing(&self) -> u32 {
        self.of(S::Renewing)
    }

    fn pending(&self) -> u32 {
        of(&self.overview.never_issued, S::Pending)
    }
}

/// How many of them have this status.
fn of(counts: &[StatusCount], status: S) -> u32 {
    let counts = counts.iter().filter(|one| one.status() == status);
    counts.map(|one| one.count).sum()
}

/// How many things want somebody, as far as statuses tell.
pub fn wanting(overview: &Overview) -> u32 {
    let statuses = [S::Expired, S::Error, S::Expiring];
    let certificates = statuses.map(|status| of(&overview.certificates, status));
    certificates.iter().sum::<u32>() + of(&overview.never_issued, S::Error)
}

#[derive(Template)]
#[template(path = "overview/page.html")]
struct Page {
    frame: Frame,
    glance: Result<Glance, Away>,
    activity: Result<Activity, Away>,
    servers: Result<Servers, Away>,
    system: System,
}
