//! `chancery certs show`

use api::{
    projection::v1::{Certificate, CertificateVersion},
    x509::v1::RevocationReason,
};
use time::OffsetDateTime;

use super::super::{ClientError, answer, error, names, renewal};
use crate::cli::Output;

/// A certificate, whole.
pub fn show(row: &Certificate, output: Output, now: OffsetDateTime) -> Result<(), ClientError> {
    if output == Output::Json {
        return answer::json(row);
    }
    details(row, now)?;
    if row.versions.len() > 1 || row.versions.iter().any(|v| v.revoked.is_some()) {
        answer::line("")?;
        answer::line(&versions(&row.versions))?;
    }
    if let Some(failure) = &row.last_failure {
        answer::line(&format!("\nnot renewed: {}", error::failure(failure)))?;
    }
    if !row.chain_complete {
        let missing = missing(&row.missing_issuer, &row.missing_issuer_url);
        eprintln!("\nwarning: {missing}");
    }
    Ok(())
}

/// That a chain is not complete, what it misses, and how that can be had.
pub fn missing(issuer: &str, url: &str) -> String {
    let issuer = match issuer {
        "" => "an issuer".to_owned(),
        name => format!("{:?}", answer::visible(name)),
    };
    let remedy = match url {
        "" => "get its certificate from the CA, and import it".to_owned(),
        url => format!(
            "import its certificate, from {} (or import this one again with --fetch-issuers)",
            answer::visible(url)
        ),
    };
    format!("the chain is not complete: {issuer} is not here; {remedy}")
}

fn details(row: &Certificate, now: OffsetDateTime) -> Result<(), ClientError> {
    let leaf = row.certificate.clone().unwrap_or_default();
    let chain = row
        .issuers
        .iter()
        .map(|issuer| issuer.subject.as_str())
        .collect::<Vec<_>>();
    let yes = |holds: bool| if holds { "yes" } else { "" }.to_owned();
    answer::details([
        ("name", row.friendly_name.clone()),
        ("id", row.id.clone()),
        (
            "status",
            answer::word(row.status().as_str_name(), "CERTIFICATE_STATUS_"),
        ),
        ("deleted", answer::time(&row.deleted)),
        ("default", yes(row.default)),
        (
            "names",
            names::list(leaf.subject_alt_names.as_ref(), usize::MAX),
        ),
        ("subject", leaf.subject.clone()),
        ("issuer", leaf.issuer.clone()),
        ("chain", chain.join(" < ")),
        (
            "chain complete",
            if row.chain_complete { "yes" } else { "no" }.to_owned(),
        ),
        ("authority", yes(leaf.is_ca)),
        ("valid from", answer::time(&leaf.not_before)),
        ("valid until", answer::time(&leaf.not_after)),
        ("expires", answer::day(&leaf.not_after, now)),
        ("renewal", renewal::of_certificate(row, now)),
        (
            "key",
            answer::word(leaf.key_algorithm().as_str_name(), "KEY_ALGORITHM_"),
        ),
        (
            "key id",
            match row.key_id.as_str() {
                "" => "its private key is not here".to_owned(),
                id => id.to_owned(),
            },
        ),
        ("public key", leaf.spki_sha256.clone()),
        ("serial number", leaf.serial_number.clone()),
        ("sha-256", leaf.sha256_fingerprint.clone()),
        ("version", row.version.to_string()),
        (
            "source",
            answer::word(row.source().as_str_name(), "SOURCE_"),
        ),
        ("request", row.request_id.clone()),
        ("automation", row.automation_id.clone()),
        ("served", if row.serve { "yes" } else { "no" }.to_owned()),
        ("created", answer::time(&row.created)),
        ("updated", answer::time(&row.updated)),
    ])
}

fn versions(versions: &[CertificateVersion]) -> String {
    let rows = versions.iter().map(|version| {
        [
            version.version.to_string(),
            answer::time(&version.created),
            answer::time(&version.not_after),
            revoked(version),
            version.sha256_fingerprint.clone(),
            version.key_id.clone(),
        ]
    });
    answer::columns(
        [
            "version",
            "created",
            "valid until",
            "revoked",
            "sha-256",
            "key id",
        ],
        rows,
    )
}

/// Since when a version is revoked, and why.
fn revoked(version: &CertificateVersion) -> String {
    let at = answer::time(&version.revoked);
    match version.revocation_reason() {
        _ if at.is_empty() => at,
        RevocationReason::Unspecified => at,
        reason => {
            let reason = answer::word(reason.as_str_name(), "REVOCATION_REASON_");
            format!("{at} ({reason})")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_that_is_not_complete_says_what_to_do() {
        let with_url = missing("CN=Some CA,O=\u{1b}[2J", "http://ca.example/ca.der");
        assert!(with_url.contains("CN=Some CA") && with_url.contains("http://ca.example/ca.der"));
        assert!(!with_url.contains('\u{1b}'), "{with_url:?}");
        let without = missing("CN=Some CA", "");
        assert!(without.contains("from the CA"), "{without}");
    }

    #[test]
    fn versions_are_listed_newest_first_as_they_come() {
        let version = |version| CertificateVersion {
            version,
            sha256_fingerprint: format!("{version}{version}"),
            ..CertificateVersion::default()
        };
        let text = versions(&[version(2), version(1)]);
        let rows = text
            .lines()
            .skip(1)
            .map(|line| line.split_whitespace().next());
        assert_eq!(rows.collect::<Vec<_>>(), [Some("2"), Some("1")]);
    }

    #[test]
    fn a_revoked_version_says_since_when_and_why() {
        let at = time::macros::datetime!(2026-03-01 12:00 UTC);
        let mut version = CertificateVersion::default();
        assert_eq!(revoked(&version), "");
        version.revoked = Some(api::convert::timestamp(at));
        assert_eq!(revoked(&version), "2026-03-01T12:00:00Z");
        version.revocation_reason = RevocationReason::KeyCompromise.into();
        assert_eq!(revoked(&version), "2026-03-01T12:00:00Z (key-compromise)");
    }
}
