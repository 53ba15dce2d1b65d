//! What is given out, as a file. Pure, and work for a thread of its own.

use pki::{
    Certificate, PrivateKey,
    export::{self, Archive, Contents, Encryption, ExportError, Octets, Part, Protection},
};
use time::OffsetDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Export, ExportKey, Format};

/// One certificate, or what is asked for of it.
pub(super) struct Item {
    pub friendly_name: String,
    pub version: u32,
    pub certificate: Option<Certificate>,
    pub issuers: Vec<Certificate>,
    pub key: Option<(Uuid, PrivateKey)>,
}

/// What events say of an item.
pub(super) struct Names {
    pub version: u32,
    pub key_id: Option<Uuid>,
}

impl Item {
    pub(super) fn names(&self) -> Names {
        Names {
            version: self.version,
            key_id: self.key.as_ref().map(|(id, _)| *id),
        }
    }

    fn contents(&self) -> Contents<'_> {
        Contents {
            friendly_name: &self.friendly_name,
            certificate: self.certificate.as_ref(),
            issuers: &self.issuers,
            key: self.key.as_ref().map(|(_, key)| key),
        }
    }
}

/// A file.
pub(super) struct File {
    pub name: String,
    pub media_type: &'static str,
    pub content: Octets,
}

/// All items as one file.
///
/// # Errors
/// [`ExportError`] for the first item that cannot be written in this form.
pub(super) fn encode(
    items: &[Item],
    export: &Export,
    now: OffsetDateTime,
) -> Result<File, ExportError> {
    let [first, rest @ ..] = items else {
        return Err(ExportError::Nothing);
    };
    let stem = match rest {
        [] => &*first.friendly_name,
        _ => SEVERAL,
    };
    if matches!(export.format, Format::Pkcs7 | Format::Pkcs7Pem) {
        return pkcs7(items, stem, export.format);
    }
    if let (Format::Pem, true) = (export.format, export.one_file) {
        let mut content = Vec::new();
        let with_key = items.iter().any(|item| item.key.is_some());
        for item in items {
            content.push(export::pem(
                item.contents(),
                protection(&export.passphrase),
            )?);
        }
        return Ok(File {
            name: export::file_name(stem, "pem"),
            media_type: if with_key { PEM } else { PEM_CHAIN },
            content: concat(&content),
        });
    }
    let mut archive = Archive::default();
    for item in items {
        let mut parts = parts(item, export, now)?;
        // One thing needs nothing around it.
        if let ([], [_]) = (rest, parts.as_slice()) {
            let part = parts.remove(0);
            return Ok(File {
                name: export::file_name(stem, &part.suffix),
                media_type: match (export.format, &first.key) {
                    (Format::Pem, None) => PEM_CHAIN,
                    (format, _) => media_type(format),
                },
                content: part.content,
            });
        }
        archive.add(&item.friendly_name, parts);
    }
    Ok(File {
        name: export::file_name(stem, "zip"),
        media_type: "application/zip",
        content: archive.finish(now)?,
    })
}

/// One key alone.
///
/// # Errors
/// [`ExportError`].
pub(super) fn encode_key(key: &PrivateKey, export: &ExportKey) -> Result<File, ExportError> {
    let protection = protection(&export.passphrase);
    // A key has no name of its own: what tells it from others is its public half.
    let spki = key.spki_sha256();
    let stem = format!("{}-{}", key.algorithm(), spki.get(..16).unwrap_or(&spki));
    if export.pem {
        return Ok(File {
            name: export::file_name(&stem, "key.pem"),
            media_type: PEM,
            content: export::key_pem(key, protection)?,
        });
    }
    let encrypted = export.passphrase.is_some();
    Ok(File {
        name: export::file_name(&stem, "key.p8"),
        // RFC 5958, section 7, and RFC 8351.
        media_type: match encrypted {
            true => "application/pkcs8-encrypted",
            false => "application/pkcs8",
        },
        content: export::key_der(key, protection)?,
    })
}

fn parts(item: &Item, export: &Export, now: OffsetDateTime) -> Result<Vec<Part>, ExportError> {
    let contents = item.contents();
    let passphrase = export.passphrase.as_ref().map_or("", |text| text.as_str());
    let one = |suffix: &str, content| {
        vec![Part {
            suffix: suffix.to_owned(),
            content,
        }]
    };
    match export.format {
        Format::Pem => export::pem_parts(contents, protection(&export.passphrase)),
        Format::Der => export::der_parts(contents, protection(&export.passphrase)),
        Format::Pkcs12 => {
            let encryption = match export.legacy_encryption {
                true => Encryption::Legacy,
                false => Encryption::Modern,
            };
            export::pkcs12(contents, passphrase, encryption).map(|content| one("p12", content))
        }
        Format::Jks => export::jks(contents, passphrase, now).map(|content| one("jks", content)),
        Format::Pkcs7 | Format::Pkcs7Pem => Err(ExportError::Nothing),
    }
}

fn pkcs7(items: &[Item], stem: &str, format: Format) -> Result<File, ExportError> {
    let certificates = || {
        let all = items.iter().map(|item| (&item.certificate, &item.issuers));
        all.flat_map(|(leaf, issuers)| leaf.iter().chain(issuers))
    };
    if certificates().next().is_none() {
        return Err(ExportError::Nothing);
    }
    let (suffix, content) = match format {
        Format::Pkcs7Pem => ("p7b.pem", export::pkcs7_pem(certificates())?.into_bytes()),
        _ => ("p7b", export::pkcs7_der(certificates())?),
    };
    Ok(File {
        name: export::file_name(stem, suffix),
        media_type: media_type(format),
        content: Zeroizing::new(content),
    })
}

fn protection(passphrase: &Option<Zeroizing<String>>) -> Protection<'_> {
    match passphrase {
        Some(passphrase) => Protection::Passphrase(passphrase),
        None => Protection::Unprotected,
    }
}

fn media_type(format: Format) -> &'static str {
    match format {
        Format::Pem => PEM,
        Format::Der => "application/octet-stream",
        Format::Pkcs12 => "application/pkcs12",
        Format::Jks => "application/x-java-keystore",
        Format::Pkcs7 => "application/pkcs7-mime",
        Format::Pkcs7Pem => PEM,
    }
}

/// In one buffer of the right size, so that no half copies of keys stay behind.
fn concat(parts: &[Octets]) -> Octets {
    let mut all = Zeroizing::new(Vec::with_capacity(parts.iter().map(|p| p.len()).sum()));
    for part in parts {
        all.extend_from_slice(part);
    }
    all
}

/// Certificates and nothing else (RFC 8555, section 9.1).
const PEM_CHAIN: &str = "application/pem-certificate-chain";

/// PEM of any other kind has no registered type; this is what it is called.
const PEM: &str = "application/x-pem-file";

const SEVERAL: &str = "certificates";
