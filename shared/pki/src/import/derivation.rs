//! From a passphrase to the octets of a key: PBKDF1, PBKDF2 and scrypt (RFC 8018, RFC 7914), and that of encrypted
//! PEM blocks; and what each derivation costs.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;
use zeroize::Zeroizing;

use super::ber::{Malformed, Values};
use crate::passphrase::Hash;

/// How the octets of a key come from a passphrase; with the salt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Derivation {
    Pbkdf1 {
        hash: Hash,
        salt: Vec<u8>,
        iterations: u64,
    },
    Pbkdf2 {
        hash: Hash,
        salt: Vec<u8>,
        iterations: u64,
    },
    Scrypt {
        salt: Vec<u8>,
        n: u64,
        r: u64,
        p: u64,
    },
}

/// A derivation that is not done here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoDerivation {
    Malformed,
    /// Which one it is.
    Unsupported(String),
}

impl From<Malformed> for NoDerivation {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl Derivation {
    /// The key derivation function of PBES2 (RFC 8018, appendix A.2; RFC 7914, section 7).
    pub(super) fn of_pbes2(mut algorithm: Values<'_>) -> Result<Self, NoDerivation> {
        let oid = algorithm.oid()?;
        let mut parameters = algorithm.sequence()?;
        let salt = parameters.octets().map(std::borrow::Cow::into_owned);
        match oid.as_str() {
            PBKDF2 => {
                let (salt, iterations) = (salt?, parameters.count()?);
                // The length of the key, which the cipher tells as well.
                let _ = parameters.count();
                let hash = match parameters.sequence() {
                    Ok(mut function) => {
                        let oid = function.oid()?;
                        let unsupported = || format!("PBKDF2 and the pseudo-random function {oid}");
                        Hash::of_hmac(&oid)
                            .ok_or_else(|| NoDerivation::Unsupported(unsupported()))?
                    }
                    Err(Malformed) => Hash::Sha1,
                };
                Ok(Self::Pbkdf2 {
                    hash,
                    salt,
                    iterations,
                })
            }
            SCRYPT => Ok(Self::Scrypt {
                salt: salt?,
                n: parameters.count()?,
                r: parameters.count()?,
                p: parameters.count()?,
            }),
            _ => Err(NoDerivation::Unsupported(format!(
                "the key derivation function {oid}"
            ))),
        }
    }

    /// What deriving so many octets costs, in the units of [`Work`](super::work::Work).
    pub(super) fn cost(&self, octets: usize) -> u64 {
        match self {
            Self::Pbkdf1 {
                hash, iterations, ..
            } => iterations.saturating_mul(hash.cost()),
            Self::Pbkdf2 {
                hash, iterations, ..
            } => {
                let blocks = octets.div_ceil(hash.octets()) as u64;
                iterations.saturating_mul(2 * hash.cost() * blocks)
            }
            // Past the memory that a file may take, it costs more than there is.
            Self::Scrypt { n, r, p, .. } => {
                let blocks = n.saturating_add(*p).saturating_add(1);
                if blocks.saturating_mul(*r) > SCRYPT_MEMORY / 128 {
                    return u64::MAX;
                }
                // All four are small now. Beside the mixing, PBKDF2 runs once before and once behind it.
                p * r * (5 * n + 16)
            }
        }
    }

    /// The octets. The caller has paid [`Self::cost`].
    pub(super) fn derive(
        &self,
        passphrase: &[u8],
        octets: usize,
    ) -> Result<Zeroizing<Vec<u8>>, Malformed> {
        let mut key = Zeroizing::new(vec![0; octets]);
        match self {
            Self::Pbkdf1 {
                hash,
                salt,
                iterations,
            } => {
                let block = hash.again(hash.of([passphrase, salt]), iterations - 1);
                key.copy_from_slice(block.get(..octets).ok_or(Malformed)?);
            }
            Self::Pbkdf2 {
                hash,
                salt,
                iterations,
            } => {
                let iterations = u32::try_from(*iterations).ok().and_then(NonZeroU32::new);
                let algorithm = hash.pbkdf2().ok_or(Malformed)?;
                let iterations = iterations.ok_or(Malformed)?;
                pbkdf2::derive(algorithm, iterations, salt, passphrase, &mut key);
            }
            Self::Scrypt { salt, n, r, p } => {
                let r = u32::try_from(*r).map_err(|_| Malformed)?;
                let p = u32::try_from(*p).map_err(|_| Malformed)?;
                let log_n = n.is_power_of_two().then(|| n.trailing_zeros());
                let log_n = log_n.and_then(|log_n| u8::try_from(log_n).ok());
                let parameters = scrypt::Params::new(log_n.ok_or(Malformed)?, r, p);
                let parameters = parameters.map_err(|_| Malformed)?;
                scrypt::scrypt(passphrase, salt, &parameters, &mut key).map_err(|_| Malformed)?;
            }
        }
        Ok(key)
    }

    /// For people: "PBKDF2 with 1000000 iterations".
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Pbkdf1 { iterations, .. } => format!("PBKDF1 with {iterations} iterations"),
            Self::Pbkdf2 {
                hash, iterations, ..
            } => format!("PBKDF2 (HMAC-{}) with {iterations} iterations", hash.name()),
            Self::Scrypt { n, r, p, .. } => format!("scrypt with N={n}, r={r}, p={p}"),
        }
    }
}

/// What [`pkcs12`](crate::passphrase::pkcs12) costs, in the units of [`Work`](super::work::Work).
pub(super) fn pkcs12_cost(hash: Hash, iterations: u64, octets: usize) -> u64 {
    let hashes = iterations.saturating_mul(octets.div_ceil(hash.octets()) as u64);
    match hash {
        Hash::Sha1 => hashes / 3 * 2 + 1,
        _ => hashes.saturating_mul(hash.cost()),
    }
}

/// The key of an encrypted PEM block: openssl's EVP_BytesToKey with MD5 and one round.
pub(super) fn pem(passphrase: &[u8], salt: &[u8], octets: usize) -> Zeroizing<Vec<u8>> {
    let mut key = Zeroizing::new(Vec::with_capacity(octets + 16));
    let mut last = Hash::Md5.of([passphrase, salt]);
    loop {
        key.extend_from_slice(&last);
        if key.len() >= octets {
            break;
        }
        last = Hash::Md5.of([&last, passphrase, salt]);
    }
    key.truncate(octets);
    key
}

const PBKDF2: &str = "1.2.840.113549.1.5.12";
const SCRYPT: &str = "1.3.6.1.4.1.11591.4.11";

/// What scrypt may hold: openssl takes the half.
const SCRYPT_MEMORY: u64 = 32 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_count_overflows_what_it_costs() {
        for hash in [Hash::Sha1, Hash::Sha256, Hash::Sha512] {
            assert!(pkcs12_cost(hash, u64::MAX, 24) > u64::MAX / 4);
        }
        let (n, r, p) = (u64::MAX, u64::MAX, u64::MAX);
        let salt = Vec::new();
        assert_eq!(Derivation::Scrypt { salt, n, r, p }.cost(32), u64::MAX);
    }
}
