//! An account at a CA from its directory to its end: preview, contact, key, deactivation.

mod killed;

use api::{
    acme::v1::{
        AccountKeyRolled, DeactivateServerRequest, GetServerContactRequest, ListPresetsRequest,
        PreviewDirectoryRequest, RollAccountKeyRequest, UpdateServerContactRequest,
    },
    projection::v1::Event,
    refuse,
};
use serde::de::DeserializeOwned;
use tonic::Code;
use town::{Town, request_for};

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_is_shown_before_anything_is_registered() {
    let town = Town::start().await;
    let mut servers = town.client().await.servers();
    let presets = servers.list_presets(ListPresetsRequest {}).await.unwrap();
    let presets = presets.into_inner().presets;
    let closed = presets.iter().filter(|p| p.closed).map(|p| p.id.as_str());
    assert_eq!(closed.collect::<Vec<_>>(), ["buypass"]);

    let preview = PreviewDirectoryRequest {
        directory_url: town.ca.directory.clone(),
        trusted_roots_pem: town.ca.https_root.clone(),
    };
    let seen = servers
        .preview_directory(preview.clone())
        .await
        .unwrap()
        .into_inner();
    assert!(seen.terms_of_service_url.starts_with("data:"), "{seen:?}");
    assert!(!seen.external_account_required && seen.renewal_information);
    assert_eq!(seen.profiles[0].name, "default");
    assert!(!seen.profiles[0].description.is_empty());

    let elsewhere = PreviewDirectoryRequest {
        directory_url: town.ca.directory.replace("/dir", "/nope"),
        ..preview
    };
    let refused = servers.preview_directory(elsewhere).await.unwrap_err();
    let sentence = "This address answers, but not as an ACME directory.";
    assert!(refused.message().starts_with(sentence), "{refused}");
    assert!(town.events("aggregate=acme-server").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn contact_addresses_change_here_and_at_the_ca_and_not_in_the_log() {
    let town = Town::start().await;
    let id = town.register_ca().await;
    let client = town.client().await.with_request_id("contact-1");
    let update = |emails: &[&str]| UpdateServerContactRequest {
        server_id: id.clone(),
        contact_emails: emails.iter().map(ToString::to_string).collect(),
    };
    let new = ["new@example.com", "second@example.com"];
    let first = client
        .servers()
        .update_server_contact(update(&new))
        .await
        .unwrap()
        .into_inner();
    let again = client
        .servers()
        .update_server_contact(update(&new))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(first, again);
    assert_eq!(contact(&town, &id).await, new);

    // The same request id for something else.
    let other = client
        .servers()
        .update_server_contact(update(&["x@example.com"]))
        .await;
    assert_eq!(
        refuse::reason(&other.unwrap_err()).as_deref(),
        Some("REQUEST_ID_REUSED")
    );
    // What is no address is refused before the CA hears of it.
    let mut servers = town.client().await.servers();
    let wrong = servers
        .update_server_contact(update(&["nobody"]))
        .await
        .unwrap_err();
    assert_eq!(refuse::violations(&wrong)[0].field, "contact_emails[0]");
    servers.update_server_contact(update(&[])).await.unwrap();
    assert!(contact(&town, &id).await.is_empty());

    let events = town
        .events_at(
            &format!("aggregate_id={id} event=contact-updated"),
            first.position,
        )
        .await;
    assert!(
        !events.is_empty() && !format!("{events:?}").contains("example.com"),
        "{events:?}"
    );
    town.issue("shop.example").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_gets_another_key_while_orders_go_on() {
    let town = Town::start().await;
    let id = town.register_ca().await;
    town.issue("before.example").await;
    let mut orders = Vec::new();
    for n in 0..4 {
        orders.push(town.request(&format!("n{n}.example")).await);
    }
    let client = town.client().await.with_request_id("roll-1");
    let roll = || RollAccountKeyRequest {
        server_id: id.clone(),
    };
    let first = client
        .servers()
        .roll_account_key(roll())
        .await
        .unwrap()
        .into_inner();
    for order in orders {
        town.until(&order, "certificate-issued").await;
    }
    town.issue("after.example").await;

    let again = client
        .servers()
        .roll_account_key(roll())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(first, again);
    assert_eq!(town.ca.requests("/rollover-account-key"), 1);
    let rolled: AccountKeyRolled = body(&town.until(&id, "account-key-rolled").await);
    assert_eq!(rolled.account_key_thumbprint, first.account_key_thumbprint);
    assert_eq!(
        sealed_secrets(&town).await,
        1,
        "of the old key nothing is left"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_used_stays_and_one_that_is_not_ends_for_good() {
    let town = Town::start().await;
    let used = town.register_ca().await;
    town.issue("shop.example").await;
    let mut servers = town.client().await.servers();
    let deactivate = |id: &str| DeactivateServerRequest {
        server_id: id.to_owned(),
    };
    let refused = servers
        .deactivate_server(deactivate(&used))
        .await
        .unwrap_err();
    assert_eq!(refuse::reason(&refused).as_deref(), Some("SERVER_IN_USE"));
    assert!(refused.message().contains("shop.example"), "{refused}");

    let spare = servers
        .register_server(town.registration("spare"))
        .await
        .unwrap();
    let spare = spare.into_inner().server_id;
    let secrets = sealed_secrets(&town).await;
    let client = town.client().await.with_request_id("end-1");
    let first = client
        .servers()
        .deactivate_server(deactivate(&spare))
        .await
        .unwrap();
    let again = client
        .servers()
        .deactivate_server(deactivate(&spare))
        .await
        .unwrap();
    assert_eq!(first.into_inner(), again.into_inner());
    town.until(&spare, "deactivated").await;
    assert_eq!(
        sealed_secrets(&town).await,
        secrets - 1,
        "its key is destroyed"
    );
    assert!(contact(&town, &spare).await.is_empty());

    // Nothing can be had there any more, by no way.
    let mut request = request_for("other.example");
    request.server.clone_from(&spare);
    let refused = town
        .client()
        .await
        .acme()
        .request_certificate(request)
        .await
        .unwrap_err();
    assert_eq!(
        refuse::reason(&refused).as_deref(),
        Some("SERVER_DEACTIVATED")
    );
    let roll = RollAccountKeyRequest {
        server_id: spare.clone(),
    };
    let refused = servers.roll_account_key(roll).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    // Its name is free again.
    let anew = servers
        .register_server(town.registration("spare"))
        .await
        .unwrap();
    assert_ne!(anew.into_inner().server_id, spare);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_does_all_of_it() {
    let town = Town::start().await;
    town.sign_in().await;
    let presets = town.command(&["acme", "servers", "presets"]).await.json();
    assert_eq!(presets["presets"][0]["id"], "letsencrypt");
    let roots = town.folder().join("roots.pem");
    std::fs::write(&roots, &town.ca.https_root).unwrap();
    let roots = roots.to_str().unwrap();
    let directory = town.ca.directory.as_str();
    let preview = [
        "acme",
        "servers",
        "preview",
        directory,
        "--trusted-roots",
        roots,
    ];
    assert_eq!(
        town.command(&preview).await.json()["profiles"][0]["name"],
        "default"
    );
    let unknown = town
        .command(&["acme", "servers", "register", "nosuch", "--agree-to-terms"])
        .await;
    assert_eq!(unknown.status, 1);
    assert!(
        unknown.stderr.contains("letsencrypt-staging"),
        "{}",
        unknown.stderr
    );

    let register = [
        "acme",
        "servers",
        "register",
        "pebble",
        "--directory",
        directory,
    ];
    let terms = ["--trusted-roots", roots, "--agree-to-terms"];
    town.command(&[&register[..], &terms[..]].concat())
        .await
        .json();
    let contact = ["acme", "servers", "contact", "pebble", "new@example.com"];
    assert_eq!(town.command(&contact).await.status, 0);
    let rolled = town
        .command(&["acme", "servers", "roll-key", "pebble"])
        .await
        .json();
    assert_eq!(rolled["accountKeyThumbprint"].as_str().unwrap().len(), 43);
    let unasked = town
        .command(&["acme", "servers", "deactivate", "pebble"])
        .await;
    assert_eq!(
        unasked.status, 2,
        "nobody is there to agree: {}",
        unasked.stderr
    );
    let ended = town
        .command(&["acme", "servers", "deactivate", "pebble", "--yes"])
        .await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
}

async fn contact(town: &Town, id: &str) -> Vec<String> {
    let request = GetServerContactRequest {
        server_id: id.to_owned(),
    };
    let contact = town
        .client()
        .await
        .servers()
        .get_server_contact(request)
        .await;
    contact.unwrap().into_inner().contact_emails
}

fn body<M: DeserializeOwned>(event: &Event) -> M {
    serde_json::from_value(serde_json::to_value(&event.body).unwrap()).unwrap()
}

/// How many secrets the keystore keeps for other services.
async fn sealed_secrets(town: &Town) -> i64 {
    town.installation.rows("keystore", "sealed_secret").await
}
