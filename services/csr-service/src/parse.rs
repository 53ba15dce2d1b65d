//! What a request must be like: every field is checked, and all that is wrong is named at once.

use api::{
    convert::{self, id},
    csr::v1::{
        CopyFromRequest, CreateRequestRequest, CreateSelfSignedRequest, DeleteRequestsRequest,
        FetchIssuersRequest, copy_from_request,
    },
    keystore::v1::{KeyChoice, key_choice},
    refuse::Violations,
    x509,
};
use pki::FriendlyName;
use tonic::Status;
use uuid::Uuid;

use crate::commands::{CreateRequest, DeleteRequests, Form, Key, SelfSign, Source};

pub fn create_request(request: &CreateRequestRequest) -> Result<CreateRequest, Status> {
    let mut violations = Violations::new();
    let form = form(
        &request.friendly_name,
        request.key.as_ref(),
        request.subject.as_ref(),
        request.subject_alt_names.as_ref(),
        &mut violations,
    );
    let renews = match request.renews_certificate_id.as_str() {
        "" => None,
        text => id("renews_certificate_id", text, &mut violations),
    };
    match form {
        Some(form) if violations.is_empty() => Ok(CreateRequest { form, renews }),
        _ => Err(violations.into_status()),
    }
}

pub fn self_sign(request: &CreateSelfSignedRequest) -> Result<SelfSign, Status> {
    let mut violations = Violations::new();
    let form = form(
        &request.friendly_name,
        request.key.as_ref(),
        request.subject.as_ref(),
        request.subject_alt_names.as_ref(),
        &mut violations,
    );
    let days = match request.days {
        0 => DEFAULT_DAYS,
        days => days,
    };
    if days > MAX_DAYS {
        violations.add(
            "days",
            format!("a self-signed certificate lives 1 to {MAX_DAYS} days"),
        );
    }
    match form {
        Some(form) if violations.is_empty() => Ok(SelfSign { form, days }),
        _ => Err(violations.into_status()),
    }
}

pub fn copy_from(request: &CopyFromRequest) -> Result<Source, Status> {
    use copy_from_request::Source as S;
    let mut violations = Violations::new();
    let source = match &request.source {
        Some(S::CertificateId(text)) => {
            id("certificate_id", text, &mut violations).map(Source::Certificate)
        }
        Some(S::RequestId(text)) => id("request_id", text, &mut violations).map(Source::Request),
        None => {
            violations.add("source", "name a certificate or a request to copy from");
            None
        }
    };
    source.ok_or_else(|| violations.into_status())
}

pub fn delete_requests(request: &DeleteRequestsRequest) -> Result<DeleteRequests, Status> {
    let mut violations = Violations::new();
    let count = request.request_ids.len();
    if !(1..=MAX_DELETIONS).contains(&count) {
        violations.add("request_ids", format!("name 1 to {MAX_DELETIONS} requests"));
        return Err(violations.into_status());
    }
    let ids = request.request_ids.iter().enumerate();
    let ids = ids.filter_map(|(n, text)| id(&format!("request_ids[{n}]"), text, &mut violations));
    let ids = ids.collect();
    if !violations.is_empty() {
        return Err(violations.into_status());
    }
    Ok(DeleteRequests {
        ids,
        dry_run: request.dry_run,
    })
}

pub fn fetch_issuers(request: &FetchIssuersRequest) -> Result<Uuid, Status> {
    let mut violations = Violations::new();
    let id = id("certificate_id", &request.certificate_id, &mut violations);
    id.ok_or_else(|| violations.into_status())
}

/// What a request and a self-signed certificate have in common.
fn form(
    friendly_name: &str,
    key: Option<&KeyChoice>,
    subject: Option<&x509::v1::Subject>,
    names: Option<&x509::v1::SubjectAltNames>,
    violations: &mut Violations,
) -> Option<Form> {
    let friendly_name = violations.check("friendly_name", FriendlyName::try_from(friendly_name));
    let key = self::key(key, violations);
    let subject = convert::subject("subject", subject, violations);
    let names = convert::required_subject_alt_names("subject_alt_names", names, violations);
    Some(Form {
        friendly_name: friendly_name?,
        key: key?,
        subject: subject?,
        names: names?,
    })
}

fn key(choice: Option<&KeyChoice>, violations: &mut Violations) -> Option<Key> {
    match choice.and_then(|choice| choice.key.as_ref()) {
        Some(key_choice::Key::ExistingKeyId(text)) => {
            id("key.existing_key_id", text, violations).map(Key::Existing)
        }
        Some(key_choice::Key::NewKey(algorithm)) => {
            let algorithm = convert::key_algorithm(*algorithm);
            violations.check("key.new_key", algorithm).map(Key::New)
        }
        None => {
            violations.add("key", "choose a key that is here, or a new one");
            None
        }
    }
}

const DEFAULT_DAYS: u32 = 365;
const MAX_DAYS: u32 = 3_650;
const MAX_DELETIONS: usize = 100;

#[cfg(test)]
mod tests {
    use api::refuse::violations;
    use pki::KeyAlgorithm;

    use super::*;

    fn fields(status: &Status) -> Vec<String> {
        violations(status).into_iter().map(|v| v.field).collect()
    }

    fn new_key(algorithm: x509::v1::KeyAlgorithm) -> Option<KeyChoice> {
        let key = Some(key_choice::Key::NewKey(algorithm.into()));
        Some(KeyChoice { key })
    }

    fn dns(names: &[&str]) -> Option<x509::v1::SubjectAltNames> {
        Some(x509::v1::SubjectAltNames {
            dns_names: names.iter().map(|&name| name.to_owned()).collect(),
            ip_addresses: vec![],
        })
    }

    #[test]
    fn everything_wrong_with_a_request_is_named_at_once() {
        let request = CreateRequestRequest {
            friendly_name: " ".into(),
            key: new_key(x509::v1::KeyAlgorithm::Unspecified),
            subject: Some(x509::v1::Subject {
                country: "Germany".into(),
                ..x509::v1::Subject::default()
            }),
            subject_alt_names: dns(&["shop.example", "https://shop.example"]),
            renews_certificate_id: "the old one".into(),
        };
        let expected = [
            "friendly_name",
            "key.new_key",
            "renews_certificate_id",
            "subject.country",
            "subject_alt_names.dns_names[1]",
        ];
        assert_eq!(fields(&create_request(&request).unwrap_err()), expected);
        let nothing = CreateRequestRequest::default();
        assert_eq!(
            fields(&create_request(&nothing).unwrap_err()),
            ["friendly_name", "key", "subject_alt_names"]
        );
    }

    #[test]
    fn an_international_name_is_asked_for_as_certificates_write_it() {
        let request = CreateRequestRequest {
            friendly_name: "Bücher".into(),
            key: new_key(x509::v1::KeyAlgorithm::EcdsaP256),
            subject_alt_names: dns(&["*.Bücher.example"]),
            ..CreateRequestRequest::default()
        };
        let form = create_request(&request).unwrap().form;
        assert_eq!(form.friendly_name.as_str(), "Bücher");
        assert_eq!(form.key, Key::New(KeyAlgorithm::EcdsaP256));
        assert_eq!(form.names.dns_names[0].as_str(), "*.xn--bcher-kva.example");
    }

    #[test]
    fn a_self_signed_certificate_lives_a_year_and_ten_at_most() {
        let request = |days| CreateSelfSignedRequest {
            friendly_name: "shop".into(),
            key: Some(KeyChoice {
                key: Some(key_choice::Key::ExistingKeyId(Uuid::nil().to_string())),
            }),
            subject_alt_names: dns(&["shop.example"]),
            days,
            ..CreateSelfSignedRequest::default()
        };
        assert_eq!(self_sign(&request(0)).unwrap().days, 365);
        assert_eq!(self_sign(&request(3_650)).unwrap().days, 3_650);
        assert_eq!(fields(&self_sign(&request(3_651)).unwrap_err()), ["days"]);
    }

    #[test]
    fn what_to_delete_is_named_by_ids_and_not_too_many() {
        let request = |ids: Vec<String>| DeleteRequestsRequest {
            request_ids: ids,
            dry_run: true,
        };
        let id = Uuid::nil().to_string();
        assert!(delete_requests(&request(vec![id.clone(); 100])).is_ok());
        for (ids, field) in [
            (vec![], "request_ids"),
            (vec![id.clone(); 101], "request_ids"),
            (vec![id, "shop".into()], "request_ids[1]"),
        ] {
            let refused = delete_requests(&request(ids)).unwrap_err();
            assert_eq!(fields(&refused), [field]);
        }
    }

    #[test]
    fn something_must_be_copied_from() {
        let refused = copy_from(&CopyFromRequest::default()).unwrap_err();
        assert_eq!(fields(&refused), ["source"]);
        let source = copy_from_request::Source::RequestId("7".into());
        let source = Some(source);
        let refused = copy_from(&CopyFromRequest { source }).unwrap_err();
        assert_eq!(fields(&refused), ["request_id"]);
    }
}
