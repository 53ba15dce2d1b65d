//! A certificate to ask for: its names, where, and how they are proved.

use api::{
    acme::v1::PauseAutomationRequest,
    projection::v1::{DnsProvider, ListRequest, Server},
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use serde::Deserialize;

use super::{checks::Checks, typed::Typed, words};
use crate::web::{
    asked::Asked,
    at,
    desk::Desk,
    form::Posted,
    frame::Frame,
    page::{render, see_other},
    parts::Away,
    problem::Problem,
    refused::{Refused, Wrongs},
    visitor::SignedIn,
};

/// With what a new form begins.
#[derive(Default, Deserialize)]
pub struct Begin {
    #[serde(default)]
    server: String,
    #[serde(default)]
    host: String,
}

/// `GET /automated/new`
pub async fn page(
    State(desk): State<Desk>,
    person: SignedIn,
    Asked(begin): Asked<Begin>,
) -> Result<Response, Problem> {
    let typed = Typed {
        host: begin.host,
        server: begin.server,
        renew: Some("yes".to_owned()),
        ..Typed::default()
    };
    let asking = Asking::of(&desk, &person, typed).await;
    render(StatusCode::OK, &Page::new(&person, asking))
}

/// `POST /automated/new`
pub async fn send(
    State(desk): State<Desk>,
    person: SignedIn,
    Posted(typed): Posted<Typed>,
) -> Result<Response, Problem> {
    match Asking::send(&desk, &person, typed).await? {
        Outcome::Asked { id, position } => Ok(see_other(&at::after(
            &format!("/automated/{id}"),
            position,
            "requested",
        ))),
        Outcome::Again(asking) => render(asking.status(), &Page::new(&person, *asking)),
    }
}

/// What came of a form.
pub enum Outcome {
    /// It is under way.
    Asked {
        /// The automation.
        id: String,
        /// Where in the log.
        position: u64,
    },
    /// The form is to be shown again.
    Again(Box<Asking>),
}

/// The form, with what can be chosen.
pub struct Asking {
    /// As it was typed.
    pub typed: Typed,
    /// All names, for the list.
    pub names: Vec<String>,
    /// Where it can be asked for: id and name.
    pub servers: Vec<(String, String)>,
    /// Who can write records: id and name.
    pub providers: Vec<(String, String)>,
    /// The kinds of certificate that servers offer.
    pub profiles: Vec<String>,
    /// What the checks found.
    pub checks: Checks,
    /// What is to be mended.
    pub wrongs: Wrongs,
    /// Something that is needed is away.
    pub away: Option<Away>,
}

impl Asking {
    /// The form, as it is typed so far.
    pub async fn of(desk: &Desk, person: &SignedIn, mut typed: Typed) -> Asking {
        let (mut servers, mut providers) = (desk.queries(person), desk.queries(person));
        let all = || ListRequest {
            page_size: 500,
            ..ListRequest::default()
        };
        let (servers, providers) = tokio::join!(
            servers.list_servers(all()),
            providers.list_dns_providers(all())
        );
        let mut away = None;
        let mut or_none = |status: tonic::Status| away = Some(Away::from(status));
        let servers = servers
            .map_err(&mut or_none)
            .map(|a| a.into_inner().servers);
        let providers = providers
            .map_err(or_none)
            .map(|a| a.into_inner().dns_providers);
        let servers = servers.unwrap_or_default();
        let servers = servers.iter().filter(|server| server.deactivated.is_none());
        let servers = servers.collect::<Vec<_>>();
        let profiles = servers
            .iter()
            .flat_map(|server| server.profiles.iter().cloned());
        let mut profiles = profiles.collect::<Vec<_>>();
        profiles.sort();
        profiles.dedup();
        let pairs = servers
            .iter()
            .map(|Server { id, name, .. }| (id.clone(), name.clone()));
        let servers = pairs.collect::<Vec<_>>();
        let by_name = servers.iter().find(|(_, name)| *name == typed.server);
        if let Some((id, _)) = by_name.or(servers.first().filter(|_| typed.server.is_empty())) {
            typed.server = id.clone();
        }
        let providers = providers.unwrap_or_default().into_iter();
        Asking {
            names: typed.names.clone(),
            typed,
            servers,
            providers: providers
                .map(|DnsProvider { id, name, .. }| (id, name))
                .collect(),
            profiles,
            checks: Checks::idle(),
            wrongs: Wrongs::default(),
            away,
        }
    }

    /// Does what its button says.
    ///
    /// # Errors
    /// What nobody can mend in the form.
    pub async fn send(desk: &Desk, person: &SignedIn, typed: Typed) -> Result<Outcome, Problem> {
        let act = match (&typed.remove, typed.act.as_str(), typed.host.trim()) {
            (Some(gone), ..) => Act::Remove(gone.clone()),
            (None, "request", _) => Act::Request,
            (None, "anyway", _) => Act::Anyway,
            // The key that is pressed in a text field.
            (None, "add", "") | (None, "check", _) => Act::Check,
            _ => Act::Add,
        };
        let mut asking = Asking::of(desk, person, typed).await;
        match act {
            Act::Remove(gone) => {
                asking.typed.names.retain(|name| *name != gone);
                asking.names = asking.typed.names.clone();
            }
            Act::Add => asking.take_in(),
            Act::Check => {
                asking.check(desk, person).await?;
            }
            Act::Request => {
                asking.checks.held = asking.check(desk, person).await?;
                if !asking.checks.held && asking.wrongs.is_empty() {
                    return asking.order(desk, person).await;
                }
            }
            Act::Anyway => return asking.order(desk, person).await,
        }
        Ok(Outcome::Again(Box::new(asking)))
    }

    /// Something of what is folded away was chosen, or is to be mended.
    pub fn advanced(&self) -> bool {
        let Typed {
            friendly,
            profile,
            chain,
            fallback,
            ..
        } = &self.typed;
        let given = [friendly, profile, chain, fallback];
        let fields = ["friendly", "profile", "chain", "fallback"];
        given.iter().any(|text| !text.is_empty())
            || fields.iter().any(|field| self.wrongs.why(field).is_some())
    }

    /// How the form is answered.
    pub fn status(&self) -> StatusCode {
        match self.wrongs.is_empty() {
            true => StatusCode::OK,
            false => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    /// What stands in the field goes into the list.
    fn take_in(&mut self) {
        self.names = self.typed.all();
        self.typed.names = self.names.clone();
        self.typed.host.clear();
    }

    /// Looks whether it would work. Whether anything failed.
    async fn check(&mut self, desk: &Desk, person: &SignedIn) -> Result<bool, Problem> {
        self.take_in();
        match Checks::run(desk, person, self.typed.question()).await {
            Ok(checks) => {
                self.checks = checks;
                Ok(self.checks.failed())
            }
            // What cannot be checked is not held back: the request says what is wrong.
            Err(status) => {
                self.refuse(Refused::of(status)?);
                Ok(false)
            }
        }
    }

    /// Of several names it is said which one is meant.
    fn refuse(&mut self, mut refused: Refused) {
        let (addresses, names) = self.typed.parted();
        for violation in &mut refused.fields {
            let (list, number) = match violation.field.split_once('[') {
                Some(("dns_names", number)) => (&names, number),
                Some(("ip_addresses", number)) => (&addresses, number),
                _ => continue,
            };
            let number = number.trim_end_matches(']').parse::<usize>().ok();
            if let Some(name) = number.and_then(|number| list.get(number)) {
                violation.description = format!("“{name}”: {}", violation.description);
            }
        }
        self.wrongs = refused.beside(place_of);
    }

    async fn order(mut self, desk: &Desk, person: &SignedIn) -> Result<Outcome, Problem> {
        self.take_in();
        let mut acme = desk.acme(person);
        let answer = match acme.request_certificate(self.typed.order()).await {
            Ok(answer) => answer.into_inner(),
            Err(status) => {
                self.refuse(Refused::of(status)?);
                return Ok(Outcome::Again(Box::new(self)));
            }
        };
        let (id, mut position) = (answer.automation_id, answer.position);
        if self.typed.renew.is_none() {
            let pause = PauseAutomationRequest {
                automation_id: id.clone(),
                reason: "Asked for without renewals".to_owned(),
            };
            // It is asked for in any case; its page shows that it is not paused.
            if let Ok(paused) = acme.pause_automation(pause).await {
                position = paused.into_inner().position;
            }
        }
        Ok(Outcome::Asked { id, position })
    }
}

/// Which button was pressed.
enum Act {
    Add,
    Remove(String),
    Check,
    Request,
    Anyway,
}

/// The form's field for one of the API's.
fn place_of(field: &str) -> Option<&'static str> {
    Some(match field.split(['[', '.']).next().unwrap_or_default() {
        "dns_names" | "ip_addresses" => "host",
        "server" => "server",
        "key_algorithm" => "key",
        "challenge_type" => "challenge",
        "dns_provider" => "provider",
        "friendly_name" => "friendly",
        "profile" => "profile",
        "preferred_chain" => "chain",
        "fallback_server" => "fallback",
        _ => return None,
    })
}

#[derive(Template)]
#[template(path = "automated/new.html")]
struct Page {
    frame: Frame,
    form: Asking,
}

impl Page {
    fn new(person: &SignedIn, form: Asking) -> Page {
        Page {
            frame: Frame::new(person, "/automated"),
            form,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_of_the_api_has_its_place() {
        assert_eq!(place_of("dns_names[3]"), Some("host"));
        assert_eq!(place_of("fallback_server"), Some("fallback"));
        assert_eq!(place_of("new_in_a_later_version"), None);
    }
}
