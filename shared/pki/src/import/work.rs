//! What the reading of one file may cost: counted, and refused before it is spent.

use super::ImportError;

/// What may still be spent on a file, in compressions of SHA-256, of which a core does about 14 in a
/// microsecond (measured with the processor's SHA instructions; see `tests/hostile.rs`).
///
/// The counts of a hostile file stand in the file, and often inside what its own passphrase opens: so each
/// part is charged when it is reached, and what can be seen beforehand is checked together at the start.
#[derive(Debug)]
pub(super) struct Work {
    left: u64,
    widened: bool,
}

impl Work {
    /// For a file of any form but PKCS#12: 600,000 iterations of PBKDF2 with HMAC-SHA-256, which openssl's
    /// manual and OWASP recommend, and something for what is inside.
    pub(super) const FILE: u64 = 1_350_000;

    /// For PKCS#12, which encrypts its keys and its certificates apart: NSS (Firefox, pk12util) takes 600,000
    /// iterations for each, and less would refuse all its files.
    pub(super) const PKCS12: u64 = 2_550_000;

    pub(super) fn new() -> Self {
        Self {
            left: Self::FILE,
            widened: false,
        }
    }

    /// Once for a file, however many PKCS#12 blocks are in it.
    pub(super) fn widen_for_pkcs12(&mut self) {
        if !self.widened {
            self.widened = true;
            self.left += Self::PKCS12 - Self::FILE;
        }
    }

    /// Takes what something costs, or refuses it.
    pub(super) fn spend(
        &mut self,
        units: u64,
        refusal: impl FnOnce() -> ImportError,
    ) -> Result<(), ImportError> {
        self.left = self.left.checked_sub(units).ok_or_else(refusal)?;
        Ok(())
    }

    /// Whether so much is left.
    pub(super) fn allows(&self, units: u64) -> bool {
        units <= self.left
    }
}
