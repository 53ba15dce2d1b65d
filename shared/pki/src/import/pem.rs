//! PEM (RFC 7468, and RFC 1421 for encrypted keys): blocks between lines that name them, and other text, which is
//! passed over. Our own reader, so that a block is told by its number and a key's octets are wiped.

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use zeroize::Zeroizing;

use super::{
    ImportError, Reading, ber::Values, derivation, encryption::Cipher, pkcs7, pkcs12, private_key,
};

/// Whether there is a line that begins a block.
pub(super) fn is_pem(text: &[u8]) -> bool {
    lines(text).any(|line| label_of(line, BEGIN).is_some())
}

/// Reads all blocks that hold certificates or keys.
pub(super) fn read(text: &[u8], reading: &mut Reading<'_>) -> Result<(), ImportError> {
    let mut lines = lines(text);
    let mut number = 0;
    while let Some(line) = lines.next() {
        if let Some(label) = label_of(line, BEGIN) {
            number += 1;
            let label = printable(label);
            let what = format!("PEM block {number} ({label})");
            // What is passed over need not even be base64.
            let block = Block::collect(&label, &what, &mut lines)?;
            block.read(&label, &what, reading)?;
        }
    }
    Ok(())
}

/// What stands between the two lines.
struct Block {
    /// The value of DEK-Info (RFC 1421, section 4.6.1.3): the cipher and its initial vector.
    encryption: Option<String>,
    /// Without white space.
    base64: Zeroizing<Vec<u8>>,
}

impl Block {
    fn collect<'a>(
        label: &str,
        what: &str,
        lines: &mut impl Iterator<Item = &'a [u8]>,
    ) -> Result<Self, ImportError> {
        let mut encryption = None;
        let mut pieces = Vec::new();
        for line in lines {
            if let Some(end) = label_of(line, END) {
                if printable(end) != label {
                    break;
                }
                let mut base64 = Zeroizing::new(Vec::with_capacity(
                    pieces.iter().map(|piece: &&[u8]| piece.len()).sum(),
                ));
                let octets = pieces.iter().copied().flatten();
                base64.extend(octets.filter(|octet| !octet.is_ascii_whitespace()));
                return Ok(Self { encryption, base64 });
            }
            match line.iter().position(|&octet| octet == b':') {
                Some(colon) if &line[..colon] == b"DEK-Info" => {
                    encryption = Some(printable(line[colon + 1..].trim_ascii()));
                }
                // Other headers; base64 has no colon.
                Some(_) => {}
                None => pieces.push(line),
            }
        }
        Err(ImportError::damaged(format!("{what}, which has no end,")))
    }

    fn read(self, label: &str, what: &str, reading: &mut Reading<'_>) -> Result<(), ImportError> {
        match label {
            "CERTIFICATE" | "X509 CERTIFICATE" => reading.certificate(&self.octets(what)?, what),
            "TRUSTED CERTIFICATE" => {
                let octets = self.octets(what)?;
                // What openssl thinks that it is good for follows.
                let certificate = Values::of(&octets).whole();
                reading.certificate(certificate.unwrap_or(&octets), what)
            }
            "PKCS7" | "CMS" | "PKCS #7 SIGNED DATA" => {
                pkcs7::read(&self.octets(what)?, what, reading)
            }
            "PKCS12" => pkcs12::read(&self.octets(what)?, what, reading),
            "OPENSSH PRIVATE KEY" => Err(ImportError::UnsupportedFormat {
                format: "an OpenSSH private key",
                advice: "convert it with: ssh-keygen -p -m PKCS8",
            }),
            "DSA PRIVATE KEY" => Err(ImportError::UnsupportedKey {
                what: "a DSA key".to_owned(),
            }),
            label if label.ends_with("PRIVATE KEY") => self.private_key(what, reading),
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => {
                reading.pass_over("a certificate request");
                Ok(())
            }
            "X509 CRL" => {
                reading.pass_over("a certificate revocation list");
                Ok(())
            }
            "PUBLIC KEY" | "RSA PUBLIC KEY" => {
                reading.pass_over("a public key");
                Ok(())
            }
            "DH PARAMETERS" | "X9.42 DH PARAMETERS" | "EC PARAMETERS" | "DSA PARAMETERS" => {
                reading.pass_over("parameters for keys");
                Ok(())
            }
            _ => {
                reading.pass_over("blocks of other kinds");
                Ok(())
            }
        }
    }

    fn private_key(self, what: &str, reading: &mut Reading<'_>) -> Result<(), ImportError> {
        let octets = self.octets(what)?;
        let Some(encryption) = self.encryption else {
            return private_key::read(&octets, what, reading);
        };
        let clear = decrypt(&encryption, &octets, what, reading)?;
        private_key::read(&clear, what, reading)
    }

    fn octets(&self, what: &str) -> Result<Zeroizing<Vec<u8>>, ImportError> {
        let octets = LENIENT.decode(&*self.base64).map(Zeroizing::new);
        octets.map_err(|_| ImportError::damaged(what))
    }
}

/// Decrypts as openssl encrypts keys that are not PKCS#8: DEK-Info names the cipher and the initial vector.
fn decrypt(
    encryption: &str,
    ciphertext: &[u8],
    what: &str,
    reading: &mut Reading<'_>,
) -> Result<Zeroizing<Vec<u8>>, ImportError> {
    let (name, initial_vector) = encryption.split_once(',').unwrap_or((encryption, ""));
    let cipher = match name {
        "AES-128-CBC" => Cipher::Aes128,
        "AES-192-CBC" => Cipher::Aes192,
        "AES-256-CBC" => Cipher::Aes256,
        "DES-CBC" => Cipher::Des,
        "DES-EDE3-CBC" => Cipher::TripleDes,
        other => {
            let what = other.to_owned();
            return Err(ImportError::UnsupportedEncryption { what });
        }
    };
    let initial_vector = octets_of_hex(initial_vector.trim());
    let initial_vector = initial_vector.ok_or_else(|| ImportError::damaged(what))?;
    let salt = initial_vector.get(..8);
    let salt = salt.ok_or_else(|| ImportError::damaged(what))?;
    let passphrase = reading.passphrase.ok_or(ImportError::PassphraseNeeded)?;
    reading.work.spend(ciphertext.len() as u64, || {
        let what = "a long private key".to_owned();
        ImportError::TooMuchWork { what }
    })?;
    let key = derivation::pem(passphrase.as_bytes(), salt, cipher.key_octets());
    let clear = cipher.decrypt(&key, &initial_vector, ciphertext);
    clear
        .filter(|clear| super::ber::is_one_sequence(clear))
        .ok_or(ImportError::WrongPassphrase)
}

/// Lines of any ending, without white space around them; a byte order mark in front is dropped.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    text.split(|&octet| octet == b'\n' || octet == b'\r')
        .map(<[u8]>::trim_ascii)
}

fn label_of<'a>(line: &'a [u8], begin_or_end: &[u8]) -> Option<&'a [u8]> {
    line.strip_prefix(begin_or_end)?.strip_suffix(b"-----")
}

/// A label or header, fit for an error text.
fn printable(octets: &[u8]) -> String {
    let octets = octets.iter().take(80);
    octets
        .map(|&octet| match octet {
            b' '..=b'~' => char::from(octet),
            _ => '?',
        })
        .collect()
}

fn octets_of_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |octet: u8| char::from(octet).to_digit(16);
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match *pair {
            [high, low] => u8::try_from(digit(high)? << 4 | digit(low)?).ok(),
            _ => None,
        })
        .collect()
}

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";

/// Takes what openssl takes: the `=` at the end may be missing.
pub(super) const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);
