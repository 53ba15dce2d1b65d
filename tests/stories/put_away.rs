//! The default, and what may go: each refusal with its reason, and only one command that cannot be undone.

use town::{Town, desk::Desk, wait};

use crate::issue::served;

async fn answers_without_a_name(town: &Town, der: &[u8]) {
    wait::until("it answers without a name", async || {
        let leaf = town.edge().leaf(None).await?;
        (leaf == der).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_answers_without_a_name_until_it_is_cleared() {
    let town = Town::start().await;
    let factory = town.edge().leaf(None).await.unwrap();
    let desk = Desk::of(&town).await;
    desk.root("ca", "/CN=Paper CA").await;
    desk.issue("ca", "shop", "shop.example").await;
    desk.done("chancery certs self-sign lab --dns lab.example")
        .await;
    desk.done("chancery certs import shop.pem ca.pem").await;
    let keyless = desk
        .refused(1, "chancery certs set-default shop.example")
        .await;
    assert!(keyless.contains("KEY_MISSING"), "{keyless}");
    let self_signed = desk.refused(1, "chancery certs set-default lab").await;
    assert!(self_signed.contains("SELF_SIGNED_DEFAULT"), "{self_signed}");
    assert_eq!(town.edge().leaf(None).await.unwrap(), factory);

    desk.done("chancery certs import shop.key && chancery certs set-default shop.example")
        .await;
    let shop = desk.der("shop.pem").await;
    answers_without_a_name(&town, &shop).await;
    served(&town, "unknown.example", &shop).await;
    // Who asks for the factory certificate by its name still meets it: this person has pinned it.
    desk.done("chancery whoami").await;
    let row = desk.json("chancery certs show shop.example").await;
    assert_eq!(row["default"], true);
    let stays = desk
        .refused(1, "chancery certs delete shop.example --dry-run")
        .await;
    assert!(
        stays.contains("IS_DEFAULT") && stays.contains("would stay"),
        "{stays}"
    );
    let stays = desk
        .refused(1, "chancery certs delete shop.example lab --yes")
        .await;
    assert!(
        stays.contains("IS_DEFAULT") && stays.contains("1 of 2 stayed"),
        "{stays}"
    );
    desk.done("chancery certs show shop.example").await;
    desk.refused(1, "chancery certs show lab").await;

    desk.done("chancery certs set-default --clear").await;
    answers_without_a_name(&town, &factory).await;
    // No automation got it: what its CA did is noted, once.
    let how = desk
        .refused(1, "chancery certs revoke shop.example --reason superseded")
        .await;
    assert!(how.contains("--by-hand"), "{how}");
    for _ in 0..2 {
        desk.done("chancery certs revoke shop.example --reason superseded --by-hand")
            .await;
    }
    let row = desk.json("chancery certs show shop.example").await;
    assert_eq!(row["status"], "CERTIFICATE_STATUS_REVOKED");
    desk.done("chancery certs delete shop.example --yes").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_is_reviewed_and_can_be_undone() {
    let town = Town::start().await;
    let factory = town.edge().leaf(None).await.unwrap();
    let desk = Desk::of(&town).await;
    desk.done("chancery certs self-sign shop --dns shop.example")
        .await;
    let row = desk.json("chancery certs show shop").await;
    let id = row["id"].as_str().unwrap();
    let review = desk.done("chancery certs delete shop --dry-run").await;
    assert!(
        review.contains("would go") && review.contains(id),
        "{review}"
    );
    assert!(
        review.contains("replace it before you delete it"),
        "{review}"
    );
    let unsaid = desk.refused(2, "chancery certs delete shop").await;
    assert!(unsaid.contains("--yes"), "{unsaid}");
    desk.done("chancery certs show shop").await;

    desk.done("chancery certs delete shop --yes").await;
    served(&town, "shop.example", &factory).await;
    let gone = desk.done("chancery certs list --filter deleted=true").await;
    assert!(gone.contains(id) && gone.contains("deleted"), "{gone}");
    // Its name is free; restored, it gets a number, with its key as it was.
    desk.done("chancery certs self-sign shop --dns other.example")
        .await;
    let restored = desk.done("chancery certs restore shop").await;
    assert!(restored.contains("shop (2) is here again"), "{restored}");
    let back = desk.json("chancery certs show 'shop (2)'").await;
    assert_eq!((&back["id"], &back["keyId"]), (&row["id"], &row["keyId"]));
    desk.done("chancery certs export 'shop (2)' --certificate --out shop.pem")
        .await;
    served(&town, "shop.example", &desk.der("shop.pem").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_shredded_by_its_own_command_alone_and_not_while_it_is_used() {
    let town = Town::start().await;
    let desk = Desk::of(&town).await;
    desk.done("chancery certs self-sign shop --dns shop.example")
        .await;
    let row = desk.json("chancery certs show shop").await;
    let key = row["keyId"].as_str().unwrap();
    let used = desk
        .refused(1, &format!("chancery keys delete {key} --yes"))
        .await;
    assert!(
        used.contains("KEY_IN_USE") && used.contains("\"shop\""),
        "{used}"
    );
    desk.done(&format!(
        "chancery requests create renewal --dns shop.example --key {key} > shop.csr"
    ))
    .await;
    desk.done("chancery certs delete shop --yes").await;
    let used = desk
        .refused(1, &format!("chancery keys delete {key} --dry-run"))
        .await;
    assert!(
        used.contains("KEY_IN_USE") && used.contains("\"renewal\""),
        "{used}"
    );
    desk.done("chancery requests delete renewal --yes").await;
    // Neither deletion has shredded it.
    desk.done(&format!(
        "chancery keys export {key} --unprotected --out kept.key"
    ))
    .await;
    desk.done("openssl req -in shop.csr -noout -pubkey > asked && openssl pkey -in kept.key -pubout | cmp - asked")
        .await;
    assert_eq!(town.events("event=destroyed").await.len(), 0);

    let unsaid = desk
        .refused(2, &format!("chancery keys delete {key}"))
        .await;
    assert!(unsaid.contains("--yes"), "{unsaid}");
    let review = desk
        .done(&format!("chancery keys delete {key} --dry-run"))
        .await;
    assert!(review.contains("would go"), "{review}");
    assert_eq!(town.events("event=destroyed").await.len(), 0);
    desk.done(&format!("chancery keys delete {key} --yes"))
        .await;
    town.until(key, "destroyed").await;
    desk.refused(
        1,
        &format!("chancery keys export {key} --unprotected --out late.key"),
    )
    .await;
    assert!(!desk.path("late.key").exists());
    // The certificate comes back without it; and whoever kept the key brings it back.
    desk.done("chancery certs restore shop").await;
    let row = desk.json("chancery certs show shop").await;
    assert!(row["keyId"].is_null());
    desk.done("chancery keys import kept.key").await;
    let row = desk.json("chancery certs show shop").await;
    assert!(row["keyId"].is_string());
}
