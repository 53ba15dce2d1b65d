//! PKCS#12 (RFC 7292): a key, its certificate and the issuers, or certificates alone, under a passphrase.

mod mac;
mod triple_des;

use super::{Contents, ExportError, Octets, der, pbes2};
use crate::{Certificate, PrivateKey};

/// What a PKCS#12 file is encrypted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// AES-256 and SHA-256: for readers from about 2019 on.
    Modern,
    /// 3DES and SHA-1, for those before. Weak: the passphrase is all that protects it.
    Legacy,
}

/// A PKCS#12 file. The empty passphrase is allowed, and protects nothing.
///
/// With a key, the certificate is tied to it and has the friendly name. Without one, every certificate has a name of
/// its own and Java's mark of a trusted one, since Java shows no other.
///
/// # Errors
/// [`ExportError`] for contents that do not belong together, or where a cipher fails.
pub fn pkcs12(
    contents: Contents<'_>,
    passphrase: &str,
    encryption: Encryption,
) -> Result<Octets, ExportError> {
    contents.check()?;
    let lock = Lock::new(passphrase, encryption)?;
    let mut safes = Vec::new();
    let certificates = certificate_bags(&contents);
    if !certificates.is_empty() {
        let (algorithm, octets) = lock.encrypt(&safe_contents(&certificates))?;
        safes.push(encrypted_data(&algorithm, &octets));
    }
    if let Some(key) = contents.key {
        let (algorithm, octets) = lock.encrypt(key.pkcs8_der())?;
        let shrouded = der::sequence(&[&algorithm, &der::octet_string(&octets)]);
        let attributes = [friendly_name(contents.friendly_name), local_key_id(key)];
        let bag = bag(&SHROUDED_KEY_BAG, &shrouded, &attributes);
        safes.push(data(&safe_contents(&[bag])));
    }
    let safes = safes.iter().map(|safe| safe.as_slice()).collect::<Vec<_>>();
    let authenticated_safe = der::sequence(&safes);
    let mac = mac::data(&authenticated_safe, passphrase, encryption)?;
    Ok(der::sequence(&[
        &der::integer(3),
        &data(&authenticated_safe),
        &mac,
    ]))
}

/// What encrypts the parts of one file.
enum Lock<'a> {
    Modern(pbes2::Lock),
    Legacy(&'a str),
}

impl<'a> Lock<'a> {
    fn new(passphrase: &'a str, encryption: Encryption) -> Result<Self, ExportError> {
        match encryption {
            Encryption::Modern => pbes2::Lock::new(passphrase).map(Self::Modern),
            Encryption::Legacy => Ok(Self::Legacy(passphrase)),
        }
    }

    /// The AlgorithmIdentifier, and the encrypted octets.
    fn encrypt(&self, plain: &[u8]) -> Result<(Octets, Octets), ExportError> {
        match self {
            Self::Modern(lock) => lock.encrypt(plain).map(|e| (e.algorithm, e.octets)),
            Self::Legacy(passphrase) => triple_des::encrypt(plain, passphrase),
        }
    }
}

fn certificate_bags(contents: &Contents<'_>) -> Vec<Octets> {
    let mut bags = Vec::new();
    for (n, certificate) in contents.certificates().enumerate() {
        let is_leaf = n == 0 && contents.certificate.is_some();
        let attributes = match contents.key {
            Some(key) if is_leaf => vec![friendly_name(contents.friendly_name), local_key_id(key)],
            Some(_) => Vec::new(),
            None => {
                let name = trusted_name(contents.friendly_name, certificate, is_leaf, n);
                vec![friendly_name(&name), trusted()]
            }
        };
        let octets = der::octet_string(&certificate.der);
        let value = der::sequence(&[&der::oid(&X509_CERTIFICATE), &der::tagged(0, &[&octets])]);
        bags.push(bag(&CERT_BAG, &value, &attributes));
    }
    bags
}

/// Its name among trusted certificates, where each needs one of its own: that of the whole, then whose it is.
pub(super) fn trusted_name(
    friendly_name: &str,
    certificate: &Certificate,
    is_leaf: bool,
    place: usize,
) -> String {
    match (is_leaf, certificate.common_name.as_str()) {
        (true, _) => friendly_name.to_owned(),
        (false, "") => format!("{friendly_name} issuer {place}"),
        (false, name) => format!("{friendly_name} issuer {place}: {name}"),
    }
}

fn safe_contents(bags: &[Octets]) -> Octets {
    der::sequence(&bags.iter().map(|bag| bag.as_slice()).collect::<Vec<_>>())
}

fn bag(kind: &[u32], value: &[u8], attributes: &[Octets]) -> Octets {
    let kind = der::oid(kind);
    let value = der::tagged(0, &[value]);
    // An empty set is left out.
    match attributes {
        [] => der::sequence(&[&kind, &value]),
        attributes => der::sequence(&[&kind, &value, &der::set_of(attributes)]),
    }
}

fn friendly_name(name: &str) -> Octets {
    attribute(&FRIENDLY_NAME, der::bmp_string(name))
}

/// What ties a key to its certificate: any octets, the same in both places.
fn local_key_id(key: &PrivateKey) -> Octets {
    let id = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, key.spki_der());
    attribute(&LOCAL_KEY_ID, der::octet_string(id.as_ref()))
}

fn trusted() -> Octets {
    attribute(&TRUSTED_KEY_USAGE, der::oid(&ANY_EXTENDED_KEY_USAGE))
}

fn attribute(kind: &[u32], value: Octets) -> Octets {
    der::sequence(&[&der::oid(kind), &der::set_of(&[value])])
}

/// ContentInfo of octets as they are.
fn data(octets: &[u8]) -> Octets {
    let octets = der::octet_string(octets);
    der::sequence(&[&der::oid(&DATA), &der::tagged(0, &[&octets])])
}

/// ContentInfo of encrypted octets (RFC 2315, section 13).
fn encrypted_data(algorithm: &[u8], octets: &[u8]) -> Octets {
    // [0] IMPLICIT OCTET STRING.
    let octets = der::value(0x80, &[octets]);
    let content = der::sequence(&[&der::oid(&DATA), algorithm, &octets]);
    let encrypted_data = der::sequence(&[&der::integer(0), &content]);
    der::sequence(&[
        &der::oid(&ENCRYPTED_DATA),
        &der::tagged(0, &[&encrypted_data]),
    ])
}

const DATA: [u32; 7] = [1, 2, 840, 113_549, 1, 7, 1];
const ENCRYPTED_DATA: [u32; 7] = [1, 2, 840, 113_549, 1, 7, 6];
const SHROUDED_KEY_BAG: [u32; 9] = [1, 2, 840, 113_549, 1, 12, 10, 1, 2];
const CERT_BAG: [u32; 9] = [1, 2, 840, 113_549, 1, 12, 10, 1, 3];
const X509_CERTIFICATE: [u32; 8] = [1, 2, 840, 113_549, 1, 9, 22, 1];
const FRIENDLY_NAME: [u32; 7] = [1, 2, 840, 113_549, 1, 9, 20];
const LOCAL_KEY_ID: [u32; 7] = [1, 2, 840, 113_549, 1, 9, 21];
/// Oracle's: without it, Java takes no certificate for a trusted one.
const TRUSTED_KEY_USAGE: [u32; 8] = [2, 16, 840, 1, 113_894, 746_875, 1, 1];
const ANY_EXTENDED_KEY_USAGE: [u32; 5] = [2, 5, 29, 37, 0];
