//! A CA that is in trouble: a proxy of ours stands before it.

use faults::{Fault, Proxy};
use time::format_description::well_known::Rfc2822;

use super::*;

/// A CA, a proxy before it, and a client that talks to the proxy.
async fn troubled() -> (Pebble, Proxy, Arc<Client>) {
    let ca = Pebble::start(Plan::default()).await;
    let (certificate, private_key) = ca.https_identity();
    let root = &ca.https_root_der;
    let proxy = Proxy::start(ca.port(), &certificate, &private_key, root).await;
    let client = discover_at(&ca, proxy.port, Arc::default()).await.unwrap();
    (ca, proxy, client)
}

async fn discover_at(ca: &Pebble, port: u16, holds: Arc<Holds>) -> Result<Arc<Client>, Error> {
    let egress = Egress::new(&["127.0.0.0/8".parse().unwrap()]);
    let http = egress.client(&[&ca.https_root_der]).unwrap();
    let directory = format!("https://localhost:{port}/dir");
    Client::discover(http, Clock::system(), holds, &directory).await
}

fn answer(status: u16, retry_after: String) -> Fault {
    Fault::Answer {
        status,
        retry_after: Some(retry_after),
        problem: LIMITED,
    }
}

const ORDER: &str = "/order-plz";
const LIMITED: &str =
    r#"{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many new orders"}"#;

#[tokio::test]
async fn an_endpoint_is_not_asked_before_its_time() {
    let (_ca, proxy, client) = troubled().await;
    let account = register(&client, key()).await.unwrap();
    let shop = [Identifier::of("shop.example")];
    for (status, in_seconds) in [(429, true), (503, true), (429, false)] {
        let wait = Duration::from_secs(2);
        let retry_after = if in_seconds {
            "2".to_owned()
        } else {
            // A date has whole seconds only.
            let date = Clock::system().now() + wait + Duration::from_secs(1);
            date.format(&Rfc2822).unwrap()
        };
        let before = proxy.asked(ORDER).len();
        proxy.fault(ORDER, 1, answer(status, retry_after));
        let refused = account.new_order(&plain(&shop)).await.unwrap_err();
        assert!(refused.is("rateLimited"), "{refused:?}");
        assert!(refused.retry_after().unwrap() <= wait + Duration::from_secs(1));
        // Nobody asks there meanwhile, and all else goes on.
        let held = account.new_order(&plain(&shop)).await.unwrap_err();
        let Error::LeftAlone { retry_after, .. } = held else {
            panic!("{held:?}");
        };
        assert!(client.takes_orders_in().is_some());
        client.find(key()).await.unwrap();
        tokio::time::sleep(retry_after).await;
        account.new_order(&plain(&shop)).await.unwrap();
        let asked = &proxy.asked(ORDER)[before..];
        assert_eq!(asked.len(), 2);
        assert!(
            asked[1].at - asked[0].at >= wait,
            "{status}: asked too early"
        );
    }
}

#[tokio::test]
async fn a_limit_on_some_names_does_not_keep_others_waiting() {
    let (_ca, proxy, client) = troubled().await;
    let account = register(&client, key()).await.unwrap();
    let for_names = Fault::Answer {
        status: 429,
        retry_after: Some("100".to_owned()),
        problem: r#"{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many certificates (5) already issued for this exact set of identifiers"}"#,
    };
    proxy.fault(ORDER, 1, for_names);
    let shop = [Identifier::of("shop.example")];
    let refused = account.new_order(&plain(&shop)).await.unwrap_err();
    assert_eq!(refused.retry_after(), Some(Duration::from_secs(100)));
    let other = [Identifier::of("other.example")];
    account.new_order(&plain(&other)).await.unwrap();
}

#[tokio::test]
async fn a_directory_is_left_alone_by_every_client() {
    let (ca, proxy, _) = troubled().await;
    let holds = Arc::<Holds>::default();
    let before = proxy.asked("/dir").len();
    proxy.fault("/dir", 1, answer(503, "100".to_owned()));
    let refused = discover_at(&ca, proxy.port, holds.clone()).await.err();
    assert!(matches!(refused, Some(Error::Status { status: 503, .. })));
    let held = discover_at(&ca, proxy.port, holds).await.err();
    assert!(matches!(held, Some(Error::LeftAlone { .. })));
    assert_eq!(proxy.asked("/dir").len(), before + 1);
}

#[tokio::test]
async fn connections_break_and_answers_take_their_time() {
    let (_ca, proxy, client) = troubled().await;
    let account = register(&client, key()).await.unwrap();
    let shop = [Identifier::of("shop.example")];
    proxy.fault(ORDER, 1, Fault::Cut);
    let cut = account.new_order(&plain(&shop)).await.unwrap_err();
    assert!(matches!(cut, Error::Unreachable { .. }), "{cut:?}");
    proxy.fault(ORDER, 1, Fault::Slow(Duration::from_secs(1)));
    let (url, order) = account.new_order(&plain(&shop)).await.unwrap();
    let authorization = account.authorization(&order.authorizations[0]).await;
    let challenges = authorization.unwrap().challenges;
    account.respond(&challenges[0].url).await.unwrap();
    let order = until(&account, &url, OrderStatus::Ready).await.unwrap();
    // The CA finalizes, and nobody hears of it: the order tells.
    proxy.fault("/finalize-order", 1, Fault::CutAnswer);
    let csr = request_for(&shop);
    let cut = account.finalize(&order.finalize, &csr).await.unwrap_err();
    assert!(matches!(cut, Error::Unreachable { .. }), "{cut:?}");
    until(&account, &url, OrderStatus::Valid).await.unwrap();
}
