//! The command line, as its users and their scripts rely on it.

use serde_json::{Value, json};
use town::{Town, wait};

#[tokio::test(flavor = "multi_thread")]
async fn the_readme_from_login_to_the_certificate() {
    let town = Town::start().await;
    town.sign_in().await;
    let me = town.command(&["whoami"]).await.json();
    assert_eq!(me["role"], "ROLE_ADMIN");
    assert!(me["actor"].as_str().unwrap().starts_with("token/"));

    let roots = town.folder().join("roots.pem");
    std::fs::write(&roots, &town.ca.https_root).unwrap();
    let roots = roots.to_str().unwrap();
    let mut register = vec![
        "acme",
        "servers",
        "register",
        "pebble",
        "--directory",
        &town.ca.directory,
    ];
    register.extend([
        "--contact",
        "ops@example.com",
        "--agree-to-terms",
        "--trusted-roots",
        roots,
    ]);
    let registered = town.command(&register).await.json();
    let shown = town
        .command(&["acme", "servers", "show", "pebble"])
        .await
        .json();
    assert_eq!(shown["id"], registered["serverId"]);
    let servers = town.command(&["acme", "servers", "list"]).await.json();
    assert_eq!(
        servers["servers"][0]["directoryUrl"],
        json!(town.ca.directory)
    );

    let automation = town
        .command(&["acme", "request", "shop.example", "--server", "pebble"])
        .await
        .json();
    assert_eq!(automation["status"], "CERTIFICATE_STATUS_VALID");
    let listed = town
        .command(&["acme", "list", "--filter", "status=valid"])
        .await
        .json();
    assert_eq!(listed["automations"][0]["id"], automation["id"]);
    let again = town.command(&["acme", "show", "shop.example"]).await.json();
    // Whole: but for what the log has gone on to say of its next renewal.
    for field in ["id", "dnsNames", "certificateId", "notAfter", "status"] {
        assert_eq!(again[field], automation[field], "{field}");
    }

    let certificate = town
        .command(&["certs", "show", "shop.example"])
        .await
        .json();
    assert_eq!(certificate["id"], automation["certificateId"]);
    let certificates = town
        .command(&["certs", "list", "--sort", "name"])
        .await
        .json();
    assert_eq!(
        certificates["certificates"].as_array().unwrap().len(),
        2,
        "it and the factory's"
    );
    let leaf = wait::until("it is served", async || {
        let leaf = pki::Certificate::parse(&town.edge().leaf(Some("shop.example")).await?).unwrap();
        (!leaf.self_signed).then_some(leaf)
    })
    .await;
    assert_eq!(
        certificate["certificate"]["sha256Fingerprint"],
        json!(leaf.sha256_fingerprint)
    );

    let renewed = town
        .command(&["acme", "retry", "shop.example"])
        .await
        .json();
    assert_eq!(renewed["certificateVersion"], 2);
    let filter = format!("aggregate_id={}", automation["id"].as_str().unwrap());
    let events = town
        .command(&["events", "list", "--filter", &filter, "--sort", "sequence"])
        .await
        .json();
    let events = events["events"].as_array().unwrap();
    assert_eq!(events.first().unwrap()["event"], "requested");
    // When the next one is due may be in the log by now, or not yet.
    let mut ends = events.iter().filter(|e| e["event"] != "renewal-scheduled");
    assert_eq!(ends.next_back().unwrap()["event"], "renewed");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_status_tells_a_script_what_happened() {
    let town = Town::start().await;
    let not_signed_in = town.command(&["whoami"]).await;
    assert_eq!(not_signed_in.status, 1, "{not_signed_in:?}");
    assert!(
        not_signed_in.stderr.contains("chancery login"),
        "{}",
        not_signed_in.stderr
    );

    town.sign_in().await;
    assert_eq!(town.command(&["certs", "list"]).await.status, 0);
    let refused = town
        .command(&["acme", "request", "bad_name", "--server", "pebble"])
        .await;
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(
        refused.stderr.contains("dns_names[0]"),
        "{}",
        refused.stderr
    );
    assert_eq!(refused.stdout, "");
    assert_eq!(
        town.command(&["certs", "show", "nothing.example"])
            .await
            .status,
        1
    );
    let wrong_filter = town
        .command(&["certs", "list", "--filter", "colour=red"])
        .await;
    assert_eq!(wrong_filter.status, 1);
    assert!(
        wrong_filter.stderr.contains("not_after"),
        "it names the fields: {}",
        wrong_filter.stderr
    );
    assert_eq!(town.command(&["certs", "paint"]).await.status, 2);
    assert_eq!(town.command(&["acme", "request"]).await.status, 2);
    let nobody = format!("https://127.0.0.1:{}", ports::free_port());
    let unreachable = town
        .command_with(
            &["whoami", "--url", &nobody],
            &[("CHANCERY_TOKEN", "chancery_x")],
        )
        .await;
    assert_eq!(unreachable.status, 3, "{unreachable:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn login_pins_the_gateway_and_takes_no_other() {
    let town = Town::start().await;
    let other = Town::start().await;
    let mut fingerprint = pki::Certificate::parse(&other.edge().leaf(None).await.unwrap())
        .unwrap()
        .sha256_fingerprint;
    let url = town.url();
    let refused = town.login(&["login", &url, "--fingerprint", &fingerprint]);
    assert_eq!(refused.status, 1);
    assert!(
        refused.stderr.contains("nothing was sent"),
        "{}",
        refused.stderr
    );
    let unpinned = town.login(&["login", &url]);
    assert_eq!(
        unpinned.status, 1,
        "no root vouches for the factory certificate"
    );

    fingerprint = pki::Certificate::parse(&town.edge().leaf(None).await.unwrap())
        .unwrap()
        .sha256_fingerprint;
    assert!(
        unpinned.stderr.contains(&fingerprint),
        "{}",
        unpinned.stderr
    );
    assert_eq!(
        town.login(&["login", &url, "--fingerprint", &fingerprint])
            .status,
        0
    );
    assert_eq!(town.command(&["whoami"]).await.status, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_order_ends_with_the_cas_words_and_what_to_do() {
    let town = Town::start().await;
    town.sign_in().await;
    town.register_ca().await;
    town.ca.resolve("shop.example", "127.0.0.2").await;
    let failed = town
        .command(&["acme", "request", "shop.example", "--server", "pebble"])
        .await;
    assert_eq!(failed.status, 1);
    for words in ["CHALLENGE_FAILED", "the CA says:", "what to do:", "port 80"] {
        assert!(
            failed.stderr.contains(words),
            "{words:?} is not in: {}",
            failed.stderr
        );
    }
    let shown: Value = town.command(&["acme", "show", "shop.example"]).await.json();
    assert_eq!(shown["status"], "CERTIFICATE_STATUS_ERROR");
}
