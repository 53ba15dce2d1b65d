//! The one key that vouches for the event log: it signs heads of the log's tree, which are built here, and nothing else.

use aws_lc_rs::{rand, signature::Ed25519KeyPair};
use eventlog::proof::{Head, Note, NoteKey};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::{
    commands::CommandError,
    envelope::EnvelopeError,
    secrets::{SecretError, SecretName, Secrets},
};

/// Signs a head, as a note.
///
/// # Errors
/// [`CommandError::Secret`].
pub async fn sign(
    secrets: &Secrets,
    head: &Head,
    now: OffsetDateTime,
) -> Result<(Note, NoteKey), CommandError> {
    let seed = seed(secrets, now).await?;
    let unusable = || SecretError::Envelope(EnvelopeError::Open);
    let key = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| unusable())?;
    // A head's name was looked at when it was parsed.
    Ok(head.sign(&key).map_err(|_| unusable())?)
}

/// The key; made where there is none. Of several that are made at once, one is kept.
async fn seed(secrets: &Secrets, now: OffsetDateTime) -> Result<Zeroizing<Vec<u8>>, CommandError> {
    let name = SecretName::of_our_own(KEY);
    if let Some(seed) = secrets.open(OWNER, &name).await? {
        return Ok(seed);
    }
    let mut seed = Zeroizing::new(vec![0; SEED]);
    rand::fill(&mut seed).map_err(|_| SecretError::Envelope(EnvelopeError::Seal))?;
    secrets.seal_first(OWNER, &name, &seed, now).await?;
    let kept = secrets.open(OWNER, &name).await?;
    Ok(kept.ok_or(SecretError::Envelope(EnvelopeError::Open))?)
}

/// No service has this name for a secret of its own: the keystore asks itself for none.
const OWNER: &str = "keystore";
const KEY: &str = "checkpoint-key";
const SEED: usize = 32;
