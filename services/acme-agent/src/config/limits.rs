//! The table `[acme_agent.limits]`.

use serde::Deserialize;
use url::Url;

/// What a CA lets one account have in a time; orders that would go beyond it wait here. The figures are
/// Let's Encrypt's. 0 lifts a limit.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// The hosts of the directories of the CAs that have these limits; "*" for all, none to lift them all.
    /// Default: Let's Encrypt's production.
    pub hosts: Vec<String>,
    /// New orders in 3 hours. Default 300.
    pub orders_in_3_hours: u32,
    /// Certificates for one registered domain and its hosts in 7 days. Default 50.
    pub certificates_per_domain_in_a_week: u32,
    /// Certificates for exactly the same names in 7 days. Default 5.
    pub certificates_per_names_in_a_week: u32,
    /// Failed proofs of control over one name in an hour. Default 5.
    pub failures_per_name_in_an_hour: u32,
}

impl Limits {
    /// Whether a CA has them.
    pub fn apply_to(&self, directory_url: &str) -> bool {
        let url = Url::parse(directory_url).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
        let mut hosts = self.hosts.iter();
        hosts.any(|known| known == "*" || known.eq_ignore_ascii_case(host))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            hosts: vec!["acme-v02.api.letsencrypt.org".to_owned()],
            orders_in_3_hours: 300,
            certificates_per_domain_in_a_week: 50,
            certificates_per_names_in_a_week: 5,
            failures_per_name_in_an_hour: 5,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_those_of_the_cas_that_are_named() {
        let lets_encrypt = "https://acme-v02.api.letsencrypt.org/directory";
        let own = "https://ca.corp.example:9000/acme/acme/directory";
        let limits = Limits::default();
        assert!(limits.apply_to(lets_encrypt));
        assert!(!limits.apply_to(own));
        let hosts = |hosts: &[&str]| Limits {
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            ..Limits::default()
        };
        assert!(hosts(&["*"]).apply_to(own));
        assert!(hosts(&["CA.corp.example"]).apply_to(own));
        assert!(!hosts(&[]).apply_to(lets_encrypt));
    }
}
