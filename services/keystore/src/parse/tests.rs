//! What is wrong is named.

use api::refuse::violations;

use super::*;

fn fields(status: &Status) -> Vec<String> {
    violations(status).into_iter().map(|v| v.field).collect()
}

#[test]
fn everything_wrong_with_a_certificate_is_named_at_once() {
    let request = AddCertificateRequest {
        key_id: "7".into(),
        chain_der: vec![
            Bytes::from_static(b"no"),
            Bytes::from_static(b"certificate"),
        ],
        automation_id: "x".into(),
        ..AddCertificateRequest::default()
    };
    let refused = add_certificate(&request).unwrap_err();
    let expected = [
        "automation_id",
        "chain_der[0]",
        "chain_der[1]",
        "friendly_name",
        "key_id",
    ];
    assert_eq!(fields(&refused), expected);
}

#[test]
fn a_chain_has_an_end() {
    let request = AddCertificateRequest {
        key_id: Uuid::nil().to_string(),
        friendly_name: "shop".into(),
        chain_der: vec![Bytes::new(); 11],
        ..AddCertificateRequest::default()
    };
    assert_eq!(
        fields(&add_certificate(&request).unwrap_err()),
        ["chain_der"]
    );
}

#[test]
fn a_chain_fits_into_one_event() {
    let request = AddCertificateRequest {
        key_id: Uuid::nil().to_string(),
        friendly_name: "shop".into(),
        chain_der: vec![Bytes::from(vec![0x30; MAX_CERTIFICATE]); 3],
        ..AddCertificateRequest::default()
    };
    assert_eq!(
        fields(&add_certificate(&request).unwrap_err()),
        ["chain_der"]
    );
}

#[test]
fn an_automation_is_the_same_however_its_id_is_written() {
    let chain = crate::samples::first_chain();
    let request = AddCertificateRequest {
        key_id: Uuid::nil().to_string(),
        friendly_name: "shop".into(),
        chain_der: vec![chain.leaf.der.into()],
        automation_id: format!("{{{}}}", crate::samples::AUTOMATION.to_uppercase()),
        ..AddCertificateRequest::default()
    };
    let parsed = add_certificate(&request).unwrap();
    assert_eq!(parsed.automation_id, crate::samples::AUTOMATION);
}

#[test]
fn a_certificate_without_names_is_not_signed() {
    let request = SignSelfSignedRequest {
        key: Some(v1::KeyChoice {
            key: Some(Key::ExistingKeyId(Uuid::nil().to_string())),
        }),
        friendly_name: "shop".into(),
        days: 4_000,
        ..SignSelfSignedRequest::default()
    };
    assert_eq!(
        fields(&self_sign(&request).unwrap_err()),
        ["days", "subject_alt_names"]
    );
}

#[test]
fn secrets_are_bounded() {
    assert_eq!(
        fields(&secret("account-key/1", b"").unwrap_err()),
        ["secret"]
    );
    assert_eq!(
        fields(&secret("A", &vec![0; MAX_SECRET + 1]).unwrap_err()),
        ["name", "secret"]
    );
    assert!(secret("account-key/1", &[0; MAX_SECRET]).is_ok());
}
