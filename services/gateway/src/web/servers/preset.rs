//! Which CA: one that is known here, or another.

use api::acme::v1::{
    ListPresetsRequest, Preset, PreviewDirectoryRequest, PreviewDirectoryResponse,
};
use std::time::Duration;
use tonic::{Code, Request, Status};

use super::host;
use crate::web::{desk::Desk, refused::Refused, visitor::SignedIn};

/// A type of server that can be chosen.
pub struct Type {
    /// Its word in addresses.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What to know of it before one chooses it.
    pub note: String,
    /// It takes no new accounts.
    pub closed: bool,
    /// It is the one that is chosen.
    pub chosen: bool,
}

/// What is known of a server before there is an account.
#[derive(Debug, Default)]
pub struct Facts {
    /// Empty where the directory does not say.
    pub website: String,
    /// The website's host, for people.
    pub website_host: String,
    /// Where its terms are, or what stands there in their place; empty where it has none.
    pub terms: String,
    /// That is an address that a browser can be led to.
    pub terms_are_linked: bool,
    /// An account is bound to one on the CA's web site.
    pub eab: bool,
    /// The kinds of certificate that it offers.
    pub profiles: Vec<(String, String)>,
    /// It says when to renew.
    pub says_when: bool,
}

/// The word for a server that is not known here.
pub const CUSTOM: &str = "custom";

/// All presets.
///
/// # Errors
/// What the agent says.
pub async fn all(desk: &Desk, person: &SignedIn) -> Result<Vec<Preset>, Status> {
    let answer = desk
        .servers(person)
        .list_presets(ListPresetsRequest {})
        .await;
    Ok(answer?.into_inner().presets)
}

/// The types, as links.
pub fn types(presets: &[Preset], chosen: &str) -> Vec<Type> {
    let known = presets.iter().map(|preset| Type {
        id: preset.id.clone(),
        name: preset.name.clone(),
        note: match (preset.note.as_str(), preset.external_account_required) {
            ("", false) => "Free. No account needed beforehand.".to_owned(),
            ("", true) => "Needs an EAB key from its web site.".to_owned(),
            (note, _) => note.to_owned(),
        },
        closed: preset.closed,
        chosen: preset.id == chosen,
    });
    known
        .chain([Type {
            id: CUSTOM.to_owned(),
            name: "Another ACME server".to_owned(),
            note: "Your own CA, or any other directory URL.".to_owned(),
            closed: false,
            chosen: chosen == CUSTOM,
        }])
        .collect()
}

/// What a directory says of itself, or why it says nothing. It is not waited for long.
pub async fn look(
    desk: &Desk,
    person: &SignedIn,
    url: &str,
    roots: &str,
) -> Result<Facts, Refused> {
    let mut question = Request::new(PreviewDirectoryRequest {
        directory_url: url.to_owned(),
        trusted_roots_pem: roots.to_owned(),
    });
    question.set_timeout(PATIENCE);
    match desk.servers(person).preview_directory(question).await {
        Ok(answer) => Ok(answer.into_inner().into()),
        Err(status) => Err(unread(status, url)),
    }
}

impl From<PreviewDirectoryResponse> for Facts {
    fn from(said: PreviewDirectoryResponse) -> Facts {
        // What a stranger's directory says becomes a link only where it is one.
        let is_link = |url: &str| url.starts_with("https://") || url.starts_with("http://");
        let website = Some(said.website_url).filter(|url| is_link(url));
        let website = website.unwrap_or_default();
        Facts {
            website_host: host(&website).to_owned(),
            website,
            terms_are_linked: is_link(&said.terms_of_service_url),
            terms: said.terms_of_service_url,
            eab: said.external_account_required,
            profiles: said
                .profiles
                .into_iter()
                .map(|p| (p.name, p.description))
                .collect(),
            says_when: said.renewal_information,
        }
    }
}

/// Whatever it is: the page stands without what the directory says.
fn unread(status: Status, url: &str) -> Refused {
    let message = match status.code() {
        Code::DeadlineExceeded => format!(
            "{} did not answer within {} seconds. You can register all the same.",
            host(url),
            PATIENCE.as_secs()
        ),
        _ => status.message().to_owned(),
    };
    let words = Status::with_details(
        Code::FailedPrecondition,
        message,
        status.details().to_vec().into(),
    );
    Refused::plain(&words)
}

const PATIENCE: Duration = Duration::from_secs(5);
