//! The protocol, tried on a real CA: Pebble, which takes every challenge for proved here.

mod faulty;
pub mod pebble;
mod renewal;
mod upkeep;

use std::{sync::Arc, time::Duration};

use pki::{KeyAlgorithm, PrivateKey, Subject, SubjectAltNames};
use runtime::{Clock, Egress};
use zeroize::Zeroizing;

use super::{
    Account, AccountKey, AuthorizationStatus, ChallengeStatus, Client, Error, ExternalAccountKey,
    Holds, Identifier, NewAccount, NewOrder, Order, OrderStatus,
};
use pebble::{Pebble, Plan};

#[tokio::test]
async fn a_certificate_is_ordered_and_downloaded() {
    let ca = Pebble::start(Plan::default()).await;
    let client = discover(&ca).await;
    let meta = &client.directory().meta;
    assert!(meta.terms_of_service.is_some() && !meta.external_account_required);
    let account = register(&client, key()).await.unwrap();
    let leaf = issue(&account, "shop.example").await.unwrap();
    assert_eq!(leaf.dns_names, ["shop.example"]);
}

#[tokio::test]
async fn a_ca_that_refuses_half_of_all_nonces_is_borne() {
    let plan = Plan {
        nonce_reject: 50,
        ..Plan::default()
    };
    let ca = Pebble::start(plan).await;
    let account = register(&discover(&ca).await, key()).await.unwrap();
    for n in 0..5 {
        issue(&account, &format!("n{n}.example")).await.unwrap();
    }
}

#[tokio::test]
async fn a_ca_that_refuses_every_nonce_is_given_up() {
    let plan = Plan {
        nonce_reject: 100,
        ..Plan::default()
    };
    let ca = Pebble::start(plan).await;
    let refused = register(&discover(&ca).await, key()).await.err().unwrap();
    assert!(refused.is("badNonce"), "{refused:?}");
}

#[tokio::test]
async fn a_key_that_is_registered_again_finds_its_account() {
    let ca = Pebble::start(Plan::default()).await;
    let client = discover(&ca).await;
    let key = key();
    assert!(client.find(key.clone()).await.unwrap().is_none());
    let first = register(&client, key.clone()).await.unwrap();
    let again = register(&client, key.clone()).await.unwrap();
    let found = client.find(key).await.unwrap().unwrap();
    assert_eq!([again.url(), found.url()], [first.url(); 2]);
}

#[tokio::test]
async fn a_ca_that_was_started_anew_knows_neither_account_nor_order() {
    let mut ca = Pebble::start(Plan::default()).await;
    let client = discover(&ca).await;
    let key = key();
    let account = register(&client, key.clone()).await.unwrap();
    let shop = [Identifier::of("shop.example")];
    let (url, _) = account.new_order(&plain(&shop)).await.unwrap();
    ca.restart().await;
    let gone = account.order(&url).await.unwrap_err();
    assert!(gone.is("accountDoesNotExist"), "{gone:?}");
    assert!(client.find(key.clone()).await.unwrap().is_none());
    let account = register(&client, key).await.unwrap();
    let gone = account.order(&url).await.unwrap_err();
    assert!(
        matches!(gone, Error::Status { status: 404, .. }),
        "{gone:?}"
    );
}

#[tokio::test]
async fn an_account_is_bound_to_one_at_the_ca() {
    let hmac = b"a key of thirty-two octets or more".to_vec();
    let plan = Plan {
        external_accounts: vec![("kid-1".to_owned(), hmac.clone())],
        ..Plan::default()
    };
    let ca = Pebble::start(plan).await;
    let client = discover(&ca).await;
    assert!(client.directory().meta.external_account_required);
    let bound = async |id: &str, hmac: &[u8]| {
        let external = ExternalAccountKey::new(id.to_owned(), Zeroizing::new(hmac.to_vec()));
        let new = NewAccount {
            contact_emails: &["ops@example.com".to_owned()],
            external: Some(&external),
        };
        client.register(key(), &new).await
    };
    let unbound = register(&client, key()).await.err().unwrap();
    assert!(unbound.is("externalAccountRequired"), "{unbound:?}");
    assert!(bound("kid-2", &hmac).await.is_err());
    assert!(
        bound("kid-1", b"another key that is long enough for it")
            .await
            .is_err()
    );
    assert!(bound("kid-1", &hmac).await.is_ok());
}

#[tokio::test]
async fn a_blocked_name_comes_back_with_its_problem() {
    let plan = Plan {
        blocked: vec!["blocked.example".to_owned()],
        ..Plan::default()
    };
    let ca = Pebble::start(plan).await;
    let account = register(&discover(&ca).await, key()).await.unwrap();
    let refused = issue(&account, "www.blocked.example").await.unwrap_err();
    assert!(refused.is("rejectedIdentifier"), "{refused:?}");
}

fn key() -> Arc<AccountKey> {
    let pkcs8 = AccountKey::generate_pkcs8().unwrap();
    Arc::new(AccountKey::from_pkcs8(&pkcs8).unwrap())
}

async fn discover(ca: &Pebble) -> Arc<Client> {
    let egress = Egress::new(&["127.0.0.0/8".parse().unwrap()]);
    let http = egress.client(&[&ca.https_root_der]).unwrap();
    let clock = Clock::system();
    let holds = Arc::default();
    Client::discover(http, clock, holds, &ca.directory)
        .await
        .unwrap()
}

async fn register(client: &Arc<Client>, key: Arc<AccountKey>) -> Result<Account, Error> {
    let new = NewAccount {
        contact_emails: &[],
        external: None,
    };
    client.register(key, &new).await
}

async fn issue(account: &Account, name: &str) -> Result<pki::Certificate, Error> {
    let names = [Identifier::of(name)];
    let (url, order) = account.new_order(&plain(&names)).await?;
    assert_eq!(order.status, OrderStatus::Pending);
    assert!(order.expires.is_some());
    finish(account, &url, order, &names).await
}

/// From a pending order to its certificate.
async fn finish(
    account: &Account,
    url: &str,
    order: Order,
    names: &[Identifier],
) -> Result<pki::Certificate, Error> {
    for url in &order.authorizations {
        let authorization = account.authorization(url).await?;
        assert_eq!(authorization.status, AuthorizationStatus::Pending);
        let mut challenges = authorization.challenges.iter();
        let http01 = challenges.find(|c| c.kind == "http-01").unwrap();
        assert_eq!(http01.status, ChallengeStatus::Pending);
        assert!(
            account
                .key_authorization(&http01.token)
                .starts_with(&http01.token)
        );
        account.respond(&http01.url).await?;
    }
    let order = until(account, url, OrderStatus::Ready).await?;
    let csr = request_for(names);
    account.finalize(&order.finalize, &csr).await?;
    let order = until(account, url, OrderStatus::Valid).await?;
    let again = account.finalize(&order.finalize, &csr).await.unwrap_err();
    if !again.is("orderNotReady") {
        return Err(again);
    }
    let download = account.certificate(&order.certificate.unwrap()).await?;
    Ok(pki::parse_pem_chain(&download.pem).unwrap().remove(0))
}

fn request_for(names: &[Identifier]) -> Vec<u8> {
    let of = |kind: &str| {
        let names = names.iter().filter(|name| name.kind == kind);
        names.map(|name| name.value.clone()).collect::<Vec<_>>()
    };
    let names = SubjectAltNames::parse(&of("dns"), &of("ip")).unwrap();
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    pki::csr::build(&key, &Subject::default(), &names).unwrap()
}

/// An order that asks for nothing but the certificate.
fn plain(identifiers: &[Identifier]) -> NewOrder<'_> {
    NewOrder {
        identifiers,
        profile: None,
        replaces: None,
    }
}

async fn until(account: &Account, url: &str, status: OrderStatus) -> Result<Order, Error> {
    loop {
        let (order, _) = account.order(url).await?;
        assert_ne!(order.status, OrderStatus::Invalid, "{order:?}");
        if order.status == status {
            return Ok(order);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
