//! What a CA offers beside a first certificate: renewal information, replacements, profiles, addresses,
//! other chains, revocation, and authorizations that are used again.

use http::StatusCode;

use super::*;
use crate::client::renewal_info::{CertId, RenewalInfoError};

#[tokio::test]
async fn a_ca_says_when_to_renew_and_nonsense_is_no_answer() {
    let mut ca = Pebble::start(Plan::default()).await;
    let client = discover(&ca).await;
    let account = register(&client, key()).await.unwrap();
    let leaf = issue(&account, "shop.example").await.unwrap();
    let id = CertId::of(&leaf).unwrap();
    let window = client.renewal_info(&id).await.unwrap();
    assert!(leaf.not_before < window.start && window.end < leaf.not_after);
    assert!(client.ahead().unwrap().abs() < time::Duration::MINUTE);

    let pem = pki::pem::certificate(&leaf.der);
    let past =
        r#"{"suggestedWindow":{"start":"2020-01-01T00:00:00Z","end":"2020-01-02T00:00:00Z"}}"#;
    ca.set_renewal_info(&pem, past).await;
    let window = client.renewal_info(&id).await.unwrap();
    assert!(window.end < leaf.not_before);
    let inverted =
        r#"{"suggestedWindow":{"start":"2020-01-02T00:00:00Z","end":"2020-01-01T00:00:00Z"}}"#;
    for nonsense in [inverted, "certainly not JSON", "{}"] {
        ca.set_renewal_info(&pem, nonsense).await;
        let none = client.renewal_info(&id).await.unwrap_err();
        assert!(
            matches!(none, RenewalInfoError::Unusable { .. }),
            "{nonsense}: {none:?}"
        );
    }
    // It has forgotten everything.
    ca.restart().await;
    let unknown = client.renewal_info(&id).await.unwrap_err();
    assert!(
        matches!(unknown, RenewalInfoError::Unknown { .. }),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn a_certificate_is_replaced_once() {
    let ca = Pebble::start(Plan::default()).await;
    let account = register(&discover(&ca).await, key()).await.unwrap();
    let shop = [Identifier::of("shop.example")];
    let (id, url, order) = replacement(&account, &shop).await;
    let replacing = NewOrder {
        replaces: Some(&id),
        ..plain(&shop)
    };
    assert_eq!(order.replaces.as_deref(), Some(id.as_str()));
    finish(&account, &url, order, &shop).await.unwrap();
    let refused = account.new_order(&replacing).await.unwrap_err();
    assert!(refused.is("alreadyReplaced"), "{refused:?}");
    let (_, order) = account.new_order(&plain(&shop)).await.unwrap();
    assert_eq!(order.replaces, None);
}

/// An order for one more certificate in place of one: Pebble does not find some of those that it has issued (500).
async fn replacement(account: &Account, names: &[Identifier]) -> (CertId, String, Order) {
    for _ in 0..5 {
        let leaf = issue(account, &names[0].value).await.unwrap();
        let id = CertId::of(&leaf).unwrap();
        let replacing = NewOrder {
            replaces: Some(&id),
            ..plain(names)
        };
        match account.new_order(&replacing).await {
            Ok((url, order)) => return (id, url, order),
            Err(lost) => assert!(lost.is("serverInternal"), "{lost:?}"),
        }
    }
    panic!("none of five is found");
}

#[tokio::test]
async fn an_address_is_a_name_like_another() {
    let ca = Pebble::start(Plan::default()).await;
    let account = register(&discover(&ca).await, key()).await.unwrap();
    // One a certificate: Pebble sorts those of both families in two ways, and finds them different.
    for address in ["192.0.2.7", "2001:db8::7"] {
        let address = address.parse::<std::net::IpAddr>().unwrap();
        let names = [
            Identifier::of(&address.to_string()),
            Identifier::of("shop.example"),
        ];
        let (url, order) = account.new_order(&plain(&names)).await.unwrap();
        assert_eq!(order.authorizations.len(), 2);
        let leaf = finish(&account, &url, order, &names).await.unwrap();
        assert_eq!(leaf.ip_addresses, [address]);
        assert_eq!(leaf.dns_names, ["shop.example"]);
    }
}

#[tokio::test]
async fn a_valid_authorization_is_not_proved_again() {
    let plan = Plan {
        authorizations_reused: 100,
        ..Plan::default()
    };
    let ca = Pebble::start(plan).await;
    let account = register(&discover(&ca).await, key()).await.unwrap();
    issue(&account, "shop.example").await.unwrap();
    let shop = [Identifier::of("shop.example")];
    let (_, order) = account.new_order(&plain(&shop)).await.unwrap();
    assert_eq!(order.status, OrderStatus::Ready);
    let authorization = account.authorization(&order.authorizations[0]).await;
    assert_eq!(authorization.unwrap().status, AuthorizationStatus::Valid);
}

#[tokio::test]
async fn a_profile_decides_how_long_a_certificate_lives() {
    let plan = Plan {
        profiles: vec![("classic", 7_776_000), ("short", 518_400)],
        ..Plan::default()
    };
    let ca = Pebble::start(plan).await;
    let client = discover(&ca).await;
    let profiles = client.directory().meta.profiles.keys();
    assert_eq!(profiles.collect::<Vec<_>>(), ["classic", "short"]);
    let account = register(&client, key()).await.unwrap();
    let shop = [Identifier::of("shop.example")];
    let of = |profile| NewOrder {
        profile: Some(profile),
        ..plain(&shop)
    };
    let (url, order) = account.new_order(&of("short")).await.unwrap();
    let leaf = finish(&account, &url, order, &shop).await.unwrap();
    assert_eq!((leaf.not_after - leaf.not_before).whole_days(), 5);
    let refused = account.new_order(&of("long")).await.unwrap_err();
    assert!(refused.is("invalidProfile"), "{refused:?}");
}

#[tokio::test]
async fn the_same_certificate_is_offered_under_other_roots() {
    let plan = Plan {
        alternate_roots: 2,
        ..Plan::default()
    };
    let ca = Pebble::start(plan).await;
    let account = register(&discover(&ca).await, key()).await.unwrap();
    let shop = [Identifier::of("shop.example")];
    let (url, order) = account.new_order(&plain(&shop)).await.unwrap();
    finish(&account, &url, order, &shop).await.unwrap();
    let (order, _) = account.order(&url).await.unwrap();
    let first = account.certificate(&order.certificate.unwrap()).await;
    let first = first.unwrap();
    assert_eq!(first.alternates.len(), 2);
    let mut roots = Vec::new();
    for url in &first.alternates {
        let other = account.certificate(url).await.unwrap();
        let chain = pki::parse_pem_chain(&other.pem).unwrap();
        assert_eq!(chain[0], pki::parse_pem_chain(&first.pem).unwrap()[0]);
        roots.push(chain.last().unwrap().issuer_common_name());
    }
    roots.sort();
    let mut offered = vec![ca.root_name(1).await, ca.root_name(2).await];
    offered.sort();
    assert_eq!(roots, offered);
}

#[tokio::test]
async fn a_certificate_is_revoked_once() {
    let ca = Pebble::start(Plan::default()).await;
    let account = register(&discover(&ca).await, key()).await.unwrap();
    let leaf = issue(&account, "shop.example").await.unwrap();
    assert_eq!(ca.status_of(&leaf.serial_number).await, "Valid");
    account.revoke(&leaf.der, 4).await.unwrap();
    assert_eq!(ca.status_of(&leaf.serial_number).await, "Revoked");
    let again = account.revoke(&leaf.der, 4).await.unwrap_err();
    assert!(again.is("alreadyRevoked"), "{again:?}");
    let other = issue(&account, "other.example").await.unwrap();
    account.revoke(&other.der, 0).await.unwrap();
    assert_eq!(ca.status_of(&other.serial_number).await, "Revoked");
}

#[tokio::test]
async fn nonces_are_refused_more_or_less_often() {
    for nonce_reject in [0, 15, 80] {
        let plan = Plan {
            nonce_reject,
            ..Plan::default()
        };
        let ca = Pebble::start(plan).await;
        let client = discover(&ca).await;
        let account = match register(&client, key()).await {
            Ok(account) => account,
            Err(refused) => {
                assert!(nonce_reject == 80 && refused.is("badNonce"), "{refused:?}");
                continue;
            }
        };
        for n in 0..3 {
            match issue(&account, &format!("n{n}.example")).await {
                Ok(_) => {}
                // Tried again, and not for ever.
                Err(refused) => {
                    assert!(nonce_reject == 80 && refused.is("badNonce"), "{refused:?}")
                }
            }
        }
    }
}

#[tokio::test]
async fn who_asks_what_is_not_there_is_told_so() {
    let ca = Pebble::start(Plan::default()).await;
    let account = register(&discover(&ca).await, key()).await.unwrap();
    let nowhere = format!("https://localhost:{}/my-order/none", ca.port());
    let gone = account.order(&nowhere).await.unwrap_err();
    let Error::Status { status, .. } = gone else {
        panic!("{gone:?}");
    };
    assert_eq!(status, StatusCode::NOT_FOUND.as_u16());
}
