//! What is done to an account itself: its addresses, its key, its end (RFC 8555, sections 7.3.2 to 7.3.6).

use std::{sync::Arc, time::Duration};

use serde_json::json;

use super::{
    super::{AccountKey, Client, Error, jws},
    Account, Signer,
    current_key::Proving,
};

/// What a CA knows of a key.
pub enum Standing {
    /// An account that can be used.
    Valid(Account),
    /// An account that has ended.
    Ended,
    /// Nothing.
    Unknown,
}

impl Client {
    /// What the CA knows of this key.
    ///
    /// # Errors
    /// Where it does not say.
    pub async fn standing(self: &Arc<Self>, key: Arc<AccountKey>) -> Result<Standing, Error> {
        match self.find(key).await {
            Ok(Some(account)) => Ok(Standing::Valid(account)),
            Ok(None) => Ok(Standing::Unknown),
            // Section 7.3.6 wants 401 of type "unauthorized" from then on; others answer the account.
            Err(ended) if ended.is("unauthorized") => Ok(Standing::Ended),
            Err(Error::Unexpected { what, .. }) if what == super::ENDED => Ok(Standing::Ended),
            Err(error) => Err(error),
        }
    }
}

impl Account {
    /// The thumbprint of the key that it has now.
    pub fn thumbprint(&self) -> String {
        self.key.get().thumbprint()
    }

    /// Asks whether the CA still takes the account's word (POST-as-GET of the account).
    ///
    /// # Errors
    /// What the CA says against it.
    pub async fn check(&self) -> Result<(), Error> {
        self.post(&self.url, b"").await.map(drop)
    }

    /// To be held from the answer to a challenge until the CA has looked at it.
    pub async fn proving(&self) -> Proving {
        self.key.proving().await
    }

    /// Sets the contact addresses, in place of those that it had (section 7.3.2).
    ///
    /// # Errors
    /// What the CA says against it.
    pub async fn update_contact(&self, emails: &[String]) -> Result<(), Error> {
        let contact = emails.iter().map(|e| format!("mailto:{e}"));
        let payload = json!({"contact": contact.collect::<Vec<_>>()}).to_string();
        self.post(&self.url, payload.as_bytes()).await.map(drop)
    }

    /// Gives the account another key (section 7.3.5). Requests that are under way end with the old one
    /// first, and those that come sign with the new one; challenges that the CA is looking at are
    /// waited for, though not for ever.
    ///
    /// # Errors
    /// What the CA says against it; then the key is the old one still, unless its answer was lost.
    pub async fn change_key(&self, new: Arc<AccountKey>) -> Result<(), Error> {
        let url = self.client.directory.key_change.as_deref();
        let url = url.ok_or_else(|| Error::unexpected(&self.url, "the CA has no keyChange"))?;
        let _proved = tokio::time::timeout(LONGEST_PROOF, self.key.until_proved()).await;
        let _signed = self.key.until_signed().await;
        let old = self.key.get();
        let change = json!({"account": self.url, "oldKey": old.jwk()}).to_string();
        let change = jws::sign(Signer::Key(&new), url, None, change.as_bytes())
            .map_err(|_| Error::unexpected(url, "the new key cannot sign"))?;
        let signer = Signer::Account(&old, &self.url);
        self.client.post(signer, url, &change).await?;
        self.key.set(new);
        Ok(())
    }

    /// Ends the account for good (section 7.3.6).
    ///
    /// # Errors
    /// What the CA says against it.
    pub async fn deactivate(&self) -> Result<(), Error> {
        let payload = json!({"status": "deactivated"}).to_string();
        self.post(&self.url, payload.as_bytes()).await.map(drop)
    }
}

/// How long a change of the key waits for challenges: a person waits for it.
const LONGEST_PROOF: Duration = Duration::from_secs(20);
