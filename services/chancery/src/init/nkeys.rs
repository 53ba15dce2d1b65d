//! The seeds with which each user signs in to NATS, and their rotation.

use std::{fs, io};

use ::nkeys::KeyPair;
use runtime::Layout;
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use super::{InitError, failed};
use crate::{
    files,
    nats::users::{User, users},
};

/// How long a seed is used.
pub const LIFE: Duration = Duration::days(30);

/// Makes the seeds that are not there; answers whose they are.
pub fn make_missing(layout: &Layout) -> Result<Vec<&'static str>, InitError> {
    let missing = users()
        .into_iter()
        .map(|user| user.name)
        .filter(|name| !layout.nkey(name).exists());
    let missing = missing.collect::<Vec<_>>();
    missing.iter().try_for_each(|name| make(layout, name))?;
    Ok(missing)
}

/// Makes new seeds for all, when one is older than [`LIFE`]; `true` where it did. `nats.conf` must be written after it.
pub fn rotate_if_due(layout: &Layout, now: OffsetDateTime) -> Result<bool, InitError> {
    for user in users() {
        let path = layout.nkey(user.name);
        let written = fs::metadata(&path)
            .and_then(|file| file.modified())
            .map_err(failed(&path))?;
        if now - OffsetDateTime::from(written) >= LIFE {
            users()
                .iter()
                .try_for_each(|user| make(layout, user.name))?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// Each user with its public nkey, as it stands in `nats.conf`.
pub fn public(layout: &Layout) -> Result<Vec<(User, String)>, InitError> {
    let keyed = users().into_iter().map(|user| {
        let path = layout.nkey(user.name);
        let seed = fs::read_to_string(&path)
            .map(Zeroizing::new)
            .map_err(failed(&path))?;
        let pair =
            KeyPair::from_seed(seed.trim()).map_err(|source| InitError::Nkey { path, source })?;
        Ok((user, pair.public_key()))
    });
    keyed.collect()
}

fn make(layout: &Layout, name: &str) -> Result<(), InitError> {
    let path = layout.nkey(name);
    let mut octets = Zeroizing::new([0; 32]);
    aws_lc_rs::rand::fill(octets.as_mut()).map_err(|_| InitError::Random)?;
    let seed =
        KeyPair::new_from_raw(::nkeys::KeyPairType::User, *octets).and_then(|pair| pair.seed());
    let seed = seed.map(Zeroizing::new).map_err(|source| InitError::Nkey {
        path: path.clone(),
        source,
    })?;
    let written: io::Result<()> = files::write_private(&path, seed.as_bytes());
    written.map_err(failed(&path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_replaced_after_thirty_days_all_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::under(folder.path());
        fs::create_dir(layout.identity_dir()).unwrap();
        make_missing(&layout).unwrap();
        let first = public(&layout).unwrap();
        let now = runtime::Clock::system().now();
        assert!(!rotate_if_due(&layout, now + Duration::days(29)).unwrap());
        assert_eq!(public(&layout).unwrap(), first);
        assert!(rotate_if_due(&layout, now + Duration::days(31)).unwrap());
        let second = public(&layout).unwrap();
        assert!(
            first
                .iter()
                .zip(&second)
                .all(|((_, old), (_, new))| old != new)
        );
    }
}
