//! A row of the list: a certificate, or an automation that has none yet.

use api::{
    acme::v1::Failure,
    projection::v1::{Automation, Certificate, CertificateStatus, Source},
};
use pbjson_types::Timestamp;
use time::OffsetDateTime;

use super::{
    super::algorithm,
    words::{self, Left},
};
use crate::web::parts::{Chip, Moment};

/// A row, in ready words.
pub struct Row {
    /// The certificate's, or the automation's.
    pub id: String,
    /// Which aggregates change it.
    pub live: String,
    /// Where its name leads.
    pub href: String,
    /// What people call it.
    pub name: String,
    /// The first of its names.
    pub host: String,
    /// How many more it has.
    pub more: usize,
    pub chip: Chip,
    pub issuer: String,
    pub key: &'static str,
    /// None where it was never issued.
    pub end: Option<End>,
    pub renewal: Renewal,
    pub standing: Standing,
    /// It is a certificate: it can be chosen with others.
    pub can_be_chosen: bool,
    pub is_ticked: bool,
    /// An automation renews it.
    pub is_automated: bool,
}

/// When it ends.
pub struct End {
    pub left: Left,
    pub day: Moment,
    pub life: Option<Life>,
}

/// How much of its life is over, of 60.
pub struct Life {
    pub used: i64,
    pub class: &'static str,
}

/// How the next one comes, in two lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewal {
    pub first: String,
    pub second: String,
    /// Nothing comes by itself.
    pub is_faint: bool,
}

/// Whether it answers where no name does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Is,
    /// It may be chosen.
    May,
    /// It may not, and why.
    Never(&'static str),
}

impl Row {
    /// A certificate.
    pub fn of(row: &Certificate, now: OffsetDateTime, is_ticked: bool) -> Row {
        let certificate = row.certificate.clone().unwrap_or_default();
        let names = words::names(&certificate);
        let common_name = Some(&certificate.common_name).filter(|name| !name.is_empty());
        Row {
            live: match row.automation_id.as_str() {
                "" => format!("certificate:{}", row.id),
                automation => format!("certificate:{} automation:{automation}", row.id),
            },
            href: format!("/certificates/{}", row.id),
            name: row.friendly_name.clone(),
            host: names.first().or(common_name).cloned().unwrap_or_default(),
            more: names.len().saturating_sub(1),
            chip: row.status().into(),
            issuer: words::issuer(&certificate),
            key: algorithm::word(certificate.key_algorithm()),
            end: end(row, now),
            renewal: Renewal::of(row, now),
            standing: Standing::of(row),
            can_be_chosen: true,
            is_ticked,
            is_automated: !row.automation_id.is_empty(),
            id: row.id.clone(),
        }
    }

    /// An automation that has no certificate yet.
    pub fn never_issued(row: &Automation, now: OffsetDateTime) -> Row {
        let names = row.dns_names.iter().chain(&row.ip_addresses);
        let names = names.collect::<Vec<_>>();
        let second = match (&row.last_failure, words::time(row.retry_at.as_ref())) {
            (Some(failure), Some(at)) => {
                format!("{}, again {}", why(failure), words::soon(at, now))
            }
            (Some(failure), None) => why(failure),
            (None, _) if row.ordering => "Under way".to_owned(),
            (None, _) => "Waiting".to_owned(),
        };
        Row {
            live: format!("automation:{}", row.id),
            href: format!("/automated/{}", row.id),
            name: row.friendly_name.clone(),
            host: names
                .first()
                .map(|name| (*name).clone())
                .unwrap_or_default(),
            more: names.len().saturating_sub(1),
            chip: row.status().into(),
            issuer: row.server_name.clone(),
            key: algorithm::word(row.key_algorithm()),
            end: None,
            renewal: Renewal {
                first: "First issue".to_owned(),
                second,
                is_faint: false,
            },
            standing: Standing::Never("There is no certificate yet."),
            can_be_chosen: false,
            is_ticked: false,
            is_automated: true,
            id: row.id.clone(),
        }
    }
}

fn end(row: &Certificate, now: OffsetDateTime) -> Option<End> {
    let certificate = row.certificate.as_ref()?;
    let not_before = words::time(certificate.not_before.as_ref())?;
    let not_after = words::time(certificate.not_after.as_ref())?;
    let class = match row.status() {
        CertificateStatus::Expired => "st-expired",
        CertificateStatus::Error => "st-error",
        CertificateStatus::Expiring => "st-soon",
        _ => "st-x",
    };
    let life = (not_after - not_before).whole_seconds().max(1);
    let used = (now - not_before).whole_seconds().clamp(0, life);
    Some(End {
        left: Left::of(not_after, now, row.status()),
        day: words::day(not_after),
        life: (row.status() != CertificateStatus::Revoked).then_some(Life {
            used: used * 60 / life,
            class,
        }),
    })
}

impl Renewal {
    /// How this certificate's next version comes.
    pub fn of(row: &Certificate, now: OffsetDateTime) -> Renewal {
        let said = |first: &str, second: String, is_faint| Renewal {
            first: first.to_owned(),
            second,
            is_faint,
        };
        let soon = |at: Option<&Timestamp>| words::time(at).map(|at| words::soon(at, now));
        match (row.status(), &row.last_failure) {
            _ if row.deleted.is_some() => said("Off", "Deleted".to_owned(), true),
            (CertificateStatus::Revoked, _) if row.automation_id.is_empty() => {
                said("Off", String::new(), true)
            }
            _ if row.automation_id.is_empty() => said("By hand", hint(row), true),
            (CertificateStatus::Renewing, None) => said("Now", "Under way".to_owned(), false),
            (_, Some(failure)) => match soon(row.retry_at.as_ref()) {
                Some(at) => said(&format!("Retry {at}"), why(failure), false),
                None if row.status() == CertificateStatus::Renewing => {
                    said("Now", why(failure), false)
                }
                None => said("Stopped", why(failure), false),
            },
            (_, None) => match soon(row.renew_at.as_ref()) {
                Some(at) => said(&at, "Automatic".to_owned(), false),
                None => said("Paused", String::new(), true),
            },
        }
    }
}

/// What else stands in the way of one that is renewed by hand.
fn hint(row: &Certificate) -> String {
    match () {
        () if !row.chain_complete => "Chain incomplete",
        () if row.key_id.is_empty() && !is_link(row) => "Private key not here",
        () => "",
    }
    .to_owned()
}

fn is_link(row: &Certificate) -> bool {
    row.certificate.as_ref().is_some_and(|leaf| leaf.is_ca)
}

/// A failure in a few words.
pub fn why(failure: &Failure) -> String {
    match failure.reason.as_str() {
        "EAB_REFUSED" => "EAB key refused".to_owned(),
        "NOT_AN_ACME_SERVER" => "Not an ACME server".to_owned(),
        "DNS_NOT_PROPAGATED" => "DNS not propagated".to_owned(),
        "CAA" => "Forbidden by CAA".to_owned(),
        reason => {
            let words = reason.replace('_', " ").to_ascii_lowercase();
            let mut letters = words.chars();
            let first = letters.next().map(|first| first.to_ascii_uppercase());
            first.into_iter().chain(letters).collect()
        }
    }
}

impl Standing {
    /// Whether this one may be the default: what the keystore would say.
    pub fn of(row: &Certificate) -> Standing {
        let self_signed = row
            .certificate
            .as_ref()
            .is_some_and(|leaf| leaf.self_signed);
        match row.status() {
            _ if row.default => Standing::Is,
            _ if row.deleted.is_some() => {
                Standing::Never("A deleted certificate cannot be the default.")
            }
            _ if row.source() == Source::Factory => {
                Standing::Never("The certificate from the first start cannot be the default.")
            }
            _ if self_signed => Standing::Never("A self-signed certificate cannot be the default."),
            _ if row.key_id.is_empty() => {
                Standing::Never("Its private key is not here, so it cannot be the default.")
            }
            CertificateStatus::Expired
            | CertificateStatus::Revoked
            | CertificateStatus::NotYetValid => {
                Standing::Never("Only a valid certificate can be the default.")
            }
            _ => Standing::May,
        }
    }
}
