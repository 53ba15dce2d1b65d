//! A certificate and its issuers, in order: found among others, or given and checked.

mod search;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use time::OffsetDateTime;

use crate::{Certificate, roots, signature::Signed};

/// The most certificates in a chain, the leaf and the root included.
pub const LONGEST: usize = 20;

/// The way from a certificate up to a root, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Path {
    /// The issuers in order, without the leaf; the root is the last.
    pub issuers: Vec<Certificate>,
    /// The names (DER) whose bearers were looked for. Where a CA's certificate with one of these subjects
    /// comes, or goes, another path may be the best.
    pub looked_for: Vec<Vec<u8>>,
}

/// An issuer that nobody has shown us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingIssuer {
    /// Its name, RFC 4514.
    pub name: String,
    /// Where the certificate below it says that it can be fetched, over http.
    pub ca_issuers_url: Option<String>,
}

impl Path {
    /// Whether it ends in a certificate that nobody stands above. Nothing here says that this root is trusted.
    pub fn is_complete(&self, leaf: &Certificate) -> bool {
        self.last(leaf).self_signed
    }

    /// Who would have to come next; `None` where the path is complete.
    pub fn missing_issuer(&self, leaf: &Certificate) -> Option<MissingIssuer> {
        let last = self.last(leaf);
        (!last.self_signed).then(|| MissingIssuer {
            name: last.issuer.clone(),
            ca_issuers_url: last.ca_issuers_url(),
        })
    }

    fn last<'a>(&'a self, leaf: &'a Certificate) -> &'a Certificate {
        self.issuers.last().unwrap_or(leaf)
    }
}

/// Certificates from which paths are built, found by their names: for the paths of many at one go.
pub struct Candidates<'a>(HashMap<&'a [u8], Vec<&'a Certificate>>);

impl<'a> Candidates<'a> {
    /// Those of them that may stand above another at all.
    pub fn among(certificates: &'a [Certificate]) -> Self {
        let mut by_subject = HashMap::<_, Vec<_>>::new();
        for certificate in certificates.iter().filter(|c| search::may_issue(c)) {
            let named = by_subject.entry(certificate.subject_der()).or_default();
            named.push(certificate);
        }
        Self(by_subject)
    }

    /// The same as [`build`].
    pub fn path(&self, leaf: &'a Certificate, now: OffsetDateTime) -> Path {
        search::best(leaf, self, &|name| roots::with_subject(name), now)
    }

    fn with_subject(&self, subject: &[u8]) -> &[&'a Certificate] {
        self.0.get(subject).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Finds the best path from these certificates, which come in any order with anything among them, and from the
/// bundled public [`roots`]. One step is a step by name, CA flag, keyCertSign, path length and signature.
///
/// Complete goes before incomplete; then certificates that are all within their dates; then the shortest path (of
/// incomplete ones the longest, since it leaves the least to find); then a root that is bundled; then the issuers that
/// last longer. The order of the candidates changes nothing. However many there are, at most
/// [`SIGNATURES`](search::SIGNATURES) signatures are checked.
pub fn build(leaf: &Certificate, candidates: &[Certificate], now: OffsetDateTime) -> Path {
    Candidates::among(candidates).path(leaf, now)
}

/// Why a chain is not one. Places count from 0, the leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// There is not even a leaf.
    #[error("the chain is empty")]
    Empty,
    /// The certificate behind this one did not sign it.
    #[error("certificate {0} of the chain was not issued by the one that follows it")]
    NotIssuedByNext(usize),
    /// The certificate stands as an issuer, and is not a CA's.
    #[error("certificate {0} of the chain is not a CA's")]
    NotACa(usize),
}

/// Checks that each certificate was issued by the one after it: names, CA flag, and signature.
/// Times are not looked at, nor whether the last one is trusted by anybody.
///
/// # Errors
/// The first place that does not fit.
pub fn check_order(chain: &[Certificate]) -> Result<(), ChainError> {
    if chain.is_empty() {
        return Err(ChainError::Empty);
    }
    for (n, pair) in chain.windows(2).enumerate() {
        let [subject, issuer] = pair else { continue };
        if !issuer.is_ca {
            return Err(ChainError::NotACa(n + 1));
        }
        let signed = subject.issuer_der == issuer.subject_der
            && Signed::from_der(&subject.der).is_ok_and(|s| s.verify(&issuer.spki_der).is_ok());
        if !signed {
            return Err(ChainError::NotIssuedByNext(n));
        }
    }
    Ok(())
}
