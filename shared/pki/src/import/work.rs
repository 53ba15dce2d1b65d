//! What the reading of one file may cost: counted, and refused before it is spent.

use super::ImportError;

/// What may still be spent on a file, in compressions of SHA-256, of which a core does about 13 in a
/// microsecond (measured with the processor's SHA instructions).
///
/// The counts of a hostile file stand in the file, and often inside what its own passphrase opens: so each
/// part is charged when it is reached, and what can be seen beforehand is weighed together at the start.
///
/// A file that does not open costs [`Work::FILE`] at most, a tenth of a second. When a lock opens, as much is there
/// for the next, as long as the reserve lasts: NSS and GnuTLS lock the key and the certificates, or each of them,
/// with 600,000 iterations, and without that all their files were refused.
#[derive(Debug)]
pub(super) struct Work {
    left: u64,
    reserve: u64,
}

impl Work {
    /// 600,000 iterations of PBKDF2 with HMAC-SHA-256, and an RSA-4096 key to check.
    pub(super) const FILE: u64 = 1_320_000;

    /// Three more such locks: GnuTLS locks a key and each certificate of its chain apart.
    const RESERVE: u64 = 3_700_000;

    pub(super) fn new() -> Self {
        Self {
            left: Self::FILE,
            reserve: Self::RESERVE,
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

    /// A lock has opened.
    pub(super) fn opened(&mut self) {
        let returned = (Self::FILE - self.left).min(self.reserve);
        self.reserve -= returned;
        self.left += returned;
    }

    /// Whether locks that cost so much, the dearest of them so much, may all be opened.
    pub(super) fn allows(&self, all: u64, dearest: u64) -> bool {
        dearest <= self.left && all <= self.left + self.reserve
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: u64 = 1_200_000;

    fn spend(work: &mut Work, units: u64) -> Result<(), ImportError> {
        work.spend(units, || ImportError::TooManyKeys)
    }

    #[test]
    fn what_does_not_open_is_tried_once() {
        let mut work = Work::new();
        assert_eq!(spend(&mut work, LOCK), Ok(()));
        assert_eq!(spend(&mut work, LOCK), Err(ImportError::TooManyKeys));
    }

    #[test]
    fn what_opens_gives_back_until_the_reserve_is_gone() {
        let mut work = Work::new();
        let mut opened = 0;
        while spend(&mut work, LOCK).is_ok() {
            work.opened();
            opened += 1;
        }
        assert_eq!(opened, 4);
        let work = Work::new();
        assert!(work.allows(4 * LOCK, LOCK) && !work.allows(5 * LOCK, LOCK));
        assert!(!work.allows(2 * LOCK, 2 * LOCK) && !work.allows(u64::MAX, 1));
    }
}
