//! The set-up code: with its link the first person makes himself the first administrator.
//!
//! `chancery init` makes it: 256 random bits, of which the gateway knows the SHA-256 alone, from a file that it
//! reads when somebody comes with a link. Once one was used, that file and the bootstrap token's are removed by every
//! gateway; what opens nothing any more is so in the database, should a file stay.

use std::{
    io,
    path::{Path, PathBuf},
};

use aws_lc_rs::error::Unspecified;
use runtime::{Clock, Layout};
use time::{Duration, OffsetDateTime};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::code::{Code, CodeDigest};

/// A set-up code that was made just now.
#[derive(Debug)]
pub struct SetUpCode {
    code: Code,
    until: OffsetDateTime,
}

/// What a gateway knows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its digest.
    pub digest: CodeDigest,
    /// When it ends.
    pub until: OffsetDateTime,
}

/// Where `chancery init` leaves what gateways know of the code.
pub fn digest_file(layout: &Layout) -> PathBuf {
    layout.identity_dir().join("gateway.set-up-code.sha256")
}

/// The path of a link with this code, to be put behind the gateway's address.
pub fn link_path(code: &str) -> String {
    format!("/link?code={code}")
}

impl SetUpCode {
    /// A fresh one, good for 24 hours.
    ///
    /// # Errors
    /// When the machine gives no random numbers.
    pub fn generate(now: OffsetDateTime) -> Result<SetUpCode, Unspecified> {
        Ok(SetUpCode {
            code: Code::generate()?,
            until: now + LINK_LIFE,
        })
    }

    /// What stands in the link. Secret.
    pub fn text(&self) -> &str {
        self.code.text()
    }

    /// What stands in the file that gateways read.
    pub fn file_text(&self) -> String {
        let digest = self.code.digest().to_hex();
        format!("{digest} {}\n", self.until.unix_timestamp())
    }
}

impl Known {
    /// What the file says; `None` where there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(file: &Path) -> io::Result<Option<Known>> {
        match std::fs::read_to_string(file) {
            Ok(text) => {
                let damaged =
                    || io::Error::new(io::ErrorKind::InvalidData, "not a digest and a time");
                Known::parse(&text).map(Some).ok_or_else(damaged)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn parse(text: &str) -> Option<Known> {
        let (digest, until) = text.trim().split_once(' ')?;
        Some(Known {
            digest: CodeDigest::from_hex(digest)?,
            until: OffsetDateTime::from_unix_timestamp(until.parse().ok()?).ok()?,
        })
    }
}

/// Waits until the set-up is done, and removes what opened the door until then. What cannot be removed is said,
/// and tried again.
pub async fn retire(
    mut done: watch::Receiver<bool>,
    files: Vec<PathBuf>,
    clock: Clock,
    stopping: CancellationToken,
) {
    let work = async {
        if done.wait_for(|done| *done).await.is_err() {
            return;
        }
        let mut left = files;
        loop {
            left.retain(|file| match std::fs::remove_file(file) {
                Ok(()) => {
                    info!(file = %file.display(), "set-up is done: removed");
                    false
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => false,
                Err(error) => {
                    warn!(file = %file.display(), %error, "set-up is done, and this file is still there: it opens nothing, remove it");
                    true
                }
            });
            if left.is_empty() {
                return;
            }
            clock.sleep(AGAIN).await;
        }
    };
    stopping.run_until_cancelled(work).await;
}

/// How long a link is good.
pub const LINK_LIFE: Duration = Duration::hours(24);

const AGAIN: std::time::Duration = std::time::Duration::from_secs(3_600);

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_gateway_reads_what_init_wrote_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("code");
        assert_eq!(Known::read(&file).unwrap(), None);
        let code = SetUpCode::generate(datetime!(2026-01-01 11:00 UTC)).unwrap();
        std::fs::write(&file, code.file_text()).unwrap();
        let known = Known::read(&file).unwrap().unwrap();
        assert_eq!(CodeDigest::of(code.text()), Some(known.digest));
        assert_eq!(known.until, datetime!(2026-01-02 11:00 UTC));
        assert!(!code.file_text().contains(code.text()));
        for damaged in [
            "",
            "zz 1",
            &"0".repeat(64),
            &format!("{} x", "0".repeat(64)),
        ] {
            std::fs::write(&file, damaged).unwrap();
            assert!(Known::read(&file).is_err(), "{damaged:?}");
        }
    }
}
