//! RSA keys take a processor for seconds: they are made on threads of their own, one processor is left to
//! all else, and where all else wants theirs too, they give way.

use std::{num::NonZero, sync::Arc, thread};

use pki::{KeyAlgorithm, PrivateKey};
use tokio::sync::{Semaphore, oneshot};

use crate::vault::VaultError;

/// Makes RSA keys. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Makers {
    /// One is held while a key is made.
    turns: Arc<Semaphore>,
}

impl Makers {
    /// As many at a time as there are processors, less one.
    pub fn new() -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            turns: Arc::new(Semaphore::new(processors.saturating_sub(1).max(1))),
        }
    }

    /// Makes a key, once it is its turn.
    ///
    /// # Errors
    /// [`VaultError::Key`], [`VaultError::Maker`].
    pub async fn make(&self, algorithm: KeyAlgorithm) -> Result<PrivateKey, VaultError> {
        // Fails only when it is closed, and nobody closes it.
        let turn = self.turns.clone().acquire_owned().await.ok();
        let (done, made) = oneshot::channel();
        let make = move || {
            give_way();
            let key = PrivateKey::generate(algorithm).map_err(VaultError::Key);
            // Here, and not where the caller may have gone: the work goes on without him.
            drop(turn);
            let _ = done.send(key);
        };
        let thread = thread::Builder::new().name("rsa-key".to_owned());
        thread.spawn(make).map_err(VaultError::Maker)?;
        let broken = |_| VaultError::Maker(std::io::Error::other("the thread ended without a key"));
        made.await.map_err(broken)?
    }
}

/// Has this thread give way to all others; it ends after its key, for none may take its priority back.
fn give_way() {
    // Elsewhere this is of the whole process.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "an RSA key is made at the priority of all else");
    }
}

/// Still a tenth of a processor that others want whole.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;
