//! What was typed into the form of a new automated certificate, and what it asks for.

use std::net::IpAddr;

use api::{
    acme::v1::{ChallengeType, CheckRequestRequest, RequestCertificateRequest},
    x509::v1::KeyAlgorithm,
};
use serde::Deserialize;

use super::words;

/// What was typed.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Typed {
    /// The names that stand in the list already.
    #[serde(default)]
    pub names: Vec<String>,
    /// What stands in the field: one name, or many.
    #[serde(default)]
    pub host: String,
    /// By id.
    #[serde(default)]
    pub server: String,
    #[serde(default)]
    pub key: String,
    #[serde(default)]
    pub challenge: String,
    #[serde(default)]
    pub provider: String,
    #[serde(default)]
    pub renew: Option<String>,
    #[serde(default)]
    pub friendly: String,
    #[serde(default)]
    pub profile: String,
    #[serde(default)]
    pub chain: String,
    #[serde(default)]
    pub fallback: String,
    /// Which button.
    #[serde(default)]
    pub act: String,
    /// The name that is to go.
    #[serde(default)]
    pub remove: Option<String>,
}

impl Typed {
    /// All names: those of the list, and those in the field.
    pub fn all(&self) -> Vec<String> {
        let typed = self
            .host
            .split(|c: char| c.is_whitespace() || c == ',' || c == ';');
        let listed = self.names.iter().map(|name| name.trim());
        let mut all = Vec::<String>::new();
        for name in listed.chain(typed).filter(|name| !name.is_empty()) {
            if !all.iter().any(|other| other.eq_ignore_ascii_case(name)) {
                all.push(name.to_owned());
            }
        }
        all
    }

    /// What is to be looked at.
    pub fn question(&self) -> CheckRequestRequest {
        let (ip_addresses, dns_names) = self.parted();
        CheckRequestRequest {
            server: self.server.clone(),
            dns_names,
            ip_addresses,
            challenge_type: self.challenge().into(),
            dns_provider: self.provider().to_owned(),
        }
    }

    /// What is to be ordered.
    pub fn order(&self) -> RequestCertificateRequest {
        let (ip_addresses, dns_names) = self.parted();
        RequestCertificateRequest {
            server: self.server.clone(),
            dns_names,
            key_algorithm: self.key().into(),
            challenge_type: self.challenge().into(),
            friendly_name: self.friendly.trim().to_owned(),
            profile: self.profile.trim().to_owned(),
            ip_addresses,
            dns_provider: self.provider().to_owned(),
            fallback_server: self.fallback.clone(),
            preferred_chain: self.chain.clone(),
        }
    }

    /// Addresses, and names.
    pub fn parted(&self) -> (Vec<String>, Vec<String>) {
        let is_address = |name: &String| name.parse::<IpAddr>().is_ok();
        self.all().into_iter().partition(is_address)
    }

    fn challenge(&self) -> ChallengeType {
        let known = words::CHALLENGES
            .iter()
            .find(|(word, _)| *word == self.challenge);
        known.map_or(ChallengeType::Http01, |(_, challenge)| *challenge)
    }

    fn key(&self) -> KeyAlgorithm {
        let known = words::KEYS.iter().find(|(word, ..)| *word == self.key);
        known.map_or(KeyAlgorithm::EcdsaP256, |(.., algorithm)| *algorithm)
    }

    /// Whether this kind of key is chosen.
    pub fn has_key(&self, word: &str) -> bool {
        let known = words::KEYS.iter().find(|(known, ..)| *known == word);
        known.is_some_and(|(.., algorithm)| *algorithm == self.key())
    }

    /// Whether this challenge is chosen.
    pub fn has_challenge(&self, word: &str) -> bool {
        let known = words::CHALLENGES.iter().find(|(known, _)| *known == word);
        known.is_some_and(|(_, challenge)| *challenge == self.challenge())
    }

    /// Only DNS-01 has one, whatever else is chosen.
    fn provider(&self) -> &str {
        match self.challenge() {
            ChallengeType::Dns01 => &self.provider,
            _ => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pasted_list_is_taken_apart() {
        let typed = Typed {
            names: vec!["shop.example".into()],
            host: "www.shop.example,\r\nSHOP.example; 192.0.2.7\t2001:db8::7".into(),
            provider: "dns".into(),
            ..Typed::default()
        };
        let order = typed.order();
        assert_eq!(order.dns_names, ["shop.example", "www.shop.example"]);
        assert_eq!(order.ip_addresses, ["192.0.2.7", "2001:db8::7"]);
        assert_eq!(order.key_algorithm(), KeyAlgorithm::EcdsaP256);
        assert_eq!(order.challenge_type(), ChallengeType::Http01);
        assert_eq!(order.dns_provider, "", "it writes no record");
    }
}
