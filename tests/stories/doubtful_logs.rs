//! A log that cannot be trusted is not used.

use std::fs;

use town::{Town, installation::Installation, kept::copy};

#[tokio::test(flavor = "multi_thread")]
async fn no_service_starts_on_a_server_that_does_not_sync() {
    let folder = tempfile::tempdir().unwrap();
    let mut installation = Installation::new(folder.path(), "");
    installation.event_log_alone().await;
    installation.process("nats").stop("TERM").await;
    let conf = installation.data.join("nats/nats.conf");
    let unsafe_conf = fs::read_to_string(&conf)
        .unwrap()
        .replace("sync_interval: always", "sync_interval: 2m");
    fs::write(&conf, unsafe_conf).unwrap();
    installation.start_nats();

    for service in [
        "keystore",
        "csr-service",
        "acme-agent",
        "notifier",
        "projection",
    ] {
        installation.start(service);
        let status = installation.process(service).end().await;
        let log = installation.process(service).log();
        assert_eq!(status.code(), Some(1), "{service}: {log}");
        assert!(
            log.contains("not safe") && log.contains("sync"),
            "{service} says why: {log}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_went_backwards_is_noticed_and_not_projected() {
    let mut town = Town::start().await;
    town.register_ca().await;
    let store = town.installation.data.join("nats/store");
    let earlier = town.folder().join("earlier");
    town.installation.process("up").stop("INT").await;
    copy(&store, &earlier);
    town.installation.up().await;
    town.issue("shop.example").await;
    let known = town.events("").await;
    town.installation.process("up").stop("INT").await;

    let latest = town.folder().join("latest");
    copy(&store, &latest);
    fs::remove_dir_all(&store).unwrap();
    copy(&earlier, &store);
    town.installation.start_up();

    let up = town.installation.process("up");
    assert_eq!(up.end().await.code(), Some(1));
    let log = up.log();
    assert!(
        log.contains("the log no longer has the event there"),
        "{log}"
    );
    assert!(
        log.contains("restore the log, or rebuild the tables"),
        "what to do: {log}"
    );
    // And so it is: with the log back, all goes on.
    fs::remove_dir_all(&store).unwrap();
    copy(&latest, &store);
    town.installation.up().await;
    assert_eq!(town.events("").await[..known.len()], known);
    town.issue("second.example").await;
}
