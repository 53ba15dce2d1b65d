//! A certificate in the form: what there is of it to be given out.

use api::projection::v1::Certificate;

use super::{super::algorithm, fields::Choices};

/// One certificate.
pub struct Item {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Its first name, and how many more there are.
    pub host: String,
    /// The certificate goes out.
    pub certificate: bool,
    /// The chain.
    pub chain: Part,
    /// The private key.
    pub key: Part,
}

/// Something of it that may not be there.
pub struct Part {
    /// It is there, and may go out.
    pub here: bool,
    /// It is to go out.
    pub ticked: bool,
    /// What it is, or why not.
    pub words: String,
}

impl Item {
    /// As it was chosen.
    pub fn new(certificate: &Certificate, choices: &Choices, may_change: bool) -> Item {
        let x509 = certificate.certificate.clone().unwrap_or_default();
        let names = x509.subject_alt_names.clone().unwrap_or_default();
        let names = [names.dns_names, names.ip_addresses].concat();
        let first = names.first().cloned().unwrap_or_default();
        let issuers = certificate.issuers.len();
        let chain = match (issuers, certificate.chain_complete) {
            (0, _) if x509.self_signed => "None: it signs itself".to_owned(),
            (0, _) => "None is here".to_owned(),
            (1, true) => "Complete, 1 certificate".to_owned(),
            (n, true) => format!("Complete, {n} certificates"),
            (_, false) => "Partial: the root is missing".to_owned(),
        };
        let (key, words) = match (certificate.key_id.is_empty(), may_change) {
            (true, _) => (false, "Not here".to_owned()),
            (false, false) => (false, "Operators export keys".to_owned()),
            (false, true) => (true, algorithm::word(x509.key_algorithm()).to_owned()),
        };
        let id = &certificate.id;
        Item {
            id: id.clone(),
            name: certificate.friendly_name.clone(),
            host: match names.len() {
                0 | 1 => first,
                n => format!("{first} +{}", n - 1),
            },
            certificate: choices.certificate.contains(id),
            chain: Part {
                here: issuers > 0,
                ticked: issuers > 0 && choices.chain.contains(id),
                words: chain,
            },
            key: Part {
                here: key,
                ticked: key && choices.key.contains(id),
                words,
            },
        }
    }
}
