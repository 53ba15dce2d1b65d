//! A CA that is run with openssl: the request goes there as a file, and its answer comes back as one.

use town::{Town, desk::Desk};

use crate::issue::served;

/// A request for the shop, granted and imported: its certificate, DER.
async fn shop(town: &Town, desk: &Desk) -> Vec<u8> {
    desk.root("ca", "/CN=Paper CA").await;
    desk.done(
        "chancery requests create shop --cn shop.example --organization 'Shop AG' --country DE \
         --dns shop.example --dns '*.bücher.example' --ip 2001:db8::7 > shop.csr",
    )
    .await;
    desk.grant("ca", "shop.csr", "shop.pem").await;
    desk.done("chancery certs import shop.pem ca.pem").await;
    let der = desk.der("shop.pem").await;
    served(town, "shop.example", &der).await;
    der
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_goes_to_a_ca_and_its_answer_is_served_by_its_names() {
    let town = Town::start().await;
    let desk = Desk::of(&town).await;
    desk.root("ca", "/CN=Paper CA").await;
    desk.done(
        "chancery requests create shop --cn shop.example --dns shop.example --dns '*.bücher.example' > shop.csr",
    )
    .await;
    let asked = desk
        .done("openssl req -in shop.csr -noout -verify -text 2>&1")
        .await;
    assert!(
        asked.contains("DNS:shop.example, DNS:*.xn--bcher-kva.example"),
        "{asked}"
    );
    let pending = desk
        .done("chancery requests list --filter status=pending")
        .await;
    assert!(
        pending.contains("*.xn--bcher-kva.example (*.bücher.example)"),
        "{pending}"
    );
    let again = desk.done("chancery requests show shop --pem").await;
    assert_eq!(again.as_bytes(), desk.read("shop.csr"));

    desk.grant("ca", "shop.csr", "answer.pem").await;
    let verdicts = desk.done("chancery certs import answer.pem ca.pem").await;
    assert!(
        verdicts.contains("answers its request, its key is here"),
        "{verdicts}"
    );
    let certificate = desk.json("chancery certs show shop").await;
    assert_eq!(certificate["chainComplete"], true);
    let request = format!(
        "chancery requests show {}",
        certificate["requestId"].as_str().unwrap()
    );
    let fulfilled = desk
        .until(&request, |row| row["status"] == "REQUEST_STATUS_FULFILLED")
        .await;
    assert_eq!(fulfilled["certificateId"], certificate["id"]);

    let der = desk.der("answer.pem").await;
    served(&town, "shop.example", &der).await;
    served(&town, "www.xn--bcher-kva.example", &der).await;
    let verdict = desk
        .done(
            "openssl s_client -connect $EDGE -servername shop.example -verify_hostname shop.example \
             -verify_return_error -brief -CAfile ca.pem 2>&1 </dev/null",
        )
        .await;
    assert!(verdict.contains("Verification: OK"), "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_has_the_same_key_and_request_data_and_takes_over_at_the_next_handshake() {
    let town = Town::start().await;
    let desk = Desk::of(&town).await;
    let first = shop(&town, &desk).await;
    desk.done("chancery requests create --renew shop --out renewal.csr")
        .await;
    for asked in ["-pubkey", "-subject", "-text | grep -A1 'Alternative Name'"] {
        let of = async |file: &str| {
            desk.done(&format!("openssl req -in {file} -noout {asked}"))
                .await
        };
        assert_eq!(of("renewal.csr").await, of("shop.csr").await);
    }
    let request = desk.json("chancery requests show 'shop (renewal)'").await;
    let old = desk.json("chancery certs show shop").await;
    assert_eq!(request["renewsCertificateId"], old["id"]);

    // Who imports the old certificate again has answered nothing.
    desk.done("chancery certs import shop.pem").await;
    desk.done("chancery requests show 'shop (renewal)'").await;
    desk.grant("ca", "renewal.csr", "renewal.pem").await;
    desk.done("chancery certs import renewal.pem").await;
    let renewed = desk.json("chancery certs show 'shop (renewal)'").await;
    assert_eq!(renewed["keyId"], old["keyId"]);
    let second = desk.der("renewal.pem").await;
    assert_ne!(first, second);
    served(&town, "shop.example", &second).await;

    // The old one has been replaced, and may go.
    let review = desk.done("chancery certs delete shop --dry-run").await;
    assert!(review.contains("would go"), "{review}");
    desk.done("chancery certs delete shop --yes").await;
    desk.done("chancery certs rename 'shop (renewal)' shop")
        .await;
    served(&town, "shop.example", &second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_re_key_has_another_key_and_all_else_as_it_was() {
    let town = Town::start().await;
    let desk = Desk::of(&town).await;
    shop(&town, &desk).await;
    desk.done("chancery requests create shop-2027 --renew shop --new-key ecdsa-p384 > rekey.csr")
        .await;
    for asked in ["-subject", "-text | grep -A1 'Alternative Name'"] {
        let of = async |file: &str| {
            desk.done(&format!("openssl req -in {file} -noout {asked}"))
                .await
        };
        assert_eq!(of("rekey.csr").await, of("shop.csr").await);
    }
    let key = desk.done("openssl req -in rekey.csr -noout -text").await;
    assert!(key.contains("secp384r1"), "{key}");
    desk.grant("ca", "rekey.csr", "rekey.pem").await;
    desk.done("chancery certs import rekey.pem").await;
    let old = desk.json("chancery certs show shop").await;
    let new = desk.json("chancery certs show shop-2027").await;
    assert_ne!(new["keyId"], old["keyId"]);
    served(&town, "shop.example", &desk.der("rekey.pem").await).await;

    // From a request likewise, with what is to be different said.
    desk.done("chancery requests create shop-3 --copy-from shop-2027 --country '' --dns shop.example > third.csr")
        .await;
    let third = desk.done("openssl req -in third.csr -noout -text").await;
    assert!(
        third.contains("secp384r1") && !third.contains("C = DE"),
        "{third}"
    );
    assert!(!third.contains("xn--bcher-kva"), "{third}");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_reviewed_before_they_are_deleted_and_answered_no_more() {
    let town = Town::start().await;
    let desk = Desk::of(&town).await;
    desk.root("ca", "/CN=Paper CA").await;
    for name in ["shop", "lab"] {
        desk.done(&format!(
            "chancery requests create {name} --dns {name}.example > {name}.csr"
        ))
        .await;
    }
    let unsaid = desk.refused(2, "chancery requests delete shop lab").await;
    assert!(unsaid.contains("--yes"), "{unsaid}");
    let review = desk
        .done("chancery requests delete shop lab --dry-run")
        .await;
    assert_eq!(review.matches("would go").count(), 2, "{review}");
    let listed = desk
        .json("chancery requests list --filter status=pending")
        .await;
    assert_eq!(listed["requests"].as_array().unwrap().len(), 2);
    desk.done("chancery requests delete shop lab --yes").await;
    let listed = desk.json("chancery requests list").await;
    assert_eq!(listed["requests"].as_array().map_or(0, Vec::len), 0);

    desk.grant("ca", "shop.csr", "late.pem").await;
    desk.done("chancery certs import late.pem").await;
    let late = desk.json("chancery certs show shop.example").await;
    assert!(late["requestId"].is_null());
    assert!(
        late["keyId"].is_string(),
        "the key of a deleted request stays"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_lacks_a_name_is_no_answer() {
    let town = Town::start().await;
    let desk = Desk::of(&town).await;
    desk.root("ca", "/CN=Paper CA").await;
    desk.done("chancery requests create shop --dns shop.example --dns www.shop.example > shop.csr")
        .await;
    desk.done(
        "printf 'subjectAltName = DNS:shop.example' > less.cnf && openssl x509 -req -in shop.csr \
         -CA ca.pem -CAkey ca.key -days 90 -extfile less.cnf -out less.pem",
    )
    .await;
    desk.done("chancery certs import less.pem").await;
    let pending = desk.json("chancery requests show shop").await;
    assert_eq!(pending["status"], "REQUEST_STATUS_PENDING");
    let less = desk.json("chancery certs show shop.example").await;
    assert_eq!(less["keyId"], pending["keyId"]);
    // The right one comes later.
    desk.grant("ca", "shop.csr", "shop.pem").await;
    desk.done("chancery certs import shop.pem").await;
    let right = desk.json("chancery certs show shop").await;
    assert_eq!(right["requestId"], pending["id"]);
}
