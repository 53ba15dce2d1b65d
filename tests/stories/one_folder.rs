//! One data folder: one `up` at a time, each going on where the one before it stopped, and nothing left behind.

use town::{Town, child, wait};

use crate::issue::served;

#[tokio::test(flavor = "multi_thread")]
async fn a_second_up_on_the_folder_is_refused_and_says_who_has_it() {
    let mut town = Town::start().await;
    let refused = town.installation.up_to_its_end();
    assert_eq!(refused.status, 1, "{refused:?}");
    let first = town.installation.process("up").id().to_string();
    assert!(
        refused.stderr.contains("already runs") && refused.stderr.contains(&first),
        "{}",
        refused.stderr
    );
    // The first has not noticed.
    assert!(town.edge().leaf(None).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_leaves_nothing_running_and_the_next_start_goes_on() {
    let mut town = Town::start().await;
    town.register_ca().await;
    let automation = town.issue("shop.example").await;
    // All that follows from it by itself has happened.
    let scheduled = town.until(&automation.id, "renewal-scheduled").await;
    let automation = town.automation(&automation.id, scheduled.sequence).await;
    let leaf = wait::until("it is served", async || {
        let leaf = town.edge().leaf(Some("shop.example")).await?;
        (!pki::Certificate::parse(&leaf).unwrap().self_signed).then_some(leaf)
    })
    .await;
    let factory = town.edge().leaf(None).await.unwrap();
    let events = town.events("").await;

    let up = town.installation.process("up");
    let children = child::descendants(up.id());
    assert!(!children.is_empty(), "nats-server is a child of up");
    let status = up.stop("INT").await;
    assert!(status.success(), "{status}\n{}", up.log());
    let left = children
        .into_iter()
        .filter(|id| child::is_running(*id))
        .collect::<Vec<_>>();
    assert!(left.is_empty(), "still running: {left:?}");

    town.installation.up().await;
    // The same certificates, the same token, the same history; only the new gateway's session is an event more.
    served(&town, "shop.example", &leaf).await;
    assert_eq!(town.edge().leaf(None).await.unwrap(), factory);
    let after = town.events("").await;
    assert_eq!(after[..events.len()], events);
    let new = after[events.len()..]
        .iter()
        .map(|e| e.event.as_str())
        .collect::<Vec<_>>();
    assert!(
        new.iter().all(|event| *event == "serving-granted"),
        "{new:?}"
    );
    // And it goes on with its work.
    town.issue("second.example").await;
    assert_eq!(town.automation(&automation.id, 0).await, automation);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_up_that_was_killed_is_followed_by_one_that_takes_over_its_nats() {
    let mut town = Town::start().await;
    town.register_ca().await;
    let up = town.installation.process("up");
    let orphans = child::descendants(up.id());
    up.kill();
    assert!(
        orphans.iter().any(|id| child::is_running(*id)),
        "nats-server has outlived up"
    );

    town.installation.up().await;
    let left = orphans
        .into_iter()
        .filter(|id| child::is_running(*id))
        .collect::<Vec<_>>();
    assert!(left.is_empty(), "still running: {left:?}");
    town.issue("shop.example").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nats_server_that_dies_is_started_again() {
    let mut town = Town::start().await;
    town.register_ca().await;
    let up = town.installation.process("up").id();
    for id in child::descendants(up) {
        child::kill(id);
    }
    // What is asked meanwhile may be refused as unavailable, and is simply asked again.
    let client = town.client().await.with_request_id("during the restart");
    let id = wait::until("the request is taken", async || {
        let requested = client
            .acme()
            .request_certificate(town::request_for("shop.example"))
            .await;
        Some(requested.ok()?.into_inner().automation_id)
    })
    .await;
    town.until(&id, "certificate-issued").await;
}
