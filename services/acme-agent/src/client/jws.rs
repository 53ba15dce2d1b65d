//! What is signed, and with what: flattened JWS (RFC 7515) as RFC 8555, section 6.2 wants it.

use std::fmt;

use aws_lc_rs::{
    digest::{SHA256, digest},
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// The key of an ACME account: ECDSA P-256, which every CA takes. Secret.
pub struct AccountKey(EcdsaKeyPair);

impl AccountKey {
    /// A new key as PKCS#8, which is what is sealed.
    ///
    /// # Errors
    /// Where the operating system gives no randomness.
    pub fn generate_pkcs8() -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
            .map_err(|_| KeyError::NotMade)?;
        Ok(Zeroizing::new(document.as_ref().to_vec()))
    }

    /// Reads what [`AccountKey::generate_pkcs8`] made.
    ///
    /// # Errors
    /// Where it is anything else.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der);
        pair.map(Self).map_err(|_| KeyError::NotAKey)
    }

    /// The key's thumbprint, base64url (RFC 7638).
    pub fn thumbprint(&self) -> String {
        let (x, y) = self.coordinates();
        // The members in this order and without spaces: section 3.2.
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        BASE64URL.encode(digest(&SHA256, canonical.as_bytes()))
    }

    /// What answers a challenge with this token (RFC 8555, section 8.1).
    pub fn key_authorization(&self, token: &str) -> String {
        format!("{token}.{}", self.thumbprint())
    }

    pub(super) fn jwk(&self) -> Value {
        let (x, y) = self.coordinates();
        json!({"crv": "P-256", "kty": "EC", "x": x, "y": y})
    }

    fn coordinates(&self) -> (String, String) {
        // An uncompressed point: 0x04, then x and y of 32 octets each.
        let point = self.0.public_key().as_ref();
        let (x, y) = point[1..].split_at(32);
        (BASE64URL.encode(x), BASE64URL.encode(y))
    }
}

impl fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccountKey")
    }
}

/// What a CA's web site hands out to bind an account (RFC 8555, section 7.3.4). Secret.
pub struct ExternalAccountKey {
    id: String,
    hmac: Zeroizing<Vec<u8>>,
}

impl ExternalAccountKey {
    /// The key id as the CA shows it, and the HMAC key, decoded.
    pub fn new(id: String, hmac: Zeroizing<Vec<u8>>) -> Self {
        Self { id, hmac }
    }

    /// A JWS over the account's public key, for newAccount at `url`.
    pub(super) fn bind(&self, account: &AccountKey, url: &str) -> Value {
        let protected = encode(&json!({"alg": "HS256", "kid": self.id, "url": url}));
        let payload = encode(&account.jwk());
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.hmac);
        let tag = hmac::sign(&key, format!("{protected}.{payload}").as_bytes());
        json!({"protected": protected, "payload": payload, "signature": BASE64URL.encode(tag)})
    }
}

impl fmt::Debug for ExternalAccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExternalAccountKey")
    }
}

/// What is wrong with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There was no randomness.
    #[error("no account key could be made")]
    NotMade,
    /// Not an ECDSA P-256 key as PKCS#8.
    #[error("what was sealed is not an account key")]
    NotAKey,
}

/// Who signs: a key by itself, or a key that has an account.
#[derive(Clone, Copy)]
pub(super) enum Signer<'a> {
    /// For newAccount, and within keyChange: the CA may not know the key yet.
    Key(&'a AccountKey),
    /// The key, and its account's URL.
    Account(&'a AccountKey, &'a str),
}

/// The JWS of a request to `url`, as JSON. An empty payload is POST-as-GET (section 6.3). Only the JWS
/// within a keyChange has no nonce (section 7.3.5).
pub(super) fn sign(
    signer: Signer<'_>,
    url: &str,
    nonce: Option<&str>,
    payload: &[u8],
) -> Result<Vec<u8>, aws_lc_rs::error::Unspecified> {
    let (key, mut protected) = match signer {
        Signer::Key(key) => (key, json!({"alg": "ES256", "jwk": key.jwk(), "url": url})),
        Signer::Account(key, kid) => (key, json!({"alg": "ES256", "kid": kid, "url": url})),
    };
    if let Some(nonce) = nonce {
        protected["nonce"] = nonce.into();
    }
    let protected = encode(&protected);
    let payload = BASE64URL.encode(payload);
    let signed = format!("{protected}.{payload}");
    let signature = key.0.sign(&SystemRandom::new(), signed.as_bytes())?;
    let jws = json!({
        "protected": protected,
        "payload": payload,
        "signature": BASE64URL.encode(signature),
    });
    Ok(jws.to_string().into_bytes())
}

fn encode(json: &Value) -> String {
    BASE64URL.encode(json.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    fn key() -> AccountKey {
        AccountKey::from_pkcs8(&AccountKey::generate_pkcs8().unwrap()).unwrap()
    }

    fn part(jws: &Value, name: &str) -> Vec<u8> {
        BASE64URL.decode(jws[name].as_str().unwrap()).unwrap()
    }

    #[test]
    fn a_request_is_signed_over_its_headers_and_payload() {
        let key = key();
        let signer = Signer::Account(&key, "https://ca.example/acct/1");
        let jws = sign(signer, "https://ca.example/order", Some("n1"), b"{}").unwrap();
        let jws: Value = serde_json::from_slice(&jws).unwrap();
        let protected: Value = serde_json::from_slice(&part(&jws, "protected")).unwrap();
        assert_eq!(protected["kid"], "https://ca.example/acct/1");
        assert_eq!(protected["nonce"], "n1");
        assert_eq!(protected["url"], "https://ca.example/order");
        let signed = format!(
            "{}.{}",
            jws["protected"].as_str().unwrap(),
            jws["payload"].as_str().unwrap()
        );
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.0.public_key().as_ref());
        public
            .verify(signed.as_bytes(), &part(&jws, "signature"))
            .unwrap();
    }

    #[test]
    fn a_binding_is_signed_with_the_hmac_key_over_the_account_key() {
        let account = key();
        let external =
            ExternalAccountKey::new("kid-1".into(), Zeroizing::new(b"a mac key".to_vec()));
        let jws = external.bind(&account, "https://ca.example/new-account");
        let payload: Value = serde_json::from_slice(&part(&jws, "payload")).unwrap();
        assert_eq!(payload, account.jwk());
        let signed = format!(
            "{}.{}",
            jws["protected"].as_str().unwrap(),
            jws["payload"].as_str().unwrap()
        );
        let hmac = hmac::Key::new(hmac::HMAC_SHA256, b"a mac key");
        hmac::verify(&hmac, signed.as_bytes(), &part(&jws, "signature")).unwrap();
    }

    #[test]
    fn a_sealed_key_stays_the_same_key_and_is_silent() {
        let pkcs8 = AccountKey::generate_pkcs8().unwrap();
        let (one, two) = (
            AccountKey::from_pkcs8(&pkcs8).unwrap(),
            AccountKey::from_pkcs8(&pkcs8).unwrap(),
        );
        assert_eq!(one.thumbprint(), two.thumbprint());
        assert_eq!(format!("{one:?}"), "AccountKey");
        assert_eq!(
            AccountKey::from_pkcs8(b"no key").unwrap_err(),
            KeyError::NotAKey
        );
    }
}
