//! A certificate from elsewhere for a name that an automation looks after: it disturbs nothing.

use api::acme::v1::RenewNowRequest;
use town::{Town, desk::Desk, edge::fingerprint, wait};

/// Waits until the shop's handshake shows the certificate that the automation has now, and answers its fingerprint.
async fn automation_answers(town: &Town, desk: &Desk) -> String {
    let row = desk.json("chancery certs show shop.example").await;
    let expected = row["certificate"]["sha256Fingerprint"]
        .as_str()
        .unwrap()
        .to_owned();
    wait::until("the automation's certificate answers", async || {
        let leaf = town.edge().leaf(Some("shop.example")).await?;
        (fingerprint(&leaf) == expected).then_some(())
    })
    .await;
    expected
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_certificate_leaves_an_automation_as_it_is() {
    let town = Town::start().await;
    let desk = Desk::of(&town).await;
    town.register_ca().await;
    let automation = town.issue("shop.example").await;
    let first = automation_answers(&town, &desk).await;

    desk.root("ca", "/CN=Paper CA").await;
    desk.issue("ca", "shop", "shop.example").await;
    desk.issue("ca", "lab", "lab.example").await;
    let verdicts = desk
        .done("chancery certs import shop.pem shop.key ca.pem")
        .await;
    assert!(verdicts.contains("shop.example (2)"), "{verdicts}");
    // What comes after it is served, so it has been heard of; and the automation's own still answers.
    desk.done("chancery certs import lab.pem lab.key").await;
    crate::issue::served(&town, "lab.example", &desk.der("lab.pem").await).await;
    assert_eq!(automation_answers(&town, &desk).await, first);

    let renew = RenewNowRequest {
        automation_id: automation.id.clone(),
    };
    town.client().await.acme().renew_now(renew).await.unwrap();
    town.until(&automation.id, "renewed").await;
    let second = desk
        .until("chancery certs show shop.example", |row| {
            row["version"] == 2
        })
        .await;
    assert_eq!(second["automationId"], automation.id.as_str());
    assert_ne!(automation_answers(&town, &desk).await, first);

    // It is not deleted by hand while it is renewed; the other is, and nothing changes at the edge.
    let managed = desk
        .refused(1, "chancery certs delete shop.example --yes")
        .await;
    assert!(managed.contains("MANAGED"), "{managed}");
    let answers = automation_answers(&town, &desk).await;
    desk.done("chancery certs delete 'shop.example (2)' --yes")
        .await;
    assert_eq!(automation_answers(&town, &desk).await, answers);
}
