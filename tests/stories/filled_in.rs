//! Every field of a certificate, as a person fills it in and as openssl reads it back.

use town::{Town, desk::Desk, edge::fingerprint};

use crate::issue::served;

#[tokio::test(flavor = "multi_thread")]
async fn openssl_reads_every_field_that_was_filled_in() {
    let town = Town::start().await;
    let desk = Desk::of(&town).await;
    let shown = desk
        .done(
            "chancery certs self-sign intranet --dns intranet.example --dns '*.bücher.example' \
             --ip 192.0.2.7 --ip 2001:db8::7 --cn 'Das Intranet' --organization 'Müller & Söhne AG' \
             --organizational-unit Netz --locality Köln --state NRW --country DE --email ops@example.com \
             --days 90 --key-algorithm rsa-2048",
        )
        .await;
    for part in ["*.xn--bcher-kva.example (*.bücher.example)", "2001:db8::7"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    // The command began before the certificate did, or in the same second.
    let days = ["(in 89 days)", "(in 90 days)"];
    assert!(days.iter().any(|days| shown.contains(days)), "{shown}");
    desk.done("chancery certs export intranet --certificate --out intranet.pem")
        .await;
    let subject = desk
        .done("openssl x509 -in intranet.pem -noout -subject -nameopt utf8,sep_multiline,sname")
        .await;
    for field in [
        "CN=Das Intranet",
        "O=Müller & Söhne AG",
        "OU=Netz",
        "L=Köln",
        "ST=NRW",
        "C=DE",
        "emailAddress=ops@example.com",
    ] {
        assert!(
            subject.lines().any(|line| line.trim() == field),
            "{field}: {subject}"
        );
    }
    let text = desk
        .done("openssl x509 -in intranet.pem -noout -text")
        .await;
    for part in [
        "DNS:intranet.example, DNS:*.xn--bcher-kva.example, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7",
        "CA:FALSE",
        "Digital Signature",
        "TLS Web Server Authentication",
        "X509v3 Subject Key Identifier",
        "RSA Public-Key: (2048 bit)",
    ] {
        let text = text.replace("Public-Key: (2048", "RSA Public-Key: (2048");
        assert!(text.contains(part), "{part}: {text}");
    }
    desk.done("openssl x509 -in intranet.pem -noout -checkend $((89 * 86400))")
        .await;
    desk.refused(
        1,
        "openssl x509 -in intranet.pem -noout -checkend $((90 * 86400))",
    )
    .await;
    desk.done("openssl verify -CAfile intranet.pem -verify_hostname intranet.example -verify_ip 2001:db8::7 intranet.pem")
        .await;
    served(&town, "intranet.example", &desk.der("intranet.pem").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_wrong_is_said_at_once_and_nothing_is_made() {
    let town = Town::start().await;
    let desk = Desk::of(&town).await;
    let long = "x".repeat(65);
    for command in ["certs self-sign", "requests create"] {
        let said = desk
            .refused(
                1,
                &format!(
                    "chancery {command} '' --dns bad_name --dns good.example --ip 999.1.1.1 --country Germany \
                     --email nobody --cn {long}"
                ),
            )
            .await;
        for field in [
            "friendly_name",
            "dns_names[0]",
            "ip_addresses[0]",
            "country",
            "email_address",
            "common_name",
        ] {
            assert!(said.contains(field), "{command}: {field} is not in: {said}");
        }
        assert!(!said.contains("dns_names[1]"), "{said}");
    }
    for days in ["0", "3651"] {
        let said = desk
            .refused(
                2,
                &format!("chancery certs self-sign a --dns a.example --days {days}"),
            )
            .await;
        assert!(said.contains("1..=3650") || said.contains("3650"), "{said}");
    }
    desk.refused(2, "chancery certs self-sign a").await;
    let keys = desk.json("chancery keys list --filter used=false").await;
    assert_eq!(
        keys["keys"].as_array().map_or(0, Vec::len),
        0,
        "a key was made all the same"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_given_once_and_a_key_may_be_used_again() {
    let town = Town::start().await;
    let desk = Desk::of(&town).await;
    desk.done("chancery certs self-sign intranet --dns intranet.example")
        .await;
    for command in ["certs self-sign", "requests create"] {
        let taken = desk
            .refused(
                1,
                &format!("chancery {command} intranet --dns other.example"),
            )
            .await;
        assert!(taken.contains("NAME_TAKEN"), "{taken}");
    }
    let first = desk.json("chancery certs show intranet").await;
    let key = first["keyId"].as_str().unwrap();
    desk.done(&format!(
        "chancery certs self-sign second --dns second.example --key {key}"
    ))
    .await;
    let second = desk.json("chancery certs show second").await;
    assert_eq!(second["keyId"], first["keyId"]);
    let key = desk.json(&format!("chancery keys show {key}")).await;
    assert_eq!(key["certificateIds"].as_array().unwrap().len(), 2);
    // By the hash of its public key likewise, and with all else as it was.
    let spki = key["spkiSha256"].as_str().unwrap();
    desk.done(&format!(
        "chancery certs self-sign third --copy-from second --key {spki}"
    ))
    .await;
    let third = desk.json("chancery certs show third").await;
    assert_eq!(third["keyId"], first["keyId"]);
    let names = &third["certificate"]["subjectAltNames"]["dnsNames"];
    assert_eq!(names[0], "second.example");
    let unknown = desk
        .refused(
            1,
            "chancery certs self-sign fourth --dns fourth.example --key 0123",
        )
        .await;
    assert!(!unknown.is_empty());

    let older = desk.json("chancery certs show second").await;
    assert_ne!(
        older["certificate"]["sha256Fingerprint"],
        third["certificate"]["sha256Fingerprint"]
    );
    town::wait::until("the later one answers", async || {
        let leaf = fingerprint(&town.edge().leaf(Some("second.example")).await?);
        (third["certificate"]["sha256Fingerprint"] == leaf.as_str()).then_some(())
    })
    .await;
}
