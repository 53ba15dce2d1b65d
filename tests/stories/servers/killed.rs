//! The agent is killed amid a change of an account, and brings it to its end at the next start.

use api::{
    acme::v1::{AccountKeyRolled, DeactivateServerRequest, RollAccountKeyRequest},
    refuse,
};
use town::{Town, request_for, wait};

use super::{body, sealed_secrets};

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_dies_amid_a_change_of_the_key_finds_which_one_its_ca_knows() {
    let mut town = Town::with_services_apart().await;
    let id = town.register_ca().await;
    town.issue("before.example").await;

    // The CA has changed the key, and the log cannot hear of it.
    town.ca.pause();
    let rolling = roll(&town, &id, "roll-1").await;
    wait::until("the new key is sealed", async || {
        (sealed_secrets(&town).await == 2).then_some(())
    })
    .await;
    town.installation.process("nats").signal("STOP");
    town.ca.resume();
    wait::until("the CA has changed the key", async || {
        (town.ca.requests("/rollover-account-key") == 1).then_some(())
    })
    .await;
    town.installation.process("acme-agent").kill();
    town.installation.process("nats").signal("CONT");
    rolling.abort();
    town.installation.start("acme-agent");

    let rolled: AccountKeyRolled = body(&town.until(&id, "account-key-rolled").await);
    town.issue("after.example").await;
    // The repeat finds what was gone on with: no further change.
    let again = roll(&town, &id, "roll-1").await.await.unwrap();
    assert_eq!(again, rolled.account_key_thumbprint);
    assert_eq!(town.ca.requests("/rollover-account-key"), 1);
    wait::until("the old key is gone", async || {
        (sealed_secrets(&town).await == 1).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_dies_before_the_ca_heard_of_the_new_key_goes_on() {
    let mut town = Town::with_services_apart().await;
    let id = town.register_ca().await;
    town.ca.pause();
    let rolling = roll(&town, &id, "roll-1").await;
    wait::until("the new key is sealed", async || {
        (sealed_secrets(&town).await == 2).then_some(())
    })
    .await;
    town.installation.process("acme-agent").kill();
    rolling.abort();
    town.ca.resume();
    town.installation.start("acme-agent");
    town.until(&id, "account-key-rolled").await;
    town.issue("after.example").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_dies_amid_a_deactivation_brings_it_to_its_end() {
    let mut town = Town::with_services_apart().await;
    let id = town.register_ca().await;
    town.ca.pause();
    let mut servers = town.client().await.with_request_id("end-1").servers();
    let request = DeactivateServerRequest {
        server_id: id.clone(),
    };
    let ending = tokio::spawn(async move { servers.deactivate_server(request).await });
    wait::until("the deactivation is written down", async || {
        (town.installation.rows("acme-agent", "server_change").await == 1).then_some(())
    })
    .await;
    // From here on nobody may begin to use it.
    let refused = town
        .client()
        .await
        .acme()
        .request_certificate(request_for("shop.example"))
        .await;
    assert_eq!(
        refuse::reason(&refused.unwrap_err()).as_deref(),
        Some("SERVER_DEACTIVATED")
    );
    town.installation.process("acme-agent").kill();
    ending.abort();
    town.ca.resume();
    town.installation.start("acme-agent");
    town.until(&id, "deactivated").await;
    wait::until("its key is gone", async || {
        (sealed_secrets(&town).await == 0).then_some(())
    })
    .await;
}

/// A roll that is under way; ends with the new key's thumbprint.
async fn roll(town: &Town, id: &str, request_id: &str) -> tokio::task::JoinHandle<String> {
    let mut servers = town.client().await.with_request_id(request_id).servers();
    let server_id = id.to_owned();
    tokio::spawn(async move {
        let rolled = servers
            .roll_account_key(RollAccountKeyRequest { server_id })
            .await;
        rolled.unwrap().into_inner().account_key_thumbprint
    })
}
