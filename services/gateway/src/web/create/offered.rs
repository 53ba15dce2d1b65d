//! What the form offers to choose from: keys that are here, and what details can be copied from.
//!
//! Not all of a hundred thousand: the newest. Any other is named, or come from by its own page.

use api::projection::v1::{Key, ListRequest};

use super::{super::algorithm, Desk, Form, SignedIn};

/// What there is to choose from.
#[derive(Default)]
pub struct Offered {
    /// Keys.
    pub keys: Vec<Offer>,
    /// Names of certificates.
    pub names: Vec<String>,
}

/// One key.
pub struct Offer {
    /// Its id.
    pub id: String,
    /// What it is.
    pub words: String,
}

impl Offered {
    /// The newest, and the key that is chosen. Where the tables cannot be asked there is less.
    pub async fn find(desk: &Desk, person: &SignedIn, form: &Form) -> Offered {
        let list = |filter: &str, page_size| ListRequest {
            filter: filter.to_owned(),
            sort: "-created".to_owned(),
            page_size,
            ..ListRequest::default()
        };
        let (mut certificates, mut keys) = (desk.queries(person), desk.queries(person));
        let (certificates, unused) = tokio::join!(
            certificates.list_certificates(list("authority=false", MOST_CERTIFICATES)),
            keys.list_keys(list("used=false", MOST_KEYS)),
        );
        let certificates = certificates.map(|list| list.into_inner().certificates);
        let certificates = certificates.unwrap_or_default();
        let unused = unused
            .map(|list| list.into_inner().keys)
            .unwrap_or_default();
        let mut offered = Offered::default();
        for certificate in &certificates {
            let x509 = certificate.certificate.as_ref();
            let kind = x509.map(|x509| x509.key_algorithm()).unwrap_or_default();
            let words = format!(
                "{} · used by {}",
                algorithm::word(kind),
                certificate.friendly_name
            );
            offered.offer(&certificate.key_id, words);
            offered.names.push(certificate.friendly_name.clone());
        }
        for key in &unused {
            offered.offer(&key.id, unused_key(key));
        }
        let chosen = &form.existing;
        if !chosen.is_empty() && offered.keys.iter().all(|offer| offer.id != *chosen) {
            let words = chosen_key(desk, person, chosen).await;
            offered.offer(chosen, words);
        }
        offered
    }

    fn offer(&mut self, id: &str, words: String) {
        if !id.is_empty() && self.keys.iter().all(|offer| offer.id != id) {
            let id = id.to_owned();
            self.keys.push(Offer { id, words });
        }
    }
}

fn unused_key(key: &Key) -> String {
    let start = key.spki_sha256.get(..12).unwrap_or_default();
    format!("{} · unused · {start}…", algorithm::word(key.algorithm()))
}

async fn chosen_key(desk: &Desk, person: &SignedIn, id: &str) -> String {
    let get = |id: &str| api::projection::v1::GetRequest {
        id: id.to_owned(),
        at_least: 0,
        ..api::projection::v1::GetRequest::default()
    };
    let mut queries = desk.queries(person);
    let Ok(key) = queries.get_key(get(id)).await else {
        return "The key that you came with".to_owned();
    };
    let key = key.into_inner();
    let Some(user) = key.certificate_ids.first() else {
        return unused_key(&key);
    };
    let kind = algorithm::word(key.algorithm());
    match queries.get_certificate(get(user)).await {
        Ok(user) => format!("{kind} · used by {}", user.into_inner().friendly_name),
        Err(_) => format!("{kind} · used by a certificate"),
    }
}

const MOST_CERTIFICATES: u32 = 100;
const MOST_KEYS: u32 = 50;
