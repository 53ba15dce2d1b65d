//! The chain, as cards: the certificate, its issuers, and the one that is missing.

use api::{
    projection::v1::{Certificate, CertificateStatus},
    x509::v1,
};
use time::OffsetDateTime;

use super::{super::algorithm, detail::until, words};
use crate::web::parts::Chip;

/// One card.
pub struct Node {
    pub role: &'static str,
    pub icon: &'static str,
    pub name: String,
    pub meta: String,
    pub chip: Chip,
    pub is_leaf: bool,
    pub is_missing: bool,
}

/// The cards, the certificate first.
pub fn nodes(row: &Certificate, now: OffsetDateTime) -> Vec<Node> {
    let mut nodes = Vec::with_capacity(row.issuers.len() + 2);
    if let Some(leaf) = &row.certificate {
        let common_name = (!leaf.common_name.is_empty()).then(|| leaf.common_name.clone());
        nodes.push(Node {
            role: "This certificate",
            icon: "cert",
            name: common_name
                .or_else(|| words::names(leaf).into_iter().next())
                .unwrap_or_else(|| row.friendly_name.clone()),
            meta: meta(leaf),
            chip: row.status().into(),
            is_leaf: true,
            is_missing: false,
        });
    }
    nodes.extend(row.issuers.iter().map(|issuer| Node {
        role: match issuer.self_signed {
            true => "Root",
            false => "Intermediate",
        },
        icon: "root",
        name: words::common_name(&issuer.subject),
        meta: meta(issuer),
        chip: stands(issuer, now).into(),
        is_leaf: false,
        is_missing: false,
    }));
    if !row.chain_complete && !row.missing_issuer.is_empty() {
        let named_by = match row.issuers.is_empty() {
            true => "this certificate",
            false => "the intermediate",
        };
        nodes.push(Node {
            role: "Issuer",
            icon: "root",
            name: words::common_name(&row.missing_issuer),
            meta: format!("Named by {named_by}, not stored here"),
            chip: Chip::new("Missing", "soon", "error"),
            is_leaf: false,
            is_missing: true,
        });
    }
    nodes
}

fn meta(certificate: &v1::Certificate) -> String {
    let key = algorithm::word(certificate.key_algorithm());
    format!("{key} · {}", until(certificate))
}

/// An issuer's status: nothing renews it, and it is told by its dates alone.
fn stands(issuer: &v1::Certificate, now: OffsetDateTime) -> CertificateStatus {
    let begins = words::time(issuer.not_before.as_ref());
    let ends = words::time(issuer.not_after.as_ref());
    match (begins, ends) {
        (_, Some(end)) if end < now => CertificateStatus::Expired,
        (Some(begin), _) if begin > now => CertificateStatus::NotYetValid,
        _ => CertificateStatus::Valid,
    }
}
