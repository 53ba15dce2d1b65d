//! Details: all that a re-key needs, and what its automation says.

use api::{
    acme::v1::{ChallengeType, ScheduleReason},
    projection::v1::{Automation, Certificate},
    x509::v1::Subject,
};
use time::OffsetDateTime;

use super::{super::algorithm, revoke, words};
use crate::web::parts::Moment;

/// Terms and what they are.
pub struct Facts(pub Vec<Fact>);

/// One of them.
pub struct Fact {
    pub term: &'static str,
    /// What it is, line by line.
    pub lines: Vec<String>,
    /// Where it leads.
    pub href: Option<String>,
    pub is_code: bool,
    /// The id by which it is copied.
    pub copied: Option<&'static str>,
}

/// A version of the certificate.
pub struct Version {
    pub number: u32,
    pub serial: String,
    pub came: Option<Moment>,
    pub until: Option<Moment>,
    pub revoked: Option<String>,
}

impl Facts {
    /// Of a certificate.
    pub fn of(row: &Certificate, now: OffsetDateTime) -> Facts {
        let leaf = row.certificate.clone().unwrap_or_default();
        let mut facts = Facts(Vec::new());
        facts.code("Names", words::names(&leaf), None);
        facts.subject(row.subject.clone().unwrap_or_default());
        let key = algorithm::word(leaf.key_algorithm());
        match row.key_id.as_str() {
            "" => facts.text("Key", format!("{key}, not here")),
            id => facts.link("Key", key.to_owned(), format!("/keys/{id}")),
        }
        facts.text("Issuer", leaf.issuer.clone());
        let day = |at| words::time(at).map(words::date).unwrap_or_default();
        facts.text("Valid from", day(leaf.not_before.as_ref()));
        facts.text("Valid until", day(leaf.not_after.as_ref()));
        facts.code(
            "Serial",
            vec![words::pairs(&leaf.serial_number)],
            Some("serial"),
        );
        facts.code(
            "SHA-256",
            vec![words::pairs(&leaf.sha256_fingerprint)],
            Some("fingerprint"),
        );
        facts.code(
            "Public key",
            vec![words::pairs(&leaf.spki_sha256)],
            Some("public-key"),
        );
        if !row.request_id.is_empty() {
            let href = format!("/requests/{}", row.request_id);
            facts.link(
                "Answers",
                "The request that it was asked for with".to_owned(),
                href,
            );
        }
        let is_default = if row.default { "Yes" } else { "No" };
        facts.text("Default", is_default.to_owned());
        facts.text("Served", served(row, now).to_owned());
        facts
    }

    /// Of an automation.
    pub fn of_automation(row: &Automation, now: OffsetDateTime) -> Facts {
        let mut facts = Facts(Vec::new());
        let soon = |at| words::time(at).map(|at| words::soon(at, now));
        facts.link(
            "Server",
            row.server_name.clone(),
            format!("/servers/{}", row.server_id),
        );
        let challenge = match row.challenge_type() {
            ChallengeType::TlsAlpn01 => "TLS-ALPN-01",
            ChallengeType::Dns01 => "DNS-01",
            ChallengeType::Http01 | ChallengeType::Unspecified => "HTTP-01",
        };
        facts.text("Challenge", challenge.to_owned());
        facts.text("Profile", row.profile.clone());
        let reason = match row.schedule_reason() {
            ScheduleReason::Unspecified => "",
            reason => explained(reason),
        };
        match (soon(row.renew_at.as_ref()), row.paused.is_some()) {
            (_, true) => facts.text("Next renewal", "Paused".to_owned()),
            (Some(at), false) => facts.text("Next renewal", format!("{at}{reason}")),
            (None, false) => {}
        }
        if row.failures > 0 {
            facts.text("Failures in a row", row.failures.to_string());
        }
        if let Some(failure) = &row.revocation_failure {
            facts.text("Revocation", failure.message.clone());
        }
        facts
    }

    fn subject(&mut self, subject: Subject) {
        let place = [subject.locality, subject.state_or_province, subject.country];
        let place = place.into_iter().filter(|part| !part.is_empty());
        for (term, value) in [
            ("Common name", subject.common_name),
            ("Organization", subject.organization),
            ("Unit", subject.organizational_unit),
            ("Place", place.collect::<Vec<_>>().join(", ")),
            ("E-mail", subject.email_address),
        ] {
            self.text(term, value);
        }
    }

    /// Left out where it is empty.
    fn text(&mut self, term: &'static str, value: String) {
        if !value.is_empty() {
            self.add(term, vec![value], None, false, None);
        }
    }

    fn link(&mut self, term: &'static str, value: String, href: String) {
        self.add(term, vec![value], Some(href), false, None);
    }

    fn code(&mut self, term: &'static str, lines: Vec<String>, copied: Option<&'static str>) {
        if !lines.is_empty() {
            self.add(term, lines, None, true, copied);
        }
    }

    fn add(
        &mut self,
        term: &'static str,
        lines: Vec<String>,
        href: Option<String>,
        is_code: bool,
        copied: Option<&'static str>,
    ) {
        self.0.push(Fact {
            term,
            lines,
            href,
            is_code,
            copied,
        });
    }
}

/// Why it is renewed then.
fn explained(reason: ScheduleReason) -> &'static str {
    match reason {
        ScheduleReason::Unspecified => "",
        ScheduleReason::Lifetime => ", by its lifetime",
        _ => ", as its CA says",
    }
}

fn served(row: &Certificate, now: OffsetDateTime) -> &'static str {
    let leaf = row.certificate.as_ref();
    let ends = leaf.and_then(|leaf| words::time(leaf.not_after.as_ref()));
    match () {
        () if row.deleted.is_some() => "No: it is deleted",
        () if row.key_id.is_empty() => "No: its key is not here",
        () if !row.serve => "No",
        () if ends.is_some_and(|end| end < now) => "Only where nothing better is here",
        () => "By its names",
    }
}

/// Every version, the newest first; none where there was but one.
pub fn versions(row: &Certificate) -> Vec<Version> {
    if row.versions.len() < 2 && row.versions.iter().all(|version| version.revoked.is_none()) {
        return Vec::new();
    }
    let versions = row.versions.iter().map(|version| Version {
        number: version.version,
        serial: words::pairs(&version.serial_number),
        came: words::time(version.created.as_ref()).map(words::day),
        until: words::time(version.not_after.as_ref()).map(words::day),
        revoked: words::time(version.revoked.as_ref()).map(|at| {
            let reason = revoke::title(version.revocation_reason());
            format!("Revoked {}, {}", words::date(at), reason.to_lowercase())
        }),
    });
    versions.collect()
}
