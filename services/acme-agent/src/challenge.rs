//! Proving control over names (RFC 8555, section 8).

pub mod http01;

use api::acme::v1::{ChallengeType, Failure};

use crate::{
    client::{Authorization, Challenge},
    failure,
};

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
            identifier: Identifier::dns("a.example"),
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
