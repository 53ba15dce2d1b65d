//! What is sealed for an account: its key, the key that it is about to have, the HMAC key that binds it.

use std::sync::Arc;

use eventlog::Origin;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{AccountError, Accounts};
use crate::client::AccountKey;

/// An account key that is sealed.
#[derive(Debug)]
pub enum SealedKey {
    /// Just now: no CA knows it.
    New(Arc<AccountKey>),
    /// By an earlier try: the CA may know it.
    Found(Arc<AccountKey>),
}

impl SealedKey {
    /// The key, either way.
    pub fn key(&self) -> &Arc<AccountKey> {
        match self {
            Self::New(key) | Self::Found(key) => key,
        }
    }
}

impl Accounts {
    /// The account key of a server that is being registered: sealed, before anybody hears of it.
    ///
    /// # Errors
    /// [`AccountError::Keystore`], [`AccountError::Key`].
    pub async fn new_key(&self, server: Uuid, origin: &Origin) -> Result<SealedKey, AccountError> {
        self.sealed_or_new(&key_name(server), origin).await
    }

    /// The key that an account is about to have: sealed, before the CA hears of it.
    ///
    /// # Errors
    /// [`AccountError::Keystore`], [`AccountError::Key`].
    pub async fn new_next_key(
        &self,
        server: Uuid,
        origin: &Origin,
    ) -> Result<SealedKey, AccountError> {
        self.sealed_or_new(&next_key_name(server), origin).await
    }

    /// The CA knows the next key: it is the account's from now on.
    ///
    /// # Errors
    /// [`AccountError::Keystore`].
    pub async fn take_next_key(&self, server: Uuid, origin: &Origin) -> Result<(), AccountError> {
        if let Some(pkcs8) = self.open_sealed(&next_key_name(server), origin).await? {
            self.seal(&key_name(server), &pkcs8, origin).await?;
        }
        Ok(())
    }

    /// Destroys the key that an account was about to have, where there is one.
    ///
    /// # Errors
    /// [`AccountError::Keystore`].
    pub async fn destroy_next_key(
        &self,
        server: Uuid,
        origin: &Origin,
    ) -> Result<(), AccountError> {
        self.destroy(&next_key_name(server), origin).await
    }

    /// Destroys the account key of a server that its CA has refused an account.
    ///
    /// # Errors
    /// [`AccountError::Keystore`].
    pub async fn destroy_key(&self, server: Uuid, origin: &Origin) -> Result<(), AccountError> {
        self.destroy(&key_name(server), origin).await
    }

    /// Destroys all that is sealed for an account that has ended.
    ///
    /// # Errors
    /// [`AccountError::Keystore`].
    pub async fn destroy_secrets(&self, server: Uuid, origin: &Origin) -> Result<(), AccountError> {
        self.forget(server);
        for name in [
            key_name(server),
            next_key_name(server),
            binding_name(server),
        ] {
            self.destroy(&name, origin).await?;
        }
        Ok(())
    }

    /// Seals the HMAC key of an external account.
    ///
    /// # Errors
    /// [`AccountError::Keystore`].
    pub async fn seal_binding(
        &self,
        server: Uuid,
        hmac: &Zeroizing<Vec<u8>>,
        origin: &Origin,
    ) -> Result<(), AccountError> {
        self.seal(&binding_name(server), hmac, origin).await
    }

    pub(super) async fn key(
        &self,
        server: Uuid,
        origin: &Origin,
    ) -> Result<Option<Arc<AccountKey>>, AccountError> {
        read(self.open_sealed(&key_name(server), origin).await?)
    }

    pub(super) async fn next_key(
        &self,
        server: Uuid,
        origin: &Origin,
    ) -> Result<Option<Arc<AccountKey>>, AccountError> {
        read(self.open_sealed(&next_key_name(server), origin).await?)
    }

    pub(super) async fn sealed_binding(
        &self,
        server: Uuid,
        origin: &Origin,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, AccountError> {
        self.open_sealed(&binding_name(server), origin).await
    }

    async fn sealed_or_new(&self, name: &str, origin: &Origin) -> Result<SealedKey, AccountError> {
        if let Some(key) = read(self.open_sealed(name, origin).await?)? {
            return Ok(SealedKey::Found(key));
        }
        let pkcs8 = AccountKey::generate_pkcs8().map_err(AccountError::Key)?;
        let key = AccountKey::from_pkcs8(&pkcs8).map_err(AccountError::Key)?;
        self.seal(name, &pkcs8, origin).await?;
        Ok(SealedKey::New(Arc::new(key)))
    }

    async fn open_sealed(
        &self,
        name: &str,
        origin: &Origin,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, AccountError> {
        let opened = self.keystore.open(origin, name).await;
        opened.map_err(AccountError::Keystore)
    }

    async fn seal(&self, name: &str, secret: &[u8], origin: &Origin) -> Result<(), AccountError> {
        let sealed = self.keystore.seal(origin, name, secret).await;
        sealed.map_err(AccountError::Keystore)
    }

    async fn destroy(&self, name: &str, origin: &Origin) -> Result<(), AccountError> {
        let destroyed = self.keystore.destroy(origin, name).await;
        destroyed.map_err(AccountError::Keystore)
    }
}

fn read(pkcs8: Option<Zeroizing<Vec<u8>>>) -> Result<Option<Arc<AccountKey>>, AccountError> {
    let key = pkcs8.map(|pkcs8| AccountKey::from_pkcs8(&pkcs8).map(Arc::new));
    key.transpose().map_err(AccountError::Key)
}

fn key_name(server: Uuid) -> String {
    format!("account-key/{server}")
}

fn next_key_name(server: Uuid) -> String {
    format!("account-key-next/{server}")
}

fn binding_name(server: Uuid) -> String {
    format!("eab/{server}")
}
