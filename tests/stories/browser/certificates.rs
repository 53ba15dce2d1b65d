//! Certificates from a person's side: the list, one certificate's page, and what is done with them.

use api::{
    csr::v1::CreateSelfSignedRequest,
    gateway::v1::CreateUserRequest,
    keystore::v1::{ImportedCertificate, KeyChoice, RenameCertificateRequest, key_choice},
    options::v1::Role,
    x509::v1::{KeyAlgorithm, SubjectAltNames},
};
use town::{
    Town,
    authority::Authority,
    browser::{Browser, Person},
    client::Client,
    edge::{fingerprint, openssl_x509},
    wait,
    web::Web,
};

/// S14, S15.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_issuer_is_named_and_fetched_and_all_that_a_rekey_needs_is_there() {
    let town = Town::start().await;
    let web = Web::open().await;
    let root_url = web.url("root.crt");
    let root = Authority::root("Paper Root").to_be_had_at(&root_url);
    let middle = root.below("Paper Middle");
    web.lay("root.crt", root.der());
    let leaf = middle.issue(&["shop.example", "www.shop.example"]);
    let client = town.client().await;
    client.import_certificate(middle.pem()).await;
    let shop = named(&client, leaf.clone(), "shop.example").await;

    let browser = Browser::first_admin(&town).await;
    browser
        .within("navigation", "Main")
        .click("link", "Certificates")
        .await;
    browser.until_at("/certificates").await;
    let row = browser.within("row", "shop.example");
    row.until("shop.example +1 more").await;
    row.until("Chain incomplete").await;
    // A link of its chain is no row of its own, but has a view.
    assert!(!browser.has("link", "Paper Middle").await);
    browser.click("link", "CA certificates").await;
    browser.find("link", "Paper Middle").await;
    browser.click("link", "All").await;
    browser.click("link", "shop.example").await;

    browser.find("heading", "shop.example").await;
    browser.until("This chain is incomplete: a certificate authority is missing, so it does not end in a self-signed certificate").await;
    browser
        .until("Paper Root looks like the one you need")
        .await;
    browser.until("2 of 3 certificates are here").await;
    browser.until("Missing").await;
    let host = web.url("");
    let host = host.trim_start_matches("http://").trim_end_matches('/');
    browser
        .click("button", &format!("Fetch it from {host}"))
        .await;
    browser.until("The chain is complete now.").await;
    browser.until("3 of 3 certificates are here").await;

    let der = pki::parse_pem_chain(&leaf).unwrap().remove(0).der;
    assert_eq!(shop.sha256_fingerprint, fingerprint(&der));
    let serial = openssl_x509(&der, &["-noout", "-serial"]).unwrap();
    let serial = serial.trim().trim_start_matches("serial=").to_owned();
    let text = browser.text().await.replace(':', "");
    for fact in [
        "www.shop.example",
        "ECDSA P-256, not here",
        &serial,
        &shop.sha256_fingerprint.to_uppercase(),
    ] {
        assert!(text.contains(fact), "{fact}: {text}");
    }
    browser.close().await;
}

/// S16.
#[tokio::test(flavor = "multi_thread")]
async fn one_button_makes_the_default_and_never_a_self_signed_one() {
    let town = Town::start().await;
    let client = town.client().await;
    let ca = Authority::root("Paper Root");
    let (pem, key) = ca.server("shop.example");
    client.import_certificate(ca.pem()).await;
    named(&client, format!("{pem}{key}"), "shop.example").await;
    let create = CreateSelfSignedRequest {
        friendly_name: "Lab bench".to_owned(),
        key: Some(KeyChoice {
            key: Some(key_choice::Key::NewKey(KeyAlgorithm::EcdsaP256.into())),
        }),
        subject_alt_names: Some(SubjectAltNames {
            dns_names: vec!["bench.example".to_owned()],
            ip_addresses: Vec::new(),
        }),
        ..CreateSelfSignedRequest::default()
    };
    client.csr().create_self_signed(create).await.unwrap();
    let browser = Browser::first_admin(&town).await;
    browser.script(false).await;
    browser.goto("/certificates").await;
    browser
        .find("image", "A self-signed certificate cannot be the default.")
        .await;
    browser
        .find(
            "image",
            "The certificate from the first start cannot be the default.",
        )
        .await;
    browser
        .click("link", "Use shop.example as the default…")
        .await;
    browser.until("Connections that send no server name (SNI), or one you do not hold, will get this certificate").await;
    browser.click("button", "Use as default").await;
    browser.find("image", "shop.example is the default").await;

    let der = pki::parse_pem_chain(&pem).unwrap().remove(0).der;
    wait::until("it answers without a name", async || {
        (town.edge().leaf(None).await? == der).then_some(())
    })
    .await;
    browser.close().await;
}

/// S17, S21: the same with script and without.
#[tokio::test(flavor = "multi_thread")]
async fn what_goes_is_shown_before_it_goes_and_comes_back() {
    let town = Town::start().await;
    let client = town.client().await;
    let ca = Authority::root("Paper Root");
    client.import_certificate(ca.pem()).await;
    for name in ["a.example", "b.example", "c.example"] {
        let (pem, key) = ca.server(name);
        named(&client, format!("{pem}{key}"), name).await;
    }
    // The same names again: the first of them is replaced.
    let (pem, key) = ca.server("b.example");
    named(&client, format!("{pem}{key}"), "b.example 2").await;
    let browser = Browser::first_admin(&town).await;
    for script in [true, false] {
        browser.script(script).await;
        browser.goto("/certificates?sort=name").await;
        assert!(!browser.has("button", "Delete…").await, "nothing is ticked");
        browser.tick("Select a.example").await;
        browser.tick("Select b.example").await;
        if script {
            let bar = browser.within("toolbar", "Actions for the selected certificates");
            bar.until("2 selected of 5").await;
        }
        browser.click("button", "Delete…").await;
        browser.find("heading", "Delete 2 certificates?").await;
        browser
            .until("a certificate should never be deleted unless it has already been replaced")
            .await;
        browser
            .until("Still in use: connections that ask for its names get it. No replacement.")
            .await;
        browser.until("Replaced by “b.example 2”.").await;

        // Something is in use: it has to be typed.
        browser.fill("Type delete 2 to confirm", "yes").await;
        browser.click("button", "Delete 2 certificates").await;
        let typed = browser.field("Type delete 2 to confirm").await;
        assert!(typed.is_wrong().await);
        assert_eq!(typed.value().await, "yes");
        browser.click("link", "Keep this one: b.example").await;
        browser.find("heading", "Delete this certificate?").await;
        browser.fill("Type delete 1 to confirm", "delete 1").await;
        browser.click("button", "Delete 1 certificate").await;
        browser
            .until("Deleted. What was deleted can be restored")
            .await;
        // Where he was.
        assert!(
            browser
                .path()
                .await
                .starts_with("/certificates?sort=name&at=")
        );
        assert!(!browser.has("link", "a.example").await);

        browser.click("link", "Deleted").await;
        browser.click("link", "a.example").await;
        browser.click("button", "Restore").await;
        browser
            .until("Restored. It is back among the certificates.")
            .await;
    }
    browser.close().await;
}

/// S2, P11: found by what one knows of it, in the address, with a way out where nothing is found.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_searched_filtered_sorted_and_paged() {
    let town = Town::start().await;
    let client = town.client().await;
    let ca = Authority::root("Paper Root");
    for n in 0..27 {
        let name = format!("host-{n:02}.example");
        named(&client, ca.issue(&[name.as_str()]), &name).await;
    }
    let browser = Browser::first_admin(&town).await;
    browser.goto("/certificates?sort=name").await;
    // The one from the first start is the 28th.
    browser.until("1–25 of 28").await;
    browser.click("link", "Next").await;
    browser.until("26–28 of 28").await;
    browser.click("link", "Previous").await;
    browser.until("1–25 of 28").await;
    browser.click("link", "Name").await;
    browser.find("link", "host-26.example").await;
    let head = browser.find("columnheader", "Name").await;
    assert_eq!(
        head.attribute("aria-sort").await.as_deref(),
        Some("descending")
    );

    // All of the page, and then all there are.
    browser.tick("Select all 25 on this page").await;
    browser.until("All 25 on this page are selected.").await;
    browser.click("link", "Select all 28.").await;
    browser.until("All 28 are selected.").await;
    browser.click("button", "Delete…").await;
    browser
        .find("heading", "Delete 27 of 28 certificates?")
        .await;
    browser
        .until("The factory certificate answers while there is no default")
        .await;
    browser.click("link", "Cancel").await;

    browser.fill("Search certificates", "host-1").await;
    browser.press("Enter").await;
    browser.until("1–10 of 10").await;
    browser.fill("Search certificates", "shpo").await;
    browser.press("Enter").await;
    browser.click("link", "Need you").await;
    browser.until("Nothing matches “shpo” in Need you.").await;
    browser.click("link", "Show all").await;
    browser.until("1–25 of 28").await;
    browser
        .goto("/certificates?issuer=paper&renewal=by-hand&key=rsa-2048")
        .await;
    browser.until("Nothing matches these filters in All.").await;
    browser.close().await;
}

/// P14: who may only look sees nothing that he may not do.
#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_sees_no_button_that_he_may_not_use() {
    let town = Town::start().await;
    let client = town.client().await;
    let ca = Authority::root("Paper Root");
    let shop = named(&client, ca.issue(&["shop.example"]), "shop.example").await;
    let admin = Browser::first_admin(&town).await;
    admin.close().await;
    let create = CreateUserRequest {
        login_name: "anna".to_owned(),
        display_name: ANNA.name.to_owned(),
        role: Role::Viewer.into(),
        ..CreateUserRequest::default()
    };
    let created = town
        .client()
        .await
        .users()
        .create_user(create)
        .await
        .unwrap();
    let link = created.into_inner().invitation.unwrap().path;
    let browser = Browser::open(&town).await;
    browser.goto(&link).await;
    browser.fill("Password", ANNA.password).await;
    browser.fill("The same password again", ANNA.password).await;
    browser.click("button", "Save and sign in").await;
    browser.until_signed_in(&ANNA).await;
    for path in [
        "/certificates",
        &format!("/certificates/{}", shop.certificate_id),
    ] {
        browser.goto(path).await;
        browser.until("shop.example").await;
        for name in [
            "Import",
            "New certificate",
            "More",
            "Replace",
            "Import the root",
        ] {
            assert!(
                !browser.has("button", name).await && !browser.has("link", name).await,
                "{name}"
            );
        }
    }
    browser.goto("/certificates").await;
    browser.tick("Select shop.example").await;
    browser.find("button", "Export…").await;
    assert!(!browser.has("button", "Delete…").await && !browser.has("button", "Renew now").await);
    browser.close().await;
}

/// P13: what its CA has revoked elsewhere is noted, with the reason.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_revoked_elsewhere_is_marked_by_hand() {
    let town = Town::start().await;
    let client = town.client().await;
    let ca = Authority::root("Paper Root");
    let shop = named(&client, ca.issue(&["shop.example"]), "shop.example").await;
    let browser = Browser::first_admin(&town).await;
    browser
        .goto(&format!("/certificates/{}", shop.certificate_id))
        .await;
    browser.click("button", "More").await;
    browser.click("link", "Mark as revoked…").await;
    browser.tick("Superseded").await;
    browser.click("button", "Mark as revoked").await;
    browser.until("Noted.").await;
    browser.until("Revoked").await;
    browser.click("button", "More").await;
    assert!(!browser.has("link", "Mark as revoked…").await);
    browser.close().await;
}

/// S23, P13: renewed with one button, revoked with a reason.
#[tokio::test(flavor = "multi_thread")]
async fn an_automated_one_is_renewed_and_revoked_from_its_page() {
    let town = Town::start().await;
    town.register_ca().await;
    let shop = town.issue("shop.example").await;
    let browser = Browser::first_admin(&town).await;
    browser.goto("/certificates").await;
    browser.click("link", "shop.example").await;
    browser.click("button", "Renew now").await;
    browser.until("Renewal has begun.").await;
    let renewed = town.until(&shop.id, "renewed").await;
    browser
        .goto(&format!(
            "/certificates/{}?at={}",
            shop.certificate_id, renewed.sequence
        ))
        .await;
    browser.until("Version 2").await;

    browser.click("button", "More").await;
    browser.click("link", "Rename…").await;
    browser.fill("Certificate friendly name", " ").await;
    browser.click("button", "Rename").await;
    let name = browser.field("Certificate friendly name").await;
    assert!(name.is_wrong().await, "{}", browser.text().await);
    browser.fill("Certificate friendly name", "The shop").await;
    browser.click("button", "Rename").await;
    browser.find("heading", "The shop").await;

    browser.click("button", "More").await;
    browser.click("link", "Revoke…").await;
    browser.tick("Superseded").await;
    browser.click("button", "Revoke").await;
    browser.until("The CA is being told.").await;
    town.until(&shop.certificate_id, "revoked").await;
    browser.close().await;
}

/// Imports a certificate, and gives it a friendly name: the test CA's have no common name of their own.
async fn named(client: &Client, content: String, name: &str) -> ImportedCertificate {
    let imported = client.import_certificate(content).await;
    let rename = RenameCertificateRequest {
        certificate_id: imported.certificate_id.clone(),
        friendly_name: name.to_owned(),
    };
    let renamed = client.certificates().rename_certificate(rename).await;
    renamed.expect("it is renamed");
    imported
}

const ANNA: Person = Person {
    login_name: "anna",
    name: "Anna Schmidt",
    password: "nine blue kites over the bay",
};
