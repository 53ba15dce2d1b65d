//! Why a file was not taken.

/// Why nothing was read from a file. Each sentence is for people, and says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// No octets, or white space alone.
    #[error("the file is empty")]
    Empty,
    /// Longer than [`MAX_FILE_OCTETS`](super::MAX_FILE_OCTETS).
    #[error("the file is too large: at most 1 MiB is read; split it")]
    TooLarge,
    /// No form that is read here.
    #[error(
        "this is no file of certificates or private keys that can be read; give PEM, DER, PKCS#7, PKCS#12, PKCS#8, PKCS#1, SEC1 or JKS"
    )]
    NotRecognised,
    /// A form that is known, and that is not read.
    #[error("{format} is not read; {advice}")]
    UnsupportedFormat {
        /// What the file is.
        format: &'static str,
        /// How to get a file that is read.
        advice: &'static str,
    },
    /// The file can be read, and has neither a certificate nor a private key.
    #[error("there is no certificate and no private key in this file, only {what}")]
    NothingInIt {
        /// What it has instead: "a certificate request".
        what: String,
    },
    /// Something in the file is encrypted, and no passphrase was given.
    #[error("the file is protected: give its passphrase")]
    PassphraseNeeded,
    /// The passphrase does not open the file.
    #[error("the passphrase does not open this file: check it (a damaged file looks the same)")]
    WrongPassphrase,
    /// The passphrase opens the file, and not a key in it.
    #[error(
        "the passphrase opens this file, but a private key in it has a passphrase of its own: give the key the file's passphrase first (for Java: keytool -keypasswd)"
    )]
    KeyHasOwnPassphrase,
    /// Longer than any passphrase that is typed.
    #[error("the passphrase is too long: at most 1,024 octets are taken")]
    PassphraseTooLong,
    /// Something in the file is not what it says it is.
    #[error("{what} is damaged: get the file again from where it was made")]
    Damaged {
        /// Which part: "PEM block 2 (CERTIFICATE)".
        what: String,
    },
    /// Octets follow the end of what the file says it is.
    #[error("something follows the end of {what}: get the file again from where it was made")]
    TrailingData {
        /// What ended.
        what: String,
    },
    /// A private key of an algorithm or size that is not used here.
    #[error(
        "{what} is not supported: keys are RSA (2048, 3072 or 4096 bits), ECDSA (P-256, P-384 or P-521) or Ed25519"
    )]
    UnsupportedKey {
        /// What it is: "an RSA key of 1024 bits".
        what: String,
    },
    /// The file is encrypted in a way that is not read.
    #[error(
        "the file is encrypted with {what}, which is not read: save it again with AES-256-CBC and PBKDF2 (HMAC-SHA-256)"
    )]
    UnsupportedEncryption {
        /// The scheme.
        what: String,
    },
    /// More than [`MAX_CERTIFICATES`](super::MAX_CERTIFICATES), or more than can be checked at one go.
    #[error("there are too many certificates in this file: split it")]
    TooManyCertificates,
    /// Longer than any certificate that is in use.
    #[error(
        "a certificate in this file is too large: at most 64 KiB are read; ask its issuer for a smaller one"
    )]
    CertificateTooLarge,
    /// More than [`MAX_KEYS`](super::MAX_KEYS), or more than can be checked at one go.
    #[error("there are too many private keys in this file: split it")]
    TooManyKeys,
    /// To open it would take longer than any file may.
    #[error(
        "opening this file takes too much work ({what}): save it again with at most 600,000 iterations of PBKDF2 (HMAC-SHA-256)"
    )]
    TooMuchWork {
        /// What asks for it: "PBKDF2 with 10000000 iterations".
        what: String,
    },
}

impl ImportError {
    /// The name that programs match on; it stays.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Empty => "FILE_EMPTY",
            Self::TooLarge => "FILE_TOO_LARGE",
            Self::NotRecognised => "FILE_NOT_RECOGNISED",
            Self::UnsupportedFormat { .. } => "FORMAT_UNSUPPORTED",
            Self::NothingInIt { .. } => "NOTHING_TO_IMPORT",
            Self::PassphraseNeeded => "PASSPHRASE_NEEDED",
            Self::WrongPassphrase => "PASSPHRASE_WRONG",
            Self::KeyHasOwnPassphrase => "KEY_HAS_OWN_PASSPHRASE",
            Self::PassphraseTooLong => "PASSPHRASE_TOO_LONG",
            Self::Damaged { .. } => "FILE_DAMAGED",
            Self::TrailingData { .. } => "TRAILING_DATA",
            Self::UnsupportedKey { .. } => "KEY_UNSUPPORTED",
            Self::UnsupportedEncryption { .. } => "ENCRYPTION_UNSUPPORTED",
            Self::TooManyCertificates => "TOO_MANY_CERTIFICATES",
            Self::CertificateTooLarge => "CERTIFICATE_TOO_LARGE",
            Self::TooManyKeys => "TOO_MANY_KEYS",
            Self::TooMuchWork { .. } => "TOO_MUCH_WORK",
        }
    }

    /// Whether the same file may be read once a (better) passphrase is given.
    pub fn needs_passphrase(&self) -> bool {
        matches!(self, Self::PassphraseNeeded | Self::WrongPassphrase)
    }

    pub(super) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged { what: what.into() }
    }
}
