//! Proving control over names and addresses (RFC 8555, section 8): from the [`bucket`] that gateways answer
//! from, or by a record in the DNS ([`dns01`]), which is taken away again from the list of [`records`].

pub mod bucket;
pub mod dns01;
pub mod records;

use std::sync::Arc;

use api::acme::v1::{ChallengeType, Failure};

use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN};

use crate::{
    client::{Authorization, Challenge},
    failure,
};

/// The ways to prove control.
pub struct Proofs {
    /// For HTTP-01 and TLS-ALPN-01.
    pub answers: bucket::Answers,
    /// For DNS-01.
    pub dns01: Arc<dns01::Dns01>,
}

/// The challenge of an authorization that is to be answered.
///
/// # Errors
/// The failure that the order ends in, where the CA does not offer it.
pub fn choose(
    authorization: &Authorization,
    wanted: ChallengeType,
) -> Result<&Challenge, Box<Failure>> {
    let wanted = name(wanted);
    let mut offered = authorization.challenges.iter();
    offered.find(|c| c.kind == wanted).ok_or_else(|| {
        let offered = authorization.challenges.iter().map(|c| c.kind.as_str());
        let offered = offered.collect::<Vec<_>>();
        let name = &authorization.identifier.value;
        Box::new(failure::challenge_not_offered(name, wanted, &offered))
    })
}

/// What TLS-ALPN-01 and DNS-01 show in the place of a key authorization.
fn digest(key_authorization: &str) -> [u8; SHA256_OUTPUT_LEN] {
    let digest = aws_lc_rs::digest::digest(&SHA256, key_authorization.as_bytes());
    let mut octets = [0; SHA256_OUTPUT_LEN];
    octets.copy_from_slice(digest.as_ref());
    octets
}

/// The type's name at a CA; HTTP-01 where it was left out.
fn name(challenge: ChallengeType) -> &'static str {
    match challenge {
        ChallengeType::Unspecified | ChallengeType::Http01 => "http-01",
        ChallengeType::TlsAlpn01 => "tls-alpn-01",
        ChallengeType::Dns01 => "dns-01",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{AuthorizationStatus, ChallengeStatus, Identifier};

    fn offering(kinds: &[&str]) -> Authorization {
        let challenge = |kind: &&str| Challenge {
            kind: (*kind).to_owned(),
            url: String::new(),
            status: ChallengeStatus::Pending,
            token: "t".into(),
            error: None,
        };
        Authorization {
            identifier: Identifier::of("a.example"),
            status: AuthorizationStatus::Pending,
            challenges: kinds.iter().map(challenge).collect(),
        }
    }

    #[test]
    fn the_challenge_that_was_asked_for_is_chosen_or_missed_by_name() {
        let both = offering(&["dns-01", "http-01"]);
        let chosen = choose(&both, ChallengeType::Http01).unwrap();
        assert_eq!(chosen.kind, "http-01");
        let missed = choose(&offering(&["dns-01"]), ChallengeType::Http01).unwrap_err();
        assert_eq!(missed.reason, "CHALLENGE_NOT_OFFERED");
        assert!(missed.message.contains("a.example, only: dns-01"));
    }
}
