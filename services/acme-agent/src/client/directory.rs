//! A CA's directory (RFC 8555, section 7.1.1).

use std::collections::BTreeMap;

use serde::Deserialize;

/// Where a CA's resources are, and what it says about itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Directory {
    /// Hands out nonces.
    pub new_nonce: String,
    /// Makes accounts, and finds them by their key.
    pub new_account: String,
    /// Takes orders.
    pub new_order: String,
    /// What the CA says about itself.
    #[serde(default)]
    pub meta: Meta,
}

/// What a CA says about itself; all of it may be left out.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Meta {
    /// The terms of service that an account agrees to.
    pub terms_of_service: Option<String>,
    /// The CA's own web site.
    pub website: Option<String>,
    /// The domains that the CA recognises as itself in CAA records (RFC 6844).
    pub caa_identities: Vec<String>,
    /// Accounts must be bound to one at the CA (section 7.3.4).
    pub external_account_required: bool,
    /// Certificate profiles, by name, with a description each (draft-ietf-acme-profiles).
    pub profiles: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_with_and_without_meta() {
        let bare = r#"{"newNonce":"https://ca.example/n","newAccount":"https://ca.example/a","newOrder":"https://ca.example/o"}"#;
        let bare: Directory = serde_json::from_str(bare).unwrap();
        assert!(!bare.meta.external_account_required);
        let full = r#"{"newNonce":"n","newAccount":"a","newOrder":"o","keyChange":"k","meta":{
            "termsOfService":"https://ca.example/tos","website":"https://ca.example",
            "caaIdentities":["ca.example"],"externalAccountRequired":true,
            "profiles":{"shortlived":"six days"},"something":"new"}}"#;
        let full: Directory = serde_json::from_str(full).unwrap();
        assert!(full.meta.external_account_required);
        assert_eq!(full.meta.caa_identities, ["ca.example"]);
        assert_eq!(full.meta.profiles.len(), 1);
        assert!(serde_json::from_str::<Directory>("{}").is_err());
    }
}
