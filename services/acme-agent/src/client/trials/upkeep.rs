//! What is done to an account itself.

use std::sync::Arc;

use super::{
    super::{Identifier, Standing},
    discover, issue, key,
    pebble::{Pebble, Plan},
    plain, register,
};

#[tokio::test]
async fn contact_addresses_are_set_and_taken_away() {
    let ca = Pebble::start(Plan::default()).await;
    let account = register(&discover(&ca).await, key()).await.unwrap();
    let emails = ["a@example.com".to_owned(), "b@example.com".to_owned()];
    account.update_contact(&emails).await.unwrap();
    account.update_contact(&[]).await.unwrap();
    let refused = account.update_contact(&["no address".to_owned()]).await;
    assert!(refused.unwrap_err().nothing_happened());
    account.check().await.unwrap();
}

#[tokio::test]
async fn an_account_gets_another_key_while_it_is_used() {
    let ca = Pebble::start(Plan::default()).await;
    let client = discover(&ca).await;
    let (old, new) = (key(), key());
    let account = Arc::new(register(&client, old.clone()).await.unwrap());
    let orders = (0..4).map(|n| {
        let account = account.clone();
        tokio::spawn(async move { issue(&account, &format!("n{n}.example")).await })
    });
    let orders = orders.collect::<Vec<_>>();

    account.change_key(new.clone()).await.unwrap();

    for order in orders {
        order.await.unwrap().unwrap();
    }
    assert_eq!(account.thumbprint(), new.thumbprint());
    assert!(client.find(old).await.unwrap().is_none());
    let found = client.find(new).await.unwrap().unwrap();
    assert_eq!(found.url(), account.url());
    issue(&account, "after.example").await.unwrap();
}

#[tokio::test]
async fn a_change_that_the_ca_refuses_leaves_the_key() {
    let ca = Pebble::start(Plan::default()).await;
    let client = discover(&ca).await;
    let key = key();
    let account = register(&client, key.clone()).await.unwrap();
    let refused = account.change_key(key.clone()).await.unwrap_err();
    assert!(refused.nothing_happened(), "{refused:?}");
    assert_eq!(account.thumbprint(), key.thumbprint());
    account.check().await.unwrap();
}

#[tokio::test]
async fn the_key_stays_while_a_challenge_is_looked_at() {
    let ca = Pebble::start(Plan::default()).await;
    let account = register(&discover(&ca).await, key()).await.unwrap();
    let account = Arc::new(account);
    let proving = account.proving().await;
    let change = tokio::spawn({
        let account = account.clone();
        async move { account.change_key(key()).await }
    });
    let before = account.key_authorization("t");
    // Others sign meanwhile: it is the challenge alone that the change waits for.
    account.check().await.unwrap();
    assert_eq!(account.key_authorization("t"), before);
    drop(proving);
    change.await.unwrap().unwrap();
    assert_ne!(account.key_authorization("t"), before);
}

#[tokio::test]
async fn an_account_that_has_ended_is_told_from_one_that_never_was() {
    let ca = Pebble::start(Plan::default()).await;
    let client = discover(&ca).await;
    let key_of_it = key();
    let account = register(&client, key_of_it.clone()).await.unwrap();
    let standing = client.standing(key_of_it.clone()).await.unwrap();
    assert!(matches!(standing, Standing::Valid(_)));
    account.deactivate().await.unwrap();
    let standing = client.standing(key_of_it).await.unwrap();
    assert!(matches!(standing, Standing::Ended));
    let standing = client.standing(key()).await.unwrap();
    assert!(matches!(standing, Standing::Unknown));
    let gone = account
        .new_order(&plain(&[Identifier::of("shop.example")]))
        .await;
    assert!(gone.unwrap_err().is("unauthorized"));
    assert!(account.check().await.is_err());
}
