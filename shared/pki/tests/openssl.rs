//! What we make, read and verified by openssl: an implementation that we share no code with.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::{path::Path, process::Command};

use pki::{
    Certificate, KeyAlgorithm, PrivateKey, Subject, SubjectAltNames, SubjectFields, csr, pem,
    self_signed,
};
use time::{Duration, macros::datetime};

fn openssl(folder: &Path, arguments: &str) -> String {
    let output = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(folder)
        .output()
        .expect("openssl is installed");
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {arguments}\n{text}");
    text.into_owned()
}

fn munich() -> Subject {
    Subject::try_from(SubjectFields {
        common_name: "www.example.com".into(),
        organization: "Beispiel, GmbH".into(),
        organizational_unit: "IT".into(),
        locality: "München".into(),
        state_or_province: "Bayern".into(),
        country: "DE".into(),
        email_address: "ops@example.com".into(),
    })
    .unwrap()
}

fn names() -> SubjectAltNames {
    let dns = ["www.example.com", "*.example.com", "bücher.example"].map(str::to_owned);
    let ip = ["192.0.2.7", "2001:db8::7"].map(str::to_owned);
    SubjectAltNames::parse(&dns, &ip).unwrap()
}

fn assert_has_the_names(text: &str) {
    for expected in [
        "DNS:www.example.com",
        "DNS:*.example.com",
        "DNS:xn--bcher-kva.example",
        "IP Address:192.0.2.7",
        "IP Address:2001:DB8:0:0:0:0:0:7",
        "CN=www.example.com",
        "O=Beispiel, GmbH",
        "L=München",
    ] {
        assert!(text.contains(expected), "{expected} in\n{text}");
    }
}

fn assert_has_the_extensions_of_a_server(text: &str, algorithm: KeyAlgorithm) {
    let usages = match algorithm.is_rsa() {
        true => "Digital Signature, Key Encipherment",
        false => "Digital Signature\n",
    };
    for expected in [
        "Basic Constraints: critical",
        "CA:FALSE",
        "Key Usage: critical",
        usages,
        "Extended Key Usage",
        "TLS Web Server Authentication",
        "Subject Key Identifier",
    ] {
        assert!(
            text.contains(expected),
            "{expected} for {algorithm} in\n{text}"
        );
    }
}

#[test]
fn openssl_reads_and_verifies_the_keys_and_requests_of_every_algorithm() {
    let folder = tempfile::tempdir().unwrap();
    for algorithm in KeyAlgorithm::ALL {
        let key = PrivateKey::generate(algorithm).unwrap();
        std::fs::write(
            folder.path().join("key.pem"),
            pem::private_key(&key).as_str(),
        )
        .unwrap();
        std::fs::write(folder.path().join("spki.der"), key.spki_der()).unwrap();
        let public = openssl(folder.path(), "pkey -in key.pem -pubout");
        assert_eq!(
            public,
            openssl(
                folder.path(),
                "pkey -pubin -inform der -in spki.der -pubout"
            )
        );

        let request = csr::build(&key, &munich(), &names()).unwrap();
        let request = pem::certificate_request(&request);
        std::fs::write(folder.path().join("request.pem"), request).unwrap();
        let text = openssl(
            folder.path(),
            "req -in request.pem -noout -verify -text -nameopt sep_comma_plus,utf8",
        );
        assert!(text.contains("verify OK"), "{algorithm}: {text}");
        assert_has_the_names(&text);
        assert_has_the_extensions_of_a_server(&text, algorithm);
        assert!(!text.contains("email:"), "public CAs refuse it: {text}");
    }
}

#[test]
fn openssl_reads_and_verifies_self_signed_certificates_of_every_algorithm() {
    let folder = tempfile::tempdir().unwrap();
    let not_before = datetime!(2026-01-02 03:04:05 UTC);
    for algorithm in KeyAlgorithm::ALL {
        let key = PrivateKey::generate(algorithm).unwrap();
        let until = not_before + Duration::days(3_650);
        let der = self_signed::build(&key, &munich(), &names(), not_before, until).unwrap();
        std::fs::write(folder.path().join("self.pem"), pem::certificate(&der)).unwrap();
        openssl(
            folder.path(),
            "verify -x509_strict -check_ss_sig -purpose sslserver -verify_hostname shop.example.com -CAfile self.pem self.pem",
        );
        let text = openssl(
            folder.path(),
            "x509 -in self.pem -noout -text -nameopt sep_comma_plus,utf8",
        );
        assert_has_the_names(&text);
        assert_has_the_extensions_of_a_server(&text, algorithm);
        assert!(text.contains("email:ops@example.com"), "{text}");

        let read = Certificate::parse(&der).unwrap();
        assert!(read.self_signed && !read.is_ca, "{algorithm}");
        assert_eq!(read.key_algorithm, Some(algorithm));
        assert_eq!(read.spki_sha256, key.spki_sha256());
        assert_eq!((read.not_before, read.not_after), (not_before, until));
    }
}

#[test]
fn our_reading_of_a_certificate_is_that_of_openssl() {
    let folder = tempfile::tempdir().unwrap();
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let from = datetime!(2026-01-02 03:04:05 UTC);
    let until = from + Duration::days(90);
    let der = self_signed::build(&key, &munich(), &names(), from, until).unwrap();
    std::fs::write(folder.path().join("self.pem"), pem::certificate(&der)).unwrap();
    let read = Certificate::parse(&der).unwrap();

    let subject = openssl(
        folder.path(),
        "x509 -in self.pem -noout -subject -nameopt rfc2253,-esc_msb,utf8",
    );
    assert_eq!(subject.trim(), format!("subject={}", read.subject));
    let serial = openssl(folder.path(), "x509 -in self.pem -noout -serial");
    assert_eq!(
        serial.trim().to_lowercase(),
        format!("serial={}", read.serial_number)
    );
    let print = openssl(
        folder.path(),
        "x509 -in self.pem -noout -fingerprint -sha256",
    );
    let print = print.trim().replace(':', "").to_lowercase();
    assert!(print.ends_with(&read.sha256_fingerprint), "{print}");
    assert_eq!(read.common_name, "www.example.com");
    assert_eq!(read.dns_names[2], "xn--bcher-kva.example");
    assert_eq!(read.ip_addresses.len(), 2);
    assert_eq!(&read.subject_fields(), munich().fields());
    assert_eq!(read.subject_der(), read.issuer_der());
}

#[test]
fn the_place_of_the_issuers_certificate_is_the_first_over_http() {
    let folder = tempfile::tempdir().unwrap();
    let aia = "authorityInfoAccess=OCSP;URI:http://ocsp.example,caIssuers;URI:ldap://ca.example/o=x,caIssuers;URI:HTTP://ca.example/ca.cer,caIssuers;URI:http://other.example/";
    openssl(
        folder.path(),
        &format!("req -x509 -newkey ed25519 -nodes -keyout k -out c.pem -subj /CN=a -addext {aia}"),
    );
    let text = std::fs::read_to_string(folder.path().join("c.pem")).unwrap();
    let read = pki::parse_pem_chain(&text).unwrap().remove(0);
    let url = read.ca_issuers_url();
    assert_eq!(url.as_deref(), Some("HTTP://ca.example/ca.cer"));
    let der = self_signed_of(&munich());
    assert_eq!(Certificate::parse(&der).unwrap().ca_issuers_url(), None);
}

fn self_signed_of(subject: &Subject) -> Vec<u8> {
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let from = datetime!(2026-01-02 03:04:05 UTC);
    self_signed::build(&key, subject, &names(), from, from + Duration::DAY).unwrap()
}

#[test]
fn certificates_of_one_key_have_serial_numbers_of_their_own() {
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let from = datetime!(2026-01-02 03:04:05 UTC);
    let serial = || {
        let der = self_signed::build(&key, &munich(), &names(), from, from + Duration::DAY);
        Certificate::parse(&der.unwrap()).unwrap().serial_number
    };
    let (first, second) = (serial(), serial());
    assert_ne!(first, second);
    assert_eq!(first.len(), 32);
}

#[test]
fn a_request_without_a_subject_has_critical_names() {
    let folder = tempfile::tempdir().unwrap();
    let key = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
    let request = csr::build(&key, &Subject::default(), &names()).unwrap();
    let request = pem::certificate_request(&request);
    std::fs::write(folder.path().join("request.pem"), request).unwrap();
    let text = openssl(folder.path(), "req -in request.pem -noout -text");
    assert!(
        text.contains("Subject Alternative Name: critical"),
        "{text}"
    );
}

#[test]
fn a_self_signed_certificate_without_a_subject_is_called_by_its_first_name_that_fits() {
    let long = format!("{}.example", "a".repeat(60));
    for (dns, ip, subject) in [
        (
            &["www.example.com", "shop.example"][..],
            &["192.0.2.7"][..],
            "CN=www.example.com",
        ),
        (&[&long, "shop.example"], &[], "CN=shop.example"),
        (&[&long], &["2001:db8::7"], "CN=2001:db8::7"),
        (&[&long], &[], "CN=self-signed"),
    ] {
        let text = |names: &[&str]| names.iter().map(|&n| n.into()).collect::<Vec<_>>();
        let names = SubjectAltNames::parse(&text(dns), &text(ip)).unwrap();
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let from = datetime!(2026-01-02 03:04:05 UTC);
        let until = from + Duration::DAY;
        let der = self_signed::build(&key, &Subject::default(), &names, from, until).unwrap();
        let read = Certificate::parse(&der).unwrap();
        assert_eq!(
            (read.subject.as_str(), read.issuer.as_str()),
            (subject, subject)
        );
    }
}

#[test]
fn a_chain_of_openssl_is_read_and_its_order_checked() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &str| openssl(folder.path(), arguments);
    std::fs::write(
        folder.path().join("ca.ext"),
        "basicConstraints=critical,CA:true\n",
    )
    .unwrap();
    run("req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.pem -subj /CN=Root -days 30");
    run(
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-521 -nodes -keyout middle.key -out middle.csr -subj /CN=Middle",
    );
    run(
        "x509 -req -in middle.csr -CA root.pem -CAkey root.key -set_serial 0x00ff -days 20 -extfile ca.ext -out middle.pem",
    );
    run("req -newkey ed25519 -nodes -keyout leaf.key -out leaf.csr -subj /CN=leaf.example");
    run("x509 -req -in leaf.csr -CA middle.pem -CAkey middle.key -sha512 -days 10 -out leaf.pem");
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();

    let text =
        read("leaf.pem") + &read("leaf.key") + &read("middle.pem") + "words\n" + &read("root.pem");
    let chain = pki::parse_pem_chain(&text).unwrap();
    assert_eq!(
        chain.len(),
        3,
        "the private key between them is passed over"
    );
    assert_eq!(pki::chain::check_order(&chain), Ok(()));
    assert_eq!(chain[1].serial_number, "ff");
    assert_eq!(chain[1].key_algorithm, Some(KeyAlgorithm::EcdsaP521));
    assert!(chain[2].self_signed && !chain[1].self_signed);

    assert!(pki::parse_pem_chain(&read("leaf.key")).is_err());
    let swapped = [chain[0].clone(), chain[2].clone()];
    assert!(pki::chain::check_order(&swapped).is_err());
}
