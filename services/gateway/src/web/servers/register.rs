//! A server to register: the fields change with its type.

use api::acme::v1::{ExternalAccountBinding, Preset, RegisterServerRequest};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{
    host,
    preset::{self, CUSTOM, Facts, Type},
};
use crate::{
    commands::CommandError,
    rows::user,
    web::{
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
    },
};

/// What was typed.
#[derive(Default, Deserialize)]
pub struct Typed {
    /// The type's word.
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    directory: String,
    #[serde(default)]
    roots: String,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    eab_id: String,
    #[serde(default)]
    eab_key: SecretString,
    #[serde(default)]
    terms: Option<String>,
    /// "look": only to read the directory.
    #[serde(default)]
    act: String,
}

/// The type that is chosen.
#[derive(Default, Deserialize)]
pub struct Chosen {
    #[serde(default, rename = "type")]
    kind: String,
}

/// The form, with what is known of the server.
pub struct Registering {
    /// What can be chosen.
    pub types: Vec<Type>,
    /// What is chosen.
    pub kind: String,
    /// Its name for people.
    pub called: String,
    /// It takes no new accounts: what it says.
    pub closed: Option<String>,
    /// Its directory is typed.
    pub custom: bool,
    /// What the directory says; `None` where it was not read.
    pub facts: Option<Facts>,
    /// Why it was not read.
    pub unread: Option<String>,
    /// An EAB key is asked for.
    pub eab: bool,
    /// As it was typed.
    pub name: String,
    /// Likewise.
    pub directory: String,
    /// Likewise.
    pub roots: String,
    /// Likewise.
    pub email: String,
    /// Likewise. The key that goes with it is never shown again.
    pub eab_id: String,
    /// What is to be mended.
    pub wrongs: Wrongs,
}

/// What came of a form.
pub enum Sent {
    /// The account exists.
    Registered {
        /// The server's id.
        id: String,
        /// Where in the log.
        position: u64,
    },
    /// The form is to be shown again.
    Again(Box<Registering>),
}

/// `GET /servers/new`
pub async fn page(
    State(desk): State<Desk>,
    person: SignedIn,
    Asked(chosen): Asked<Chosen>,
) -> Result<Response, Problem> {
    let frame = Frame::new(&person, "/automated");
    let form = Registering::begin(&desk, &person, &chosen.kind).await;
    render(StatusCode::OK, &Page::new(frame, form))
}

/// `POST /servers/new`
pub async fn send(
    State(desk): State<Desk>,
    person: SignedIn,
    Posted(typed): Posted<Typed>,
) -> Result<Response, Problem> {
    match Registering::send(&desk, &person, typed).await? {
        Sent::Registered { id, position } => Ok(see_other(&at::after(
            &format!("/servers/{id}"),
            position,
            "registered",
        ))),
        Sent::Again(form) => {
            let status = form.status();
            let frame = Frame::new(&person, "/automated");
            render(status, &Page::new(frame, Ok(*form)))
        }
    }
}

impl Registering {
    /// An empty form for a type of server.
    ///
    /// # Errors
    /// Where the agent is away.
    pub async fn begin(desk: &Desk, person: &SignedIn, kind: &str) -> Result<Registering, Away> {
        let presets = preset::all(desk, person).await?;
        let typed = Typed {
            kind: kind.to_owned(),
            ..Typed::default()
        };
        let mut form = Registering::new(&presets, &typed);
        form.email = email(desk, person).await.unwrap_or_default();
        if !form.custom {
            form.look(desk, person).await;
        }
        Ok(form)
    }

    /// Registers, or reads the directory.
    ///
    /// # Errors
    /// What nobody can mend in the form.
    pub async fn send(desk: &Desk, person: &SignedIn, typed: Typed) -> Result<Sent, Problem> {
        let presets = preset::all(desk, person).await?;
        let mut form = Registering::new(&presets, &typed);
        if typed.act == "look" {
            let place = form.look(desk, person).await;
            if let Some(why) = form.unread.take() {
                form.wrongs.add(place, &why);
            }
            return Ok(Sent::Again(Box::new(form)));
        }
        let agreed = typed.terms.is_some();
        let order = form.order(&typed);
        let bound = order.external_account_binding.is_some();
        match desk.servers(person).register_server(order).await {
            Ok(answer) => {
                let answer = answer.into_inner();
                Ok(Sent::Registered {
                    id: answer.server_id,
                    position: answer.position,
                })
            }
            Err(status) => {
                let refused = Refused::of(status)?;
                form.look(desk, person).await;
                // It says so itself.
                form.unread = None;
                form.refuse(refused, agreed, bound);
                Ok(Sent::Again(Box::new(form)))
            }
        }
    }

    /// How the form is answered.
    pub fn status(&self) -> StatusCode {
        match self.wrongs.is_empty() {
            true => StatusCode::OK,
            false => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    fn new(presets: &[Preset], typed: &Typed) -> Registering {
        let known = presets.iter().find(|preset| preset.id == typed.kind);
        let known = known.or(match typed.kind.as_str() {
            CUSTOM => None,
            _ => presets.first(),
        });
        let kind = known.map_or(CUSTOM, |preset| preset.id.as_str());
        let name = match (typed.name.trim(), known) {
            ("", Some(preset)) => preset.name.clone(),
            _ => typed.name.clone(),
        };
        Registering {
            types: preset::types(presets, kind),
            kind: kind.to_owned(),
            called: known.map_or_else(|| "the CA".to_owned(), |preset| preset.name.clone()),
            closed: known.filter(|p| p.closed).map(|p| p.note.clone()),
            custom: known.is_none(),
            facts: None,
            unread: None,
            eab: known.is_some_and(|preset| preset.external_account_required)
                || !typed.eab_id.is_empty(),
            name,
            directory: known.map_or_else(|| typed.directory.clone(), |p| p.directory_url.clone()),
            roots: typed.roots.clone(),
            email: typed.email.clone().unwrap_or_default(),
            eab_id: typed.eab_id.clone(),
            wrongs: Wrongs::default(),
        }
    }

    /// Reads the directory. Where it cannot be read: the field that this is about.
    async fn look(&mut self, desk: &Desk, person: &SignedIn) -> &'static str {
        match preset::look(desk, person, self.directory.trim(), &self.roots).await {
            Ok(facts) => {
                self.eab |= facts.eab;
                self.facts = Some(facts);
                "directory"
            }
            Err(refused) => {
                let first = refused.fields.into_iter().next();
                let by_field = first.as_ref().and_then(|wrong| place_of(&wrong.field));
                let by_reason = refused.reason.as_deref().and_then(place_of_reason);
                self.unread = Some(first.map_or(refused.message, |wrong| wrong.description));
                by_field.or(by_reason).unwrap_or("directory")
            }
        }
    }

    fn order(&self, typed: &Typed) -> RegisterServerRequest {
        let hmac_key = typed.eab_key.expose_secret();
        let bound = !typed.eab_id.trim().is_empty() || !hmac_key.is_empty();
        RegisterServerRequest {
            // Nobody is made to think of a name: a host is one.
            name: match self.name.trim() {
                "" => host(self.directory.trim()).to_owned(),
                name => name.to_owned(),
            },
            directory_url: self.directory.trim().to_owned(),
            contact_emails: emails(&self.email),
            terms_of_service_agreed: typed.terms.is_some(),
            external_account_binding: bound.then(|| ExternalAccountBinding {
                key_id: typed.eab_id.clone(),
                hmac_key: hmac_key.to_owned(),
            }),
            trusted_roots_pem: self.roots.clone(),
        }
    }

    /// What was refused, and what would be refused next: all at once.
    fn refuse(&mut self, refused: Refused, agreed: bool, bound: bool) {
        self.eab |= refused.reason.as_deref() == Some("EAB_REQUIRED");
        let place = refused.reason.as_deref().and_then(place_of_reason);
        self.wrongs = refused.beside(place_of);
        self.wrongs.place(place);
        let facts = self.facts.as_ref();
        let terms = facts.map_or("", |facts| facts.terms.as_str());
        if !terms.is_empty() && !agreed && self.wrongs.why("terms").is_none() {
            self.wrongs.add(
                "terms",
                &format!("The CA's terms of service must be agreed to; read them at {terms}"),
            );
        }
        if self.eab && !bound && self.wrongs.why("eab_id").is_none() {
            self.wrongs.add("eab_id", "The CA binds accounts to one on its web site; get an EAB key id and HMAC key there");
        }
    }
}

/// Several addresses stand in one field.
pub(super) fn emails(typed: &str) -> Vec<String> {
    let words = typed.split([',', ';', ' ']).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

/// The form's field for one of the API's.
fn place_of(field: &str) -> Option<&'static str> {
    Some(match field {
        "name" => "name",
        "directory_url" => "directory",
        "terms_of_service_agreed" => "terms",
        "external_account_binding" | "external_account_binding.key_id" => "eab_id",
        "external_account_binding.hmac_key" => "eab_key",
        "trusted_roots_pem" => "roots",
        field if field.starts_with("contact_emails") => "email",
        _ => return None,
    })
}

/// The form's field that a CA's refusal is about.
fn place_of_reason(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "NOT_AN_ACME_SERVER" | "DIRECTORY_UNREACHABLE" | "ADDRESS_NOT_ALLOWED" => "directory",
        "SERVER_NOT_TRUSTED" | "ROOTS_UNUSABLE" => "roots",
        "EAB_REFUSED" => "eab_id",
        "CONTACT_REFUSED" => "email",
        _ => return None,
    })
}

/// His own address, where he has said one.
async fn email(desk: &Desk, person: &SignedIn) -> Option<String> {
    let user = user::find(&desk.commands.database, person.session.user).await;
    let user = user.map_err(CommandError::from).ok()?;
    user.and_then(|user| user.email)
}

#[derive(Template)]
#[template(path = "servers/register.html")]
struct Page {
    frame: Frame,
    form: Result<Registering, Away>,
}

impl Page {
    fn new(frame: Frame, form: Result<Registering, Away>) -> Page {
        Page { frame, form }
    }
}
