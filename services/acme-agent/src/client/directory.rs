//! A CA's directory (RFC 8555, section 7.1.1).

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::text;

/// Where a CA's resources are, and what it says about itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Directory {
    /// Hands out nonces.
    pub new_nonce: String,
    /// Makes accounts, and finds them by their key.
    pub new_account: String,
    /// Gives accounts another key (section 7.3.5); some private CAs have none.
    #[serde(default)]
    pub key_change: Option<String>,
    /// Takes orders.
    pub new_order: String,
    /// Revokes certificates; some private CAs have none.
    #[serde(default)]
    pub revoke_cert: Option<String>,
    /// Says when certificates are to be renewed (RFC 9773), where the CA does.
    #[serde(default)]
    pub renewal_info: Option<String>,
    /// What the CA says about itself.
    #[serde(default)]
    pub meta: Meta,
}

impl Directory {
    /// The URLs of its resources.
    pub fn resources(&self) -> impl IntoIterator<Item = &str> {
        let always = [&self.new_nonce, &self.new_account, &self.new_order];
        let sometimes = [&self.key_change, &self.revoke_cert];
        let all = always.into_iter().chain(sometimes.into_iter().flatten());
        all.map(String::as_str)
    }
}

/// What a CA says about itself; all of it may be left out, and none of it is endless: it goes into the log.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Meta {
    /// The terms of service that an account agrees to.
    #[serde(deserialize_with = "text::maybe_at_most::<500, _>")]
    pub terms_of_service: Option<String>,
    /// The CA's own web site.
    #[serde(deserialize_with = "text::maybe_at_most::<500, _>")]
    pub website: Option<String>,
    /// The domains that the CA recognises as itself in CAA records (RFC 6844).
    #[serde(deserialize_with = "domains")]
    pub caa_identities: Vec<String>,
    /// Accounts must be bound to one at the CA (section 7.3.4).
    pub external_account_required: bool,
    /// Certificate profiles, by name, with a description each (draft-ietf-acme-profiles).
    #[serde(deserialize_with = "profiles")]
    pub profiles: BTreeMap<String, String>,
}

fn domains<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let mut domains: Vec<String> = text::first::<20, _, _>(from)?;
    for domain in &mut domains {
        text::cut(domain, 255);
    }
    Ok(domains)
}

/// A name that cannot be asked for (a profile's has at most 100 visible characters) is left out.
fn profiles<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    let mut profiles = BTreeMap::<String, String>::deserialize(from)?;
    profiles.retain(|name, _| name.len() <= 100 && name.bytes().all(|b| b.is_ascii_graphic()));
    Ok(profiles.into_iter().take(50).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_with_and_without_meta() {
        let bare = r#"{"newNonce":"https://ca.example/n","newAccount":"https://ca.example/a","newOrder":"https://ca.example/o"}"#;
        let bare: Directory = serde_json::from_str(bare).unwrap();
        assert!(!bare.meta.external_account_required);
        assert!(bare.renewal_info.is_none() && bare.revoke_cert.is_none());
        let full = r#"{"newNonce":"n","newAccount":"a","newOrder":"o","keyChange":"k","revokeCert":"r","renewalInfo":"i","meta":{
            "termsOfService":"https://ca.example/tos","website":"https://ca.example",
            "caaIdentities":["ca.example"],"externalAccountRequired":true,
            "profiles":{"shortlived":"six days"},"something":"new"}}"#;
        let full: Directory = serde_json::from_str(full).unwrap();
        assert!(full.meta.external_account_required);
        assert_eq!(full.meta.caa_identities, ["ca.example"]);
        assert_eq!(full.meta.profiles.len(), 1);
        assert_eq!(full.renewal_info.as_deref(), Some("i"));
        assert_eq!(full.revoke_cert.as_deref(), Some("r"));
        assert_eq!(full.key_change.as_deref(), Some("k"));
        assert!(serde_json::from_str::<Directory>("{}").is_err());
    }

    #[test]
    fn what_a_ca_says_about_itself_has_an_end() {
        let many = |n: usize| (0..n).map(|n| format!("{n}")).collect::<Vec<_>>();
        let json = serde_json::json!({
            "termsOfService": format!("\u{1b}https://{}", "x".repeat(10_000)),
            "caaIdentities": many(1_000),
            "profiles": many(1_000).iter().map(|n| (n.clone(), n.clone())).chain(
                [("\u{1b}".to_owned(), String::new())]).collect::<BTreeMap<_, _>>(),
        });
        let meta: Meta = serde_json::from_value(json).unwrap();
        let terms = meta.terms_of_service.unwrap();
        assert!(terms.starts_with("https://") && terms.len() == 500);
        assert_eq!((meta.caa_identities.len(), meta.profiles.len()), (20, 50));
        assert!(!meta.profiles.contains_key("\u{1b}"));
    }
}
