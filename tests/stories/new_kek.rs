//! The drill of docs/operate.md: a new key-encryption key, while certificates are served and renewed; and the end of the
//! old one, with what it still opens.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use town::{Town, desk::Desk, edge::Edge, wait};

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_encryption_key_takes_over_under_way_and_the_old_one_is_destroyed() {
    let mut town = Town::start().await;
    let desk = Desk::of(&town).await;
    town.register_ca().await;
    town.keep_token().await;
    let shop = town.issue("shop.example").await;
    let data = town.installation.data.clone();
    let folder = format!("--data-dir {}", data.display());
    desk.done(&format!("chancery backup before.backup {folder}"))
        .await;

    // While clients come and go, and certificates are renewed.
    let over = Arc::new(AtomicBool::new(false));
    let clients = tokio::spawn(handshakes(town.edge(), over.clone()));
    let said = desk.done(&format!("chancery rotate-kek {folder}")).await;
    assert!(said.contains("kek.rotated"), "{said}");
    let too_soon = desk
        .refused(1, &format!("chancery rotate-kek {folder}"))
        .await;
    assert!(too_soon.contains("kek.previous"), "{too_soon}");
    let ended = "chancery events list --filter 'aggregate=kek event=rotated'";
    let mut renewals = 0;
    let mut position = 0;
    let rotated = loop {
        desk.done("chancery acme retry shop.example").await;
        position = town
            .until_past(&shop.id, "renewed", position)
            .await
            .sequence;
        renewals += 1;
        let events = desk.json(ended).await;
        if let Some(event) = events["events"].get(0) {
            break event["body"].clone();
        }
    };
    over.store(true, Ordering::Relaxed);
    assert!(renewals > 0);
    assert!(clients.await.unwrap() > 0, "somebody was served meanwhile");
    assert_ne!(rotated["oldKekId"], rotated["newKekId"]);
    assert!(rotated["keys"].as_str().is_some_and(|keys| keys != "0"));

    // The old one is destroyed; all that there is opens without it.
    desk.done(&format!("chancery backup after.backup {folder}"))
        .await;
    let old = fs::read(data.join("kek.previous")).unwrap();
    desk.done(&format!("shred -u {}/kek.previous", data.display()))
        .await;
    town.installation.process("up").stop("INT").await;
    town.installation.up().await;
    desk.done("chancery acme retry shop.example").await;
    town.until_past(&shop.id, "renewed", position).await;
    desk.done("chancery certs export shop.example --private-key --unprotected --out shop.zip")
        .await;
    let leaf = wait::until("a handshake", async || {
        town.edge().leaf(Some("shop.example")).await
    })
    .await;

    // A backup of before opens no more with what is there, and says why.
    town.installation.lost();
    let restore = format!("chancery restore before.backup {folder}");
    let refused = desk.refused(1, &restore).await;
    assert!(
        refused.contains("it was taken under another one, as before that was rotated"),
        "{refused}"
    );
    // One of after does.
    desk.done(&format!("chancery restore after.backup {folder}"))
        .await;
    town.installation.up().await;
    desk.until("chancery projection verify", |verdict| {
        verdict["equal"] == true
    })
    .await;

    // And who has kept the old one has what it sealed: all of it is sealed anew.
    town.installation.lost();
    let previous = data.join("kek.previous");
    fs::write(&previous, old).unwrap();
    fs::set_permissions(&previous, fs::Permissions::from_mode(0o600)).unwrap();
    desk.done(&restore).await;
    town.installation.up().await;
    desk.until(ended, |events| events["events"].get(0).is_some())
        .await;
    fs::remove_file(&previous).unwrap();
    town.installation.process("up").stop("INT").await;
    town.installation.up().await;
    wait::until("the certificate of then is served", async || {
        let now = town.edge().leaf(Some("shop.example")).await?;
        let parsed = pki::Certificate::parse(&now).ok()?;
        (now != leaf && !parsed.self_signed).then_some(())
    })
    .await;
}

/// Connects until it is over, and is never turned away: how often.
async fn handshakes(edge: Edge, over: Arc<AtomicBool>) -> usize {
    let mut done = 0;
    while !over.load(Ordering::Relaxed) {
        edge.handshake(Some("shop.example")).await.unwrap();
        done += 1;
    }
    done
}
