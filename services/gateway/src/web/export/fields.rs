//! What is chosen in the form, and what the API is asked for with it.

use api::keystore::v1::{ExportFormat, ExportItem, ExportRequest};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::super::refused::{Refused, Wrongs};

/// The form, as it was filled in.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Choices {
    /// Which certificates, by id.
    pub select: Vec<String>,
    /// "each", or "pkcs7": all in one file.
    pub how: String,
    /// The form of each.
    pub format: String,
    /// Of which the certificate goes out.
    pub certificate: Vec<String>,
    /// Of which the chain.
    pub chain: Vec<String>,
    /// Of which the private key.
    pub key: Vec<String>,
    passphrase: SecretString,
    again: SecretString,
    /// The word that lets keys leave without a passphrase.
    pub unprotected: String,
    /// His own password.
    pub password: SecretString,
}

/// A form that files have.
pub struct Form {
    /// As the form sends it.
    pub value: &'static str,
    /// What people call it.
    pub word: &'static str,
    /// It is offered for a single certificate alone.
    pub only_one: bool,
    format: ExportFormat,
    one_file: bool,
    legacy: bool,
}

/// All of them, the usual one first.
pub const FORMATS: [Form; 7] = [
    form("pem", "PEM, a file for each part", ExportFormat::Pem),
    Form {
        one_file: true,
        ..form("pem-one", "PEM, all in one file", ExportFormat::Pem)
    },
    form("p12", "PKCS#12 (.p12)", ExportFormat::Pkcs12),
    Form {
        legacy: true,
        ..form(
            "p12-legacy",
            "PKCS#12 for old readers (3DES, SHA-1)",
            ExportFormat::Pkcs12,
        )
    },
    form("jks", "Java KeyStore (.jks)", ExportFormat::Jks),
    form("der", "DER", ExportFormat::Der),
    Form {
        only_one: true,
        ..form(
            "p7b",
            "PKCS#7 (.p7b), certificates only",
            ExportFormat::Pkcs7,
        )
    },
];

const fn form(value: &'static str, word: &'static str, format: ExportFormat) -> Form {
    Form {
        value,
        word,
        only_one: false,
        format,
        one_file: false,
        legacy: false,
    }
}

impl Choices {
    /// What most people want of these: certificates with their chains.
    pub fn usual(select: Vec<String>) -> Choices {
        Choices {
            certificate: select.clone(),
            chain: select.clone(),
            select,
            how: "each".into(),
            format: FORMATS[0].value.into(),
            ..Choices::default()
        }
    }

    /// Whether all goes into one file of certificates.
    pub fn together(&self) -> bool {
        self.how == "pkcs7"
    }

    /// As the API is asked.
    pub fn request(&self) -> ExportRequest {
        if self.together() {
            let items = self.select.iter().map(|id| ExportItem {
                certificate_id: id.clone(),
                certificate: true,
                ..ExportItem::default()
            });
            return ExportRequest {
                items: items.collect(),
                format: ExportFormat::Pkcs7.into(),
                ..ExportRequest::default()
            };
        }
        let items = self.select.iter().map(|id| ExportItem {
            certificate_id: id.clone(),
            version: 0,
            certificate: self.certificate.contains(id),
            chain: self.chain.contains(id),
            private_key: self.key.contains(id),
        });
        let format = FORMATS.iter().find(|format| format.value == self.format);
        let (passphrase, unprotected) = protection(&self.passphrase, &self.unprotected);
        ExportRequest {
            items: items.collect(),
            format: format
                .map_or(ExportFormat::Unspecified, |format| format.format)
                .into(),
            one_file: format.is_some_and(|format| format.one_file),
            legacy_encryption: format.is_some_and(|format| format.legacy),
            passphrase,
            unprotected,
        }
    }

    /// What the page itself sees wrong.
    pub fn wrongs(&self, keys: bool) -> Wrongs {
        let mut wrongs = Wrongs::default();
        if !self.together() {
            check(
                (&self.passphrase, &self.again),
                &self.unprotected,
                keys,
                &mut wrongs,
            );
        }
        wrongs
    }

    /// What the API refused, beside the fields.
    pub fn refused(&self, refused: Refused) -> Wrongs {
        refused_at(refused)
    }
}

/// The passphrase, and whether keys may leave without one.
pub fn protection(passphrase: &SecretString, unprotected: &str) -> (String, bool) {
    let word = unprotected.trim().eq_ignore_ascii_case(UNPROTECTED);
    (passphrase.expose_secret().to_owned(), word)
}

/// That the passphrase was typed as it was meant, and the word too.
pub fn check(
    (passphrase, again): (&SecretString, &SecretString),
    unprotected: &str,
    keys: bool,
    wrongs: &mut Wrongs,
) {
    if passphrase.expose_secret() != again.expose_secret() {
        wrongs.add("again", "That is not the same passphrase");
    }
    let word = unprotected.trim();
    if keys && !word.is_empty() && !word.eq_ignore_ascii_case(UNPROTECTED) {
        wrongs.add(
            "unprotected",
            "Type the word unprotected, or give a passphrase",
        );
    }
}

/// What the API refused, beside the fields.
pub fn refused_at(refused: Refused) -> Wrongs {
    let field = match refused.reason.as_deref() {
        Some("PASSPHRASE_NEEDED") => "passphrase",
        // Of several reasons the passphrase is the one that is typed.
        Some("CANNOT_EXPORT") if refused.message.contains("passphrase") => "passphrase",
        Some("CANNOT_EXPORT") => "format",
        _ => "",
    };
    if !field.is_empty() {
        let mut wrongs = Wrongs::default();
        wrongs.add(field, &refused.message);
        return wrongs;
    }
    refused.beside(|api| match api {
        "format" | "one_file" | "legacy_encryption" => Some("format"),
        "passphrase" => Some("passphrase"),
        "unprotected" => Some("unprotected"),
        _ if api.starts_with("items") => Some("what"),
        _ => None,
    })
}

const UNPROTECTED: &str = "unprotected";

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(how: &str, format: &str) -> Choices {
        let ids = |ids: &[&str]| ids.iter().map(|&id| id.to_owned()).collect::<Vec<_>>();
        Choices {
            how: how.into(),
            format: format.into(),
            certificate: ids(&["a", "b"]),
            key: ids(&["b"]),
            chain: ids(&["a"]),
            unprotected: " Unprotected ".into(),
            ..Choices::usual(ids(&["a", "b"]))
        }
    }

    #[test]
    fn each_gives_out_what_was_ticked() {
        let request = chosen("each", "p12-legacy").request();
        assert_eq!(request.format(), ExportFormat::Pkcs12);
        assert!(request.legacy_encryption && request.unprotected && !request.one_file);
        let ticked = |n: usize| {
            let item = &request.items[n];
            (item.certificate, item.chain, item.private_key)
        };
        assert_eq!(
            (ticked(0), ticked(1)),
            ((true, true, false), (true, false, true))
        );
    }

    #[test]
    fn pkcs7_has_certificates_alone_whatever_was_ticked() {
        let request = chosen("pkcs7", "p12").request();
        assert_eq!(request.format(), ExportFormat::Pkcs7);
        let certificate_alone =
            |item: &ExportItem| item.certificate && !item.chain && !item.private_key;
        assert!(request.items.iter().all(certificate_alone));
        assert!(!request.unprotected);
    }

    #[test]
    fn a_passphrase_is_typed_twice_and_the_word_whole() {
        let mut choices = chosen("each", "pem");
        assert!(choices.wrongs(true).is_empty());
        choices.unprotected = "yes".into();
        assert!(choices.wrongs(true).why("unprotected").is_some());
        assert!(choices.wrongs(false).is_empty(), "no key leaves");
        choices.passphrase = SecretString::from("one");
        assert!(choices.wrongs(false).why("again").is_some());
    }
}
