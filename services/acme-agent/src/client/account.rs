//! An account at a CA (RFC 8555, section 7.3), and what is done with it.

mod current_key;
mod upkeep;

pub use upkeep::Standing;

use std::{sync::Arc, time::Duration};

use serde::Deserialize;
use serde_json::json;

use super::{
    AccountKey, Answer, Authorization, Client, Error, ExternalAccountKey, Identifier, Order,
    jws::Signer, link, renewal_info::CertId,
};
use current_key::CurrentKey;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};

/// What an account is made of, beside its key.
#[derive(Debug)]
pub struct NewAccount<'a> {
    /// E-mail addresses.
    pub contact_emails: &'a [String],
    /// What binds it to an account at the CA, where there is one.
    pub external: Option<&'a ExternalAccountKey>,
}

/// What is ordered.
#[derive(Debug, Clone, Copy)]
pub struct NewOrder<'a> {
    /// What the certificate is to be for.
    pub identifiers: &'a [Identifier],
    /// The CA's profile, where it is not to choose one.
    pub profile: Option<&'a str>,
    /// The certificate whose place it takes (RFC 9773, section 5).
    pub replaces: Option<&'a CertId>,
}

/// A certificate as a CA hands it out.
#[derive(Debug)]
pub struct Download {
    /// PEM, the leaf first, then its issuers.
    pub pem: String,
    /// Where the same leaf is with other issuers.
    pub alternates: Vec<String>,
}

impl Client {
    /// Makes an account for the key, or finds the one that it has (section 7.3.1). Call it only
    /// when the operator has agreed to the CA's terms.
    ///
    /// # Errors
    /// What the CA says against it.
    pub async fn register(
        self: &Arc<Self>,
        key: Arc<AccountKey>,
        new: &NewAccount<'_>,
    ) -> Result<Account, Error> {
        let url = &self.directory.new_account;
        let contact = new.contact_emails.iter().map(|e| format!("mailto:{e}"));
        let mut payload = json!({
            "termsOfServiceAgreed": true,
            "contact": contact.collect::<Vec<_>>(),
        });
        if let Some(external) = new.external {
            payload["externalAccountBinding"] = external.bind(&key, url);
        }
        let payload = payload.to_string();
        let answer = self
            .post(Signer::Key(&key), url, payload.as_bytes())
            .await?;
        Account::of(self, key, &answer)
    }

    /// The account that the CA has for this key; `None` where it has none (section 7.3.1).
    ///
    /// # Errors
    /// All but the answer that there is none.
    pub async fn find(self: &Arc<Self>, key: Arc<AccountKey>) -> Result<Option<Account>, Error> {
        let url = &self.directory.new_account;
        let payload = br#"{"onlyReturnExisting":true}"#;
        match self.post(Signer::Key(&key), url, payload).await {
            Ok(answer) => Account::of(self, key, &answer).map(Some),
            Err(gone) if gone.is("accountDoesNotExist") => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A key that the CA knows.
pub struct Account {
    client: Arc<Client>,
    key: CurrentKey,
    url: String,
}

impl Account {
    fn of(client: &Arc<Client>, key: Arc<AccountKey>, answer: &Answer) -> Result<Self, Error> {
        let asked = &client.directory.new_account;
        #[derive(Deserialize)]
        struct Status {
            status: String,
        }
        if answer.json::<Status>(asked)?.status != "valid" {
            return Err(Error::unexpected(asked, ENDED));
        }
        Ok(Self {
            client: client.clone(),
            key: CurrentKey::new(key),
            url: answer.location(asked)?,
        })
    }

    /// The CA.
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// The account's URL at the CA.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What answers a challenge with this token.
    ///
    /// It is the CA's to check until [`Account::proving`] is let go: the key stays the same until then.
    pub fn key_authorization(&self, token: &str) -> String {
        self.key.get().key_authorization(token)
    }

    /// Orders a certificate (section 7.4): the order's URL, and the order.
    ///
    /// # Errors
    /// What the CA says against it.
    pub async fn new_order(&self, new: &NewOrder<'_>) -> Result<(String, Order), Error> {
        let url = &self.client.directory.new_order;
        let mut payload = json!({"identifiers": new.identifiers});
        if let Some(profile) = new.profile {
            payload["profile"] = profile.into();
        }
        if let Some(replaces) = new.replaces {
            payload["replaces"] = replaces.as_str().into();
        }
        let answer = self.post(url, payload.to_string().as_bytes()).await?;
        Ok((answer.location(url)?, order_in(&answer, url)?))
    }

    /// An order as it stands, and how long the CA wants not to be asked again.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub async fn order(&self, url: &str) -> Result<(Order, Option<Duration>), Error> {
        let answer = self.post(url, b"").await?;
        Ok((order_in(&answer, url)?, answer.retry_after))
    }

    /// An authorization as it stands.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub async fn authorization(&self, url: &str) -> Result<Authorization, Error> {
        self.post(url, b"").await?.json(url)
    }

    /// Says that the answer to a challenge is in place (section 7.5.1).
    ///
    /// # Errors
    /// What the CA says against it.
    pub async fn respond(&self, challenge_url: &str) -> Result<(), Error> {
        self.post(challenge_url, b"{}").await.map(drop)
    }

    /// Hands in the certificate request (section 7.4).
    ///
    /// # Errors
    /// What the CA says against it.
    pub async fn finalize(
        &self,
        url: &str,
        csr_der: &[u8],
    ) -> Result<(Order, Option<Duration>), Error> {
        let payload = json!({"csr": BASE64URL.encode(csr_der)}).to_string();
        let answer = self.post(url, payload.as_bytes()).await?;
        Ok((order_in(&answer, url)?, answer.retry_after))
    }

    /// Downloads a certificate with its issuers (section 7.4.2).
    ///
    /// # Errors
    /// Where it cannot be read.
    pub async fn certificate(&self, url: &str) -> Result<Download, Error> {
        let answer = self.post(url, b"").await?;
        let pem = String::from_utf8(answer.body.to_vec())
            .map_err(|_| Error::unexpected(url, "the certificate is not PEM"))?;
        Ok(Download {
            pem,
            alternates: link::alternates(&answer.headers, url),
        })
    }

    /// Has a certificate revoked (section 7.6); `reason` is a code of RFC 5280, section 5.3.1.
    ///
    /// # Errors
    /// What the CA says against it.
    pub async fn revoke(&self, certificate_der: &[u8], reason: u32) -> Result<(), Error> {
        let Some(url) = &self.client.directory.revoke_cert else {
            let url = &self.client.directory.new_order;
            return Err(Error::unexpected(url, "the CA revokes no certificates"));
        };
        let certificate = BASE64URL.encode(certificate_der);
        let mut payload = json!({"certificate": certificate});
        if reason != UNSPECIFIED {
            // Left out, as RFC 5280 wants it: some CAs refuse the code for no reason.
            payload["reason"] = reason.into();
        }
        self.post(url, payload.to_string().as_bytes())
            .await
            .map(drop)
    }

    async fn post(&self, url: &str, payload: &[u8]) -> Result<Answer, Error> {
        let (key, _in_use) = self.key.sign_with().await;
        let signer = Signer::Account(&key, &self.url);
        self.client.post(signer, url, payload).await
    }
}

/// What is odd about an account that was deactivated or revoked.
const ENDED: &str = "the account is deactivated or revoked";

fn order_in(answer: &Answer, url: &str) -> Result<Order, Error> {
    let order: Order = answer.json(url)?;
    if order.authorizations.len() > MAX_AUTHORIZATIONS {
        return Err(Error::unexpected(
            url,
            "the order has too many authorizations",
        ));
    }
    Ok(order)
}

/// The reason that is none.
const UNSPECIFIED: u32 = 0;

/// One for each name that an order may have here: each is a question to the CA.
const MAX_AUTHORIZATIONS: usize = 100;
