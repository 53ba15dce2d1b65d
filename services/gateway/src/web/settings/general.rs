//! What runs here, as far as the gateway knows it.

use api::projection::v1::ListRequest;
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use tonic::Request;

use crate::{
    forward::Standing,
    tls::Policy,
    web::{
        desk::Desk, frame::Frame, page::render, parts::Chip, problem::Problem, visitor::SignedIn,
    },
};

/// How the edge was started.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// The port of pages and of the API.
    pub https: u16,
    /// The port that challenges are answered on.
    pub http: u16,
    /// The one that people reach https by.
    pub public_https: u16,
    /// What is spoken.
    pub policy: Policy,
}

/// `GET /settings`
pub async fn page(State(desk): State<Desk>, person: SignedIn) -> Result<Response, Problem> {
    let mut question = Request::new(ListRequest {
        page_size: 1,
        ..ListRequest::default()
    });
    question.set_timeout(PATIENCE);
    let log = async {
        let log = desk.commands.log().ok()?;
        let last = tokio::time::timeout(PATIENCE, log.last_sequence()).await;
        last.ok()?.ok()
    };
    let mut queries = desk.queries(&person);
    let (services, events, log) = tokio::join!(
        desk.forwarder.services(PATIENCE),
        queries.list_events(question),
        log,
    );
    let Facts {
        https,
        http,
        public_https,
        policy,
    } = desk.facts;
    let page = General {
        frame: Frame::new(&person, "/settings"),
        version: env!("CARGO_PKG_VERSION"),
        services: services.into_iter().map(Line::from).collect(),
        https,
        http,
        other_public: (public_https != https).then_some(public_https),
        policy: match policy {
            Policy::Intermediate => {
                "TLS 1.3, and 1.2 with forward secrecy (Mozilla “intermediate”)"
            }
            Policy::Modern => "TLS 1.3 alone (Mozilla “modern”)",
        },
        log,
        tables: events.ok().map(|events| events.into_inner().position),
    };
    render(StatusCode::OK, &page)
}

#[derive(Template)]
#[template(path = "settings/general.html")]
struct General {
    frame: Frame,
    version: &'static str,
    services: Vec<Line>,
    https: u16,
    http: u16,
    other_public: Option<u16>,
    policy: &'static str,
    /// The last event of the log.
    log: Option<u64>,
    /// The last that the lists know of.
    tables: Option<u64>,
}

impl General {
    /// How far the lists are behind.
    fn behind(&self) -> u64 {
        let (log, tables) = (
            self.log.unwrap_or_default(),
            self.tables.unwrap_or_default(),
        );
        log.saturating_sub(tables)
    }
}

/// A service.
struct Line {
    name: &'static str,
    does: &'static str,
    /// Which version it is, where it says so.
    version: String,
    state: Chip,
}

impl From<Standing> for Line {
    fn from(standing: Standing) -> Line {
        Line {
            name: standing.service,
            does: match standing.service {
                "keystore" => "Holds keys and certificates",
                "csr-service" => "Makes requests, and certificates that sign themselves",
                "acme-agent" => "Gets and renews certificates",
                "notifier" => "Tells people",
                "projection" => "Answers lists and searches",
                _ => "",
            },
            version: standing.version.unwrap_or_default(),
            state: match standing.answers {
                true => Chip::new("Running", "valid", "valid"),
                false => Chip::new("Does not answer", "error", "error"),
            },
        }
    }
}

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);
