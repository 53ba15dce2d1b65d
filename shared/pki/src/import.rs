//! Files that others wrote: certificates and private keys, in whatever form.
//!
//! A file goes from [`read`] to the reader of its form, and each certificate and key that is found there into
//! one `Reading`, which counts them and the work that is left. What a stranger may send is bounded: the file's
//! size, what is in it, how deep it is nested, and the work that its passphrase asks for.

mod ber;
mod der;
mod derivation;
mod encryption;
mod error;
mod jks;
mod mac;
mod pem;
mod pkcs12;
mod pkcs7;
mod private_key;
mod reading;
mod work;

use base64::Engine as _;
use zeroize::Zeroizing;

pub use error::ImportError;
use reading::Reading;

use crate::{Certificate, PrivateKey};

/// The longest file that is read: 1 MiB.
pub const MAX_FILE_OCTETS: usize = 1024 * 1024;

/// The most certificates that one file may hold: the roots of a system are 150.
pub const MAX_CERTIFICATES: usize = 1_000;

/// The most private keys that one file may hold.
pub const MAX_KEYS: usize = 100;

/// Everything that one file holds.
#[derive(Debug)]
pub struct Contents {
    /// What the file is, for people: "PEM", "PKCS#12", "JKS".
    pub format: String,
    /// Each once, in the order of the file.
    pub certificates: Vec<Certificate>,
    /// Each once, in the order of the file.
    pub keys: Vec<PrivateKey>,
}

/// Reads a file of any known form, all of it or nothing. The passphrase is `None` where none was given, and the
/// empty one is one, too. A file that needs none is read with any.
///
/// It is computing, a tenth of a second at most where the passphrase does not open the file, and half a second where
/// it opens lock after lock: call it off the async threads.
///
/// # Errors
/// [`ImportError`], which says what to do.
pub fn read(file: &[u8], passphrase: Option<&str>) -> Result<Contents, ImportError> {
    if file.len() > MAX_FILE_OCTETS {
        return Err(ImportError::TooLarge);
    }
    if passphrase.is_some_and(|passphrase| passphrase.len() > MAX_PASSPHRASE_OCTETS) {
        return Err(ImportError::PassphraseTooLong);
    }
    if file.trim_ascii().is_empty() {
        return Err(ImportError::Empty);
    }
    let mut reading = Reading::new(passphrase);
    let format = read_any(file, &mut reading)?;
    reading.finish(format)
}

fn read_any(file: &[u8], reading: &mut Reading<'_>) -> Result<&'static str, ImportError> {
    if jks::is_jks(file) {
        jks::read(file, reading)?;
        return Ok("JKS");
    }
    if jks::is_jceks(file) {
        return Err(ImportError::UnsupportedFormat {
            format: "a JCEKS key store",
            advice: "convert it with: keytool -importkeystore -deststoretype PKCS12",
        });
    }
    // Text may begin with "0", as a SEQUENCE does: it goes on otherwise.
    if der::shape(file).is_some() {
        return der::read(file, reading);
    }
    let text = utf8(file);
    let text = text.as_ref().map_or(file, |text| text.as_bytes());
    if pem::is_pem(text) {
        pem::read(text, reading)?;
        return Ok("PEM");
    }
    match base64_der(text) {
        Some(der) => der::read(&der, reading),
        // Says that it is cut off, where it begins as DER does.
        None if file.starts_with(&[0x30, 0x80]) || file.starts_with(&[0x30, 0x82]) => {
            der::read(file, reading)
        }
        None => Err(ImportError::NotRecognised),
    }
}

/// UTF-16 with its byte order mark, as Windows' shell redirects output, in UTF-8.
fn utf8(file: &[u8]) -> Option<Zeroizing<String>> {
    let unit: fn([u8; 2]) -> u16 = match file {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return None,
    };
    let (pairs, _) = file[2..].as_chunks::<2>();
    let units = pairs.iter().map(|&pair| unit(pair));
    // Sized beforehand, so that a key leaves no half copies behind as the text grows.
    let mut text = Zeroizing::new(String::with_capacity(2 * file.len()));
    text.extend(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
    Some(text)
}

/// DER as base64 without the lines of PEM around it.
fn base64_der(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut base64 = Zeroizing::new(Vec::with_capacity(text.len()));
    base64.extend(text.iter().filter(|octet| !octet.is_ascii_whitespace()));
    let der = pem::LENIENT.decode(&*base64).map(Zeroizing::new).ok()?;
    der::shape(&der).is_some().then_some(der)
}

/// Longer than any that is typed; each octet of it is hashed anew for some forms.
const MAX_PASSPHRASE_OCTETS: usize = 1_024;
