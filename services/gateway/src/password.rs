//! Passwords: which may be chosen, and their hashes (argon2id, RFC 9106).
//!
//! A hash takes 19 MiB and a core for tens of milliseconds, by purpose. So at most [`AT_ONCE`] are computed at a
//! time, on threads where they keep nobody waiting; at most [`WAITING`] more wait, and whoever comes then is told
//! to try again: what a flood of wrong passwords takes up is bounded, and written here.

mod guessed;
mod hash;

use std::{fmt, sync::Arc};

use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use self::hash::Memory;

/// A password that was presented or chosen, as it is hashed: NFC, so that it does not matter how a keyboard
/// makes an "ä". Secret: `Debug` prints the type's name only.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

/// Why a password cannot be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Too short.
    #[error("a password has at least {MIN} characters: several words do")]
    TooShort,
    /// Too long.
    #[error("a password has at most {MAX} characters")]
    TooLong,
    /// Everybody's first guess.
    #[error("this password is one of those that are tried first: choose another one")]
    Common,
    /// Whoever knows him knows it.
    #[error("this password is made of the person's own names: choose another one")]
    OwnName,
}

/// Why a hash was not computed.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// As many as there may be are waiting.
    #[error("too many people sign in at once: try again in a moment")]
    Busy,
    /// The machine gave no random numbers, or no memory.
    #[error("a password cannot be hashed")]
    Failed(#[source] hash::Failure),
    /// The thread broke off.
    #[error("hashing a password broke off")]
    BrokeOff(#[source] tokio::task::JoinError),
}

impl Password {
    /// What somebody presents. `None` where it is longer than any password is: it is wrong.
    pub fn presented(text: &str) -> Option<Password> {
        // Before it is looked at in any other way: a character has at most four bytes, and a few more that NFC joins.
        if text.len() > MAX * 16 {
            return None;
        }
        let password = Password(Zeroizing::new(text.nfc().collect()));
        (password.0.chars().count() <= MAX).then_some(password)
    }

    /// What somebody chooses, who has these names.
    ///
    /// # Errors
    /// [`Unfit`] says why not, in words for him.
    pub fn chosen(text: &str, names: &[&str]) -> Result<Password, Unfit> {
        let password = Password::presented(text).ok_or(Unfit::TooLong)?;
        if password.0.chars().count() < MIN {
            return Err(Unfit::TooShort);
        }
        let folded = Zeroizing::new(password.0.to_lowercase());
        if guessed::is_common(&folded) {
            return Err(Unfit::Common);
        }
        let own = names.iter().map(|name| name.to_lowercase());
        if own
            .filter(|name| !name.is_empty())
            .any(|name| *folded == name)
        {
            return Err(Unfit::OwnName);
        }
        Ok(password)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

/// Computes hashes. Cheap to clone: clones share the places.
#[derive(Debug, Clone)]
pub struct Passwords {
    running: Arc<Semaphore>,
    places: Arc<Semaphore>,
    memory: Arc<Memory>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            running: Arc::new(Semaphore::new(AT_ONCE)),
            places: Arc::new(Semaphore::new(AT_ONCE + WAITING)),
            memory: Arc::default(),
        }
    }
}

impl Passwords {
    /// The hash of a password that was chosen: a PHC string, with its parameters and salt.
    ///
    /// # Errors
    /// [`HashError`].
    pub async fn hash(&self, password: Password) -> Result<String, HashError> {
        let hashed = self
            .run(move |memory| hash::make(memory, &password.0))
            .await?;
        hashed.map_err(HashError::Failed)
    }

    /// Whether a password is the one with this hash. Without a hash (there is no such person, or he has no
    /// password) or a password (it is none) the same work is done, and the answer is no.
    ///
    /// # Errors
    /// [`HashError`].
    pub async fn check(
        &self,
        password: Option<Password>,
        hash: Option<String>,
    ) -> Result<bool, HashError> {
        let checked = self.run(move |memory| {
            let presented = password.as_ref().map_or("", |password| password.0.as_str());
            let right = match &hash {
                Some(hash) => hash::is_of(memory, hash, presented),
                None => hash::in_vain(memory, presented).map(|()| false),
            };
            right.map(|right| right && password.is_some())
        });
        checked.await?.map_err(HashError::Failed)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Memory) -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let place = self.places.clone().try_acquire_owned();
        let place = place.map_err(|_| HashError::Busy)?;
        // Never closed.
        let running = self.running.clone().acquire_owned().await;
        let running = running.map_err(|_| HashError::Busy)?;
        // The place goes with the work: who goes away meanwhile does not make room for another.
        let memory = self.memory.clone();
        let work = move || {
            let _held = (place, running);
            work(&memory)
        };
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(HashError::BrokeOff)
    }
}

/// The shortest that may be chosen (ASVS 5.0, 6.2.1 asks for 8), and the longest (6.2.9 asks for 64), in characters.
const MIN: usize = 12;
const MAX: usize = 128;

/// Hashes at once: 38 MiB.
pub const AT_ONCE: usize = 2;

/// Those who may wait: a second or two.
pub const WAITING: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn presented(text: &str) -> Option<Password> {
        Password::presented(text)
    }

    #[tokio::test]
    async fn the_same_password_is_right_however_it_is_typed_and_no_other_is() {
        let passwords = Passwords::default();
        let chosen = Password::chosen("Zürich im Jänner", &[]).unwrap();
        let hash = passwords.hash(chosen).await.unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        let check = async |text: &str| {
            let hash = Some(hash.clone());
            passwords.check(presented(text), hash).await.unwrap()
        };
        assert!(check("Zürich im Jänner").await);
        assert!(check("Zu\u{308}rich im Ja\u{308}nner").await);
        assert!(!check("zürich im jänner").await);
        assert!(!check("").await);
        assert!(!check(&"x".repeat(100_000)).await);
    }

    #[tokio::test]
    async fn nobody_has_no_password_not_even_an_empty_one() {
        let passwords = Passwords::default();
        for text in ["", "anything at all", &"x".repeat(10_000)] {
            assert!(!passwords.check(presented(text), None).await.unwrap());
        }
    }

    #[test]
    fn what_may_be_chosen() {
        let names = ["annabelle.schmidt", "Anna@shop.example"];
        let chosen = |text: &str| Password::chosen(text, &names).map(|_| ());
        for fit in [
            "correct horse",
            "            x",
            "ääääääääääää1",
            &"zwölf Boxkämpfer ".repeat(7),
            "no upper, no digit",
        ] {
            assert_eq!(chosen(fit), Ok(()), "{fit:?}");
        }
        assert_eq!(chosen("elevenchars"), Err(Unfit::TooShort));
        // Eleven characters, though 22 bytes.
        assert_eq!(chosen(&"ä".repeat(11)), Err(Unfit::TooShort));
        assert_eq!(chosen(&"x1".repeat(65)), Err(Unfit::TooLong));
        for common in [
            "Password1234",
            "123456789012",
            "aaaaaaaaaaaaaaaa",
            "qwertyuiop123",
            "abcabcabcabc",
            "chancery1234",
        ] {
            assert_eq!(chosen(common), Err(Unfit::Common), "{common:?}");
        }
        assert_eq!(chosen("ANNABELLE.schmidt"), Err(Unfit::OwnName));
        assert_eq!(chosen("anna@shop.example"), Err(Unfit::OwnName));
    }

    #[tokio::test]
    async fn a_flood_is_refused_and_not_queued_without_end() {
        let passwords = Passwords::default();
        let flood = (0..AT_ONCE + WAITING + 10).map(|_| {
            let passwords = passwords.clone();
            async move { passwords.check(presented("a wrong one"), None).await }
        });
        let answers = futures_util::future::join_all(flood).await;
        let busy = answers.iter().filter(|a| matches!(a, Err(HashError::Busy)));
        assert_eq!(busy.count(), 10);
        assert!(answers.iter().flatten().all(|right| !right));
        // And then there is room again.
        assert!(!passwords.check(None, None).await.unwrap());
    }

    #[test]
    fn a_password_is_silent() {
        assert_eq!(format!("{:?}", presented("secret").unwrap()), "Password");
    }
}
