//! The key that an account has now: it may be changed while orders sign with it.

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::{OwnedRwLockReadGuard, RwLock as AsyncRwLock, RwLockReadGuard, RwLockWriteGuard};

use super::super::AccountKey;

/// A key, and who needs it to stay.
pub(super) struct CurrentKey {
    key: RwLock<Arc<AccountKey>>,
    /// Held by each request from its signature to its answer.
    signing: AsyncRwLock<()>,
    /// Held from an answer to a challenge until the CA has looked at it.
    proving: Arc<AsyncRwLock<()>>,
}

/// Keeps an account's key as it is, while a CA compares a challenge's answer with it.
pub struct Proving {
    _held: OwnedRwLockReadGuard<()>,
}

impl CurrentKey {
    pub(super) fn new(key: Arc<AccountKey>) -> Self {
        Self {
            key: RwLock::new(key),
            signing: AsyncRwLock::default(),
            proving: Arc::default(),
        }
    }

    /// As it is now.
    pub(super) fn get(&self) -> Arc<AccountKey> {
        let key = self.key.read().unwrap_or_else(PoisonError::into_inner);
        key.clone()
    }

    /// As it is until the guard is dropped.
    pub(super) async fn sign_with(&self) -> (Arc<AccountKey>, RwLockReadGuard<'_, ()>) {
        let in_use = self.signing.read().await;
        (self.get(), in_use)
    }

    /// See [`Proving`].
    pub(super) async fn proving(&self) -> Proving {
        Proving {
            _held: self.proving.clone().read_owned().await,
        }
    }

    /// Waits until no challenge is being looked at, and lets none begin.
    pub(super) async fn until_proved(&self) -> RwLockWriteGuard<'_, ()> {
        self.proving.write().await
    }

    /// Waits until no request is under way, and lets none begin.
    pub(super) async fn until_signed(&self) -> RwLockWriteGuard<'_, ()> {
        self.signing.write().await
    }

    pub(super) fn set(&self, key: Arc<AccountKey>) {
        *self.key.write().unwrap_or_else(PoisonError::into_inner) = key;
    }
}
