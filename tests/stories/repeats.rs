//! A command that comes twice takes effect once, however late the second comes.

use std::time::Duration;

use api::{acme::v1::RenewNowRequest, refuse};
use async_nats::jetstream;
use eventlog::subject;
use town::{Town, request_for};

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_again_answers_the_same_and_does_nothing() {
    let town = Town::start().await;
    town.register_ca().await;
    let client = town.client().await.with_request_id("order-4711");
    let ask = async || {
        client
            .acme()
            .request_certificate(request_for("shop.example"))
            .await
            .unwrap()
            .into_inner()
    };

    let first = ask().await;
    let at_once = ask().await;
    town.until(&first.automation_id, "certificate-issued").await;
    let later = ask().await;
    forget_message_ids(&town).await;
    // The server's window of message ids is over, as it is a day later.
    let much_later = ask().await;

    assert_eq!([&at_once, &later, &much_later], [&first; 3]);
    assert_eq!(town.events("event=requested").await.len(), 1);
    assert_eq!(town.ca.orders(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_id_for_something_else_is_refused() {
    let town = Town::start().await;
    town.register_ca().await;
    let client = town.client().await.with_request_id("order-4711");
    let position = client
        .acme()
        .request_certificate(request_for("shop.example"))
        .await
        .unwrap()
        .into_inner()
        .position;
    let before = town
        .events_at("aggregate=automation event=requested", position)
        .await;
    assert_eq!(before.len(), 1);

    for _ in 0..2 {
        let refused = client
            .acme()
            .request_certificate(request_for("other.example"))
            .await
            .unwrap_err();
        assert_eq!(
            refuse::reason(&refused).as_deref(),
            Some("REQUEST_ID_REUSED"),
            "{refused:?}"
        );
        forget_message_ids(&town).await;
    }
    assert_eq!(
        town.events("aggregate=automation event=requested").await,
        before
    );
    // Another caller's ids are his own; ours without one is a new command.
    town.client()
        .await
        .acme()
        .request_certificate(request_for("other.example"))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_that_is_asked_for_twice_with_one_id_happens_once() {
    let town = Town::start().await;
    town.register_ca().await;
    let shop = town.issue("shop.example").await;
    let blog = town.issue("blog.example").await;
    let client = town.client().await.with_request_id("renew-1");
    let renew = async |id: &str| {
        client
            .acme()
            .renew_now(RenewNowRequest {
                automation_id: id.to_owned(),
            })
            .await
    };

    let first = renew(&shop.id).await.unwrap().into_inner();
    town.until(&shop.id, "renewed").await;
    forget_message_ids(&town).await;
    let again = renew(&shop.id).await.unwrap().into_inner();
    assert_eq!(again, first);
    // The same id for another automation is another payload.
    let refused = renew(&blog.id).await.unwrap_err();
    assert_eq!(
        refuse::reason(&refused).as_deref(),
        Some("REQUEST_ID_REUSED"),
        "{refused:?}"
    );

    let tally = town.tally(&format!("aggregate_id={}", shop.id)).await;
    let count = |event: &str| {
        tally
            .iter()
            .find(|(name, _)| name == event)
            .map_or(0, |(_, count)| *count)
    };
    assert_eq!(
        (count("renewal-started"), count("renewed")),
        (1, 1),
        "{tally:?}"
    );
    assert_eq!(
        town.events(&format!("aggregate_id={} event=renewal-started", blog.id))
            .await,
        []
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_that_is_repeated_makes_one_account() {
    let town = Town::start().await;
    let client = town.client().await.with_request_id("register-1");
    let first = client
        .servers()
        .register_server(town.registration("pebble"))
        .await
        .unwrap()
        .into_inner();
    let again = client
        .servers()
        .register_server(town.registration("pebble"))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(again, first);
    assert_eq!(
        town.events_at("aggregate=acme-server", first.position)
            .await
            .len(),
        1
    );

    // The log holds no address, and yet they are part of what was asked for.
    let mut other = town.registration("pebble");
    other.contact_emails = vec!["somebody@example.com".to_owned()];
    let refused = client.servers().register_server(other).await.unwrap_err();
    assert_eq!(
        refuse::reason(&refused).as_deref(),
        Some("REQUEST_ID_REUSED"),
        "{refused:?}"
    );

    // The name is taken for everybody else.
    let refused = town
        .client()
        .await
        .servers()
        .register_server(town.registration("pebble"))
        .await
        .unwrap_err();
    assert_eq!(
        refuse::reason(&refused).as_deref(),
        Some("NAME_TAKEN"),
        "{refused:?}"
    );
}

/// Makes NATS forget every message id that it has seen, as it does by itself after two minutes.
async fn forget_message_ids(town: &Town) {
    let (client, _complaints) = town.installation.nats("provisioner").await;
    let jetstream = jetstream::new(client);
    let mut stream = jetstream.get_stream(subject::STREAM).await.unwrap();
    let usual = stream.info().await.unwrap().config.clone();
    let short = jetstream::stream::Config {
        duplicate_window: Duration::from_millis(100),
        ..usual.clone()
    };
    jetstream.update_stream(short).await.unwrap();
    // Here alone time itself is waited for: what a server still remembers, nothing shows.
    tokio::time::sleep(Duration::from_millis(500)).await;
    jetstream.update_stream(usual).await.unwrap();
}
