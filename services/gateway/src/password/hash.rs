//! The hash itself: argon2id, written as a PHC string.

use std::sync::{Mutex, MutexGuard, PoisonError};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use subtle::ConstantTimeEq;

/// Why there is no hash.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No random numbers.
    #[error("the machine gave no random numbers")]
    Random,
    /// Parameters or memory.
    #[error("argon2id refused: {0}")]
    Argon2(argon2::Error),
    /// What is kept is no hash.
    #[error("the hash that is kept cannot be read")]
    Unreadable,
}

/// What hashes were worked out in before, wiped: as much as ever was needed at once. Left to the allocator, each thread
/// that has hashed would keep its own.
#[derive(Debug, Default)]
pub struct Memory(Mutex<Vec<Vec<Block>>>);

impl Memory {
    fn kept(&self) -> MutexGuard<'_, Vec<Vec<Block>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A hash with a fresh salt.
pub fn make(memory: &Memory, password: &str) -> Result<String, Failure> {
    let mut salt = [0; SALT];
    aws_lc_rs::rand::fill(&mut salt).map_err(|_| Failure::Random)?;
    let hash = compute(memory, COST, &salt, password)?;
    let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
    let Cost { m, t, p } = COST;
    Ok(format!("$argon2id$v=19$m={m},t={t},p={p}${salt}${hash}"))
}

/// Whether a password has this hash.
pub fn is_of(memory: &Memory, hash: &str, password: &str) -> Result<bool, Failure> {
    let (cost, salt, kept) = read(hash).ok_or(Failure::Unreadable)?;
    let computed = compute(memory, cost, &salt, password)?;
    Ok(bool::from(computed.as_slice().ct_eq(&kept)))
}

/// The same work for nothing.
pub fn in_vain(memory: &Memory, password: &str) -> Result<(), Failure> {
    compute(memory, COST, &[0; SALT], password).map(|_| ())
}

fn compute(
    memory: &Memory,
    cost: Cost,
    salt: &[u8],
    password: &str,
) -> Result<[u8; HASH], Failure> {
    let params = Params::new(cost.m, cost.t, cost.p, Some(HASH)).map_err(Failure::Argon2)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut hash = [0; HASH];
    let mut blocks = memory.kept().pop().unwrap_or_default();
    blocks.resize(argon2.params().block_count(), Block::default());
    let computed =
        argon2.hash_password_into_with_memory(password.as_bytes(), salt, &mut hash, &mut blocks);
    blocks.fill(Block::default());
    memory.kept().push(blocks);
    computed.map_err(Failure::Argon2)?;
    Ok(hash)
}

fn read(phc: &str) -> Option<(Cost, Vec<u8>, Vec<u8>)> {
    let mut parts = phc.strip_prefix("$argon2id$v=19$")?.split('$');
    let (cost, salt, hash) = (parts.next()?, parts.next()?, parts.next()?);
    let mut costs = cost.split(',');
    let mut cost = |name: &str| costs.next()?.strip_prefix(name)?.parse().ok();
    let cost = Cost {
        m: cost("m=")?,
        t: cost("t=")?,
        p: cost("p=")?,
    };
    let decode = |text: &str| STANDARD_NO_PAD.decode(text).ok();
    let (salt, hash) = (decode(salt)?, decode(hash)?);
    (hash.len() == HASH).then_some((cost, salt, hash))
}

/// Memory in KiB, passes, lanes.
#[derive(Clone, Copy)]
struct Cost {
    m: u32,
    t: u32,
    p: u32,
}

/// OWASP's password storage cheat sheet: argon2id with 19 MiB, two passes, one lane. A hash says its own, so these can
/// grow.
const COST: Cost = Cost {
    m: 19 * 1024,
    t: 2,
    p: 1,
};

/// In bytes.
const SALT: usize = 16;
const HASH: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_of_another_implementation_is_read() {
        let memory = Memory::default();
        // argon2-cffi 25.1: hash_secret(b"correct horse battery", b"sixteen bytes ok", 2, 19456, 1, 32, Type.ID)
        let others = "$argon2id$v=19$m=19456,t=2,p=1$c2l4dGVlbiBieXRlcyBvaw$RJ1sY/uLSiHi0TP1oW8rw19AvL2Hwpt7ELvhU4n7eXg";
        assert!(is_of(&memory, others, "correct horse battery").unwrap());
        let made = make(&memory, "correct horse battery").unwrap();
        assert!(is_of(&memory, &made, "correct horse battery").unwrap());
        assert!(!is_of(&memory, &made, "correct horse batterz").unwrap());
        assert_ne!(
            made,
            make(&memory, "correct horse battery").unwrap(),
            "salted"
        );
    }

    #[test]
    fn a_damaged_hash_opens_nothing_and_says_so() {
        let memory = Memory::default();
        for damaged in [
            "",
            "$argon2id$v=19$m=19456,t=2,p=1$AAAA",
            "$argon2i$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
            "$argon2id$v=19$m=x,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
        ] {
            assert!(
                matches!(is_of(&memory, damaged, ""), Err(Failure::Unreadable)),
                "{damaged}"
            );
        }
    }
}
