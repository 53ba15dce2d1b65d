//! Bearer tokens: what one is, and the first of them.
//!
//! A token is 256 random bits, written as `chancery_` and base64url. The one that `chancery init` makes
//! ([`Bootstrap`]) is in the data folder (0600) for the operator; the gateway
//! knows its SHA-256 alone, from a file that it looks at for each call. Removing that file ends
//! the token at once, in every gateway that reads it. All others are [API tokens](crate::bearers).

use std::{
    fmt, fs, io,
    os::unix::fs::MetadataExt as _,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use api::{CertificateFilter, options::v1::Role};
use aws_lc_rs::error::Unspecified;
use runtime::Layout;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::{
    code::{Code, CodeDigest, is_code},
    principal::{KeyExport, Principal, Who},
};

/// A bearer token. Secret: `Debug` prints the type's name only.
pub struct Token(SecretString);

/// SHA-256 of a token's text: what is stored, and what a presented token is compared by.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenDigest(CodeDigest);

/// Where `chancery init` leaves the digest of the token that it made, unless the configuration says otherwise.
pub fn digest_file(layout: &Layout) -> PathBuf {
    layout.identity_dir().join("gateway.bootstrap-token.sha256")
}

/// Why a token opens nothing.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Nobody holds it: it never was a token, or has ended.
    #[error("the token is not known, or has ended")]
    Unknown,
    /// The gateway cannot tell.
    #[error("cannot look for a token in the database")]
    Database(#[source] sea_orm::DbErr),
    /// Nor then.
    #[error("cannot read the token's digest at {path}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// The token that opens until the set-up is done.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    file: PathBuf,
    role: Role,
    /// What was read last. Clones share it.
    read: Arc<Mutex<Option<(Edition, TokenDigest)>>>,
}

/// What tells a file from the one that was there before: device, inode, length, and nanoseconds of its last change.
type Edition = (u64, u64, u64, i64, i64);

impl Token {
    /// A fresh token, of 256 random bits.
    pub fn generate() -> Result<Token, Unspecified> {
        let code = Code::generate()?;
        Ok(Token(format!("{PREFIX}{}", code.text()).into()))
    }

    /// What the holder presents. Secret.
    pub fn text(&self) -> &str {
        self.0.expose_secret()
    }

    /// What the gateway keeps.
    pub fn digest(&self) -> TokenDigest {
        TokenDigest::of(self.text())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

impl TokenDigest {
    /// Of a token's text.
    pub fn of(text: &str) -> TokenDigest {
        TokenDigest(CodeDigest::hash(text))
    }

    /// As it stands in the file: 64 hexadecimal digits, lower case.
    pub fn to_hex(&self) -> String {
        self.0.to_hex()
    }

    /// As a column has it.
    pub fn to_vec(self) -> Vec<u8> {
        self.0.to_vec()
    }

    fn from_hex(text: &str) -> Option<TokenDigest> {
        CodeDigest::from_hex(text.trim()).map(TokenDigest)
    }

    /// The actor that a token's calls are recorded under: the same for the token's whole life,
    /// and nothing that leads back to it.
    fn actor(&self) -> String {
        format!("token/{}", Uuid::new_v5(&NAMESPACE, self.0.octets()))
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest")
    }
}

impl Bootstrap {
    /// The token whose digest (64 hexadecimal digits, a final line end or none) is in `file`, with this role.
    pub fn in_file(file: PathBuf, role: Role) -> Bootstrap {
        Bootstrap {
            file,
            role,
            read: Arc::default(),
        }
    }

    /// Who holds the token that a caller presented.
    ///
    /// # Errors
    /// [`TokenError::Unknown`] where nobody does, [`TokenError::Unreadable`] where that cannot be told.
    pub fn holder(&self, presented: &str) -> Result<Principal, TokenError> {
        if !is_token(presented) {
            return Err(TokenError::Unknown);
        }
        let presented = TokenDigest::of(presented);
        let stored = self.stored()?;
        if !stored.0.is(&presented.0) {
            return Err(TokenError::Unknown);
        }
        Ok(self.principal(&stored))
    }

    /// Whether who was let in by a token still would be. Where that cannot be told, he is: it is asked
    /// again soon, and his next call is refused.
    pub fn still_hold(&self, principal: &Principal) -> bool {
        match self.stored() {
            Ok(stored) => self.principal(&stored) == *principal,
            Err(TokenError::Unknown) => false,
            Err(TokenError::Unreadable { .. } | TokenError::Database(_)) => true,
        }
    }

    /// The system knows by heart whether it is another file than before: no thread is woken for that, and nothing opened.
    fn stored(&self) -> Result<TokenDigest, TokenError> {
        let metadata = fs::metadata(&self.file).map_err(|e| self.not_read(e))?;
        let edition = (
            metadata.dev(),
            metadata.ino(),
            metadata.size(),
            metadata.ctime(),
            metadata.ctime_nsec(),
        );
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        match *read {
            Some((known, digest)) if known == edition => Ok(digest),
            _ => {
                let text = fs::read_to_string(&self.file).map_err(|e| self.not_read(e))?;
                let digest = TokenDigest::from_hex(&text);
                let digest = digest.ok_or_else(|| self.unreadable(not_a_digest()))?;
                // The clock of a file system ticks slowly: within one tick it may be written once more.
                let age = metadata
                    .modified()
                    .and_then(|at| at.elapsed().map_err(io::Error::other));
                *read = age.is_ok_and(|age| age > TICK).then_some((edition, digest));
                Ok(digest)
            }
        }
    }

    fn not_read(&self, error: io::Error) -> TokenError {
        match error.kind() {
            io::ErrorKind::NotFound => TokenError::Unknown,
            _ => self.unreadable(error),
        }
    }

    fn principal(&self, digest: &TokenDigest) -> Principal {
        Principal {
            actor: digest.actor(),
            name: "bootstrap token".into(),
            role: self.role,
            certificates: CertificateFilter::default(),
            key_export: KeyExport::Allowed,
            who: Who::Bootstrap,
            expires: None,
        }
    }

    fn unreadable(&self, source: io::Error) -> TokenError {
        TokenError::Unreadable {
            path: self.file.clone(),
            source,
        }
    }
}

fn not_a_digest() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "not 64 hexadecimal digits")
}

/// Whether a text has a token's form: nothing else is hashed.
pub fn is_token(text: &str) -> bool {
    text.strip_prefix(PREFIX).is_some_and(is_code)
}

/// Longer than a file system's clock stands still.
const TICK: Duration = Duration::from_secs(1);

/// What every token begins with, so that a scanner for leaked secrets knows one.
const PREFIX: &str = "chancery_";

/// The namespace of actors' ids (UUIDv5 of the digest).
const NAMESPACE: Uuid = Uuid::from_u128(0x6f5c_1f0e_3b0a_4d57_9f0b_7c1d_2e8a_4466);

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(content: Option<&str>) -> (tempfile::TempDir, Bootstrap) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("digest");
        if let Some(content) = content {
            std::fs::write(&file, content).unwrap();
        }
        (folder, Bootstrap::in_file(file, Role::Admin))
    }

    #[test]
    fn the_token_opens_as_long_as_its_digest_is_there() {
        let token = Token::generate().unwrap();
        let (_folder, tokens) = tokens(Some(&format!("{}\n", token.digest().to_hex())));
        let holder = tokens.holder(token.text()).unwrap();
        assert_eq!(holder.role, Role::Admin);
        assert!(Uuid::parse_str(holder.actor.strip_prefix("token/").unwrap()).is_ok());
        assert_eq!(tokens.holder(token.text()).unwrap(), holder);

        // It is read once, and then looked at.
        let long_ago = std::time::SystemTime::UNIX_EPOCH;
        let file = fs::File::options().write(true).open(&tokens.file).unwrap();
        file.set_modified(long_ago).unwrap();
        assert_eq!(tokens.holder(token.text()).unwrap(), holder);
        assert!(tokens.read.lock().unwrap().is_some());

        // Another one, of the same length.
        let other = Token::generate().unwrap();
        std::fs::write(&tokens.file, format!("{}\n", other.digest().to_hex())).unwrap();
        assert!(matches!(
            tokens.holder(token.text()),
            Err(TokenError::Unknown)
        ));
        tokens.holder(other.text()).unwrap();

        std::fs::remove_file(&tokens.file).unwrap();
        assert!(matches!(
            tokens.holder(other.text()),
            Err(TokenError::Unknown)
        ));
    }

    #[test]
    fn hostile_tokens_open_nothing() {
        let token = Token::generate().unwrap();
        let (_folder, tokens) = tokens(Some(&token.digest().to_hex()));
        let text = token.text();
        let mut flipped = text.to_owned().into_bytes();
        *flipped.last_mut().unwrap() = if text.ends_with('A') { b'B' } else { b'A' };
        let hostile = [
            String::new(),
            "chancery_".into(),
            text.to_uppercase(),
            text[..text.len() - 1].to_owned(),
            format!("{text}="),
            format!(" {text}"),
            format!("{text}\0"),
            text.replace("chancery_", ""),
            // The digest itself is not a token: who reads the file cannot call.
            token.digest().to_hex(),
            "chancery_".to_owned() + &"A".repeat(100_000),
            String::from_utf8(flipped).unwrap(),
            Token::generate().unwrap().text().to_owned(),
        ];
        for presented in hostile {
            let answer = tokens.holder(&presented);
            assert!(matches!(answer, Err(TokenError::Unknown)), "{presented:?}");
        }
    }

    #[test]
    fn a_damaged_digest_opens_nothing_and_says_so() {
        for damaged in ["", "zz", &"0".repeat(63), &"ä".repeat(32)] {
            let (_folder, tokens) = tokens(Some(damaged));
            let answer = tokens.holder(Token::generate().unwrap().text());
            assert!(
                matches!(answer, Err(TokenError::Unreadable { .. })),
                "{damaged:?}"
            );
        }
    }

    #[test]
    fn a_token_is_silent() {
        let token = Token::generate().unwrap();
        assert_eq!(
            format!("{token:?} {:?}", token.digest()),
            "Token TokenDigest"
        );
        assert!(is_token(token.text()));
    }
}
