//! What would go, each with its use and what takes its place.

use std::collections::HashMap;

use api::{
    keystore::v1::DeletionVerdict,
    projection::v1::{Certificate, CertificateStatus, ListRequest},
};
use askama::Template;
use futures_util::{StreamExt, stream};
use time::OffsetDateTime;

use super::verdicts;
use crate::web::{
    certificates::{
        selection::{AT_ONCE, MOST, Selection},
        state::PATH,
        words,
    },
    desk::Desk,
    frame::Frame,
    parts::Chip,
    problem::Problem,
    refused::Wrongs,
    visitor::SignedIn,
    wrong::sentence,
};

#[derive(Template)]
#[template(path = "certificates/delete.html")]
pub struct Review {
    pub frame: Frame,
    pub lines: Vec<Line>,
    /// The list's query.
    from: String,
    back: String,
    pub typed: String,
    pub keys_too: bool,
    /// There are more than are taken at once.
    is_cut: bool,
    pub wrongs: Wrongs,
}

/// Why something does not go, and where that is changed.
pub struct Stays {
    why: String,
    way: Option<(String, &'static str)>,
}

/// One that is to go.
pub struct Line {
    pub id: String,
    name: String,
    host: String,
    more: usize,
    chip: Chip,
    pub key_id: String,
    /// Its use, and what takes its place.
    use_words: String,
    is_in_use: bool,
    /// Why it does not go.
    pub stays: Option<Stays>,
    /// The review without it.
    kept: String,
}

impl Review {
    /// Of these.
    ///
    /// # Errors
    /// What a service says.
    pub async fn of(
        desk: &Desk,
        person: &SignedIn,
        selection: &Selection,
    ) -> Result<Review, Problem> {
        let certificates = selection.certificates(desk, person).await?;
        let ids = certificates
            .iter()
            .map(|certificate| certificate.id.clone())
            .collect::<Vec<_>>();
        let (_, verdicts) = match ids.is_empty() {
            true => (0, Vec::new()),
            false => verdicts(desk, person, ids.clone(), true).await?,
        };
        let verdicts = verdicts
            .into_iter()
            .map(|verdict| (verdict.id.clone(), verdict));
        let verdicts = verdicts.collect::<HashMap<_, _>>();
        let now = desk.commands.clock.now();
        let (verdicts, ids) = (&verdicts, &ids);
        let lines = stream::iter(certificates).map(|certificate| async move {
            let instead = replacement(desk, person, &certificate).await;
            let verdict = verdicts.get(&certificate.id);
            let others = ids.iter().filter(|id| **id != certificate.id);
            let kept = without(others, &selection.from);
            Line::new(certificate, verdict, instead, kept, now)
        });
        let lines = lines.buffered(AT_ONCE).collect::<Vec<_>>().await;
        Ok(Review {
            frame: Frame::new(person, PATH),
            is_cut: !selection.all.is_empty() && lines.len() as u32 == MOST,
            lines,
            from: selection.from.clone(),
            back: selection.list().url(),
            typed: String::new(),
            keys_too: false,
            wrongs: Wrongs::default(),
        })
    }

    /// How many go.
    fn going(&self) -> usize {
        self.lines
            .iter()
            .filter(|line| line.stays.is_none())
            .count()
    }

    /// Whether it is to be typed: something that goes is in use.
    pub fn asks(&self) -> bool {
        let mut going = self.lines.iter().filter(|line| line.stays.is_none());
        going.any(|line| line.is_in_use)
    }

    /// What is to be typed.
    pub fn phrase(&self) -> String {
        format!("delete {}", self.going())
    }

    /// How many keys nothing but these uses, as far as can be told before.
    fn has_keys(&self) -> bool {
        self.frame.may_administer && self.lines.iter().any(|line| !line.key_id.is_empty())
    }

    fn title(&self) -> String {
        match (self.lines.len(), self.going()) {
            (1, _) => "Delete this certificate?".to_owned(),
            (_, 0) => "None of these can be deleted".to_owned(),
            (all, going) if all == going => format!("Delete {all} certificates?"),
            (all, going) => format!("Delete {going} of {all} certificates?"),
        }
    }
}

impl Stays {
    fn new(verdict: &DeletionVerdict, certificate: &Certificate) -> Stays {
        let way = match verdict.reason.as_str() {
            "MANAGED" => Some((
                format!("/automated/{}", certificate.automation_id),
                "Open the automation",
            )),
            "IS_DEFAULT" => Some((
                format!("/certificates/{}/default", certificate.id),
                "Change the default",
            )),
            _ => None,
        };
        Stays {
            why: sentence(&verdict.message),
            way,
        }
    }
}

impl Line {
    fn new(
        certificate: Certificate,
        verdict: Option<&DeletionVerdict>,
        instead: Option<String>,
        kept: String,
        now: OffsetDateTime,
    ) -> Line {
        let leaf = certificate.certificate.clone().unwrap_or_default();
        let names = words::names(&leaf);
        let ends = words::time(leaf.not_after.as_ref());
        let is_over = certificate.status() == CertificateStatus::Expired;
        let serves = certificate.serve && !certificate.key_id.is_empty() && !is_over;
        let is_in_use = serves && instead.is_none() && !leaf.is_ca;
        let instead = match instead {
            Some(name) => format!("Replaced by “{name}”."),
            None if leaf.is_ca => "It is a CA’s: chains that it is part of keep it.".to_owned(),
            None => "No replacement.".to_owned(),
        };
        let how = match ends {
            Some(end) if is_over => format!("Expired {}.", words::left(end, now)),
            _ if is_in_use => "Still in use: connections that ask for its names get it.".to_owned(),
            _ if certificate.key_id.is_empty() => "Its private key is not here.".to_owned(),
            _ => String::new(),
        };
        Line {
            use_words: match is_in_use {
                true => format!("{how} {instead}"),
                false => format!("{instead} {how}"),
            },
            is_in_use,
            stays: verdict
                .filter(|verdict| !verdict.deleted)
                .map(|verdict| Stays::new(verdict, &certificate)),
            host: names.first().cloned().unwrap_or_default(),
            more: names.len().saturating_sub(1),
            chip: certificate.status().into(),
            key_id: certificate.key_id,
            name: certificate.friendly_name,
            id: certificate.id,
            kept,
        }
    }
}

/// Another certificate that is good for the same names, with its key: its name.
async fn replacement(desk: &Desk, person: &SignedIn, certificate: &Certificate) -> Option<String> {
    let leaf = certificate.certificate.as_ref()?;
    let names = words::names(leaf);
    let asked = ListRequest {
        filter: format!("names=\"{}\" key=true", names.first()?),
        page_size: 20,
        ..ListRequest::default()
    };
    let answer = desk.queries(person).list_certificates(asked).await.ok()?;
    let good = [
        CertificateStatus::Valid,
        CertificateStatus::Renewing,
        CertificateStatus::Expiring,
    ];
    let others = answer
        .into_inner()
        .certificates
        .into_iter()
        .filter(|other| {
            let all = other
                .certificate
                .as_ref()
                .map(words::names)
                .unwrap_or_default();
            other.id != certificate.id
                && good.contains(&other.status())
                && names.iter().all(|name| all.contains(name))
        });
    others.map(|other| other.friendly_name).next()
}

/// The review of these alone.
fn without<'a>(ids: impl Iterator<Item = &'a String>, from: &str) -> String {
    let parts = ids
        .map(|id| ("select", id.as_str()))
        .chain([("from", from)]);
    let query = serde_urlencoded::to_string(parts.collect::<Vec<_>>());
    format!("/certificates/delete?{}", query.unwrap_or_default())
}
