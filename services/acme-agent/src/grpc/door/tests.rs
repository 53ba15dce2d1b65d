use api::refuse;

use super::*;

fn fields(status: &Status) -> Vec<String> {
    let violations = refuse::violations(status).into_iter();
    violations.map(|v| v.field).collect()
}

fn server() -> RegisterServerRequest {
    RegisterServerRequest {
        name: " Test CA ".into(),
        directory_url: "https://127.0.0.1:14000/dir".into(),
        contact_emails: vec!["ops@Example.com".into()],
        terms_of_service_agreed: true,
        external_account_binding: Some(ExternalAccountBinding {
            key_id: "kid-1".into(),
            hmac_key: "AQID_-8=".into(),
        }),
        trusted_roots_pem: String::new(),
    }
}

#[test]
fn a_registration_is_parsed() {
    let parsed = registration(&server()).unwrap();
    assert_eq!(parsed.name.as_str(), "Test CA");
    assert_eq!(parsed.contact_emails, ["ops@example.com"]);
    let binding = parsed.binding.unwrap();
    assert_eq!(*binding.hmac, [1, 2, 3, 0xff, 0xef]);
    assert_eq!(binding.key_id, "kid-1");
}

#[test]
fn everything_wrong_with_a_registration_is_named_at_once() {
    let status = registration(&RegisterServerRequest {
        name: "\n".into(),
        directory_url: "http://ca.example/dir".into(),
        contact_emails: vec!["ops@example.com".into(), "nobody".into()],
        terms_of_service_agreed: false,
        external_account_binding: Some(ExternalAccountBinding {
            key_id: String::new(),
            hmac_key: "not base64url!".into(),
        }),
        trusted_roots_pem: "no pem".into(),
    })
    .unwrap_err();
    assert_eq!(
        fields(&status),
        [
            "contact_emails[1]",
            "directory_url",
            "external_account_binding.hmac_key",
            "external_account_binding.key_id",
            "name",
            "trusted_roots_pem",
        ]
    );
    assert_eq!(refuse::reason(&status).as_deref(), Some("INVALID_REQUEST"));
    assert!(!format!("{status:?}").contains("not base64url!"));
}

#[test]
fn what_is_too_long_is_refused() {
    let mut message = server();
    message.name = "n".repeat(101);
    message.directory_url = format!("https://ca.example/{}", "d".repeat(500));
    message.contact_emails = vec!["ops@example.com".into(); 6];
    message.trusted_roots_pem = "-".repeat(MAX_ROOTS_PEM + 1);
    let status = registration(&message).unwrap_err();
    assert_eq!(
        fields(&status),
        [
            "contact_emails",
            "directory_url",
            "name",
            "trusted_roots_pem"
        ]
    );
}

#[test]
fn a_directory_is_an_https_url_without_a_user() {
    for no in [
        "",
        "ca.example/dir",
        "http://ca.example/dir",
        "https://user:word@ca.example/dir",
        "https:///dir",
        "ftp://ca.example",
        "https://ca example/",
    ] {
        assert!(directory_url(no).is_err(), "{no:?}");
    }
}

#[test]
fn an_id_is_a_uuid() {
    assert!(id("server_id", "0191d0c2-7d1b-7c3e-8f00-000000000001").is_ok());
    assert_eq!(fields(&id("server_id", "x").unwrap_err()), ["server_id"]);
}
