//! A chain that misses issuers, and the place where a certificate says that they are to be had.

use api::{
    csr::v1::{FetchIssuersRequest, FetchIssuersResponse},
    keystore::v1::imported_item::Item,
};
use town::{Town, authority::Authority, client::Client, web::Web};

async fn fetch(client: &Client, certificate_id: &str) -> FetchIssuersResponse {
    let fetch = FetchIssuersRequest {
        certificate_id: certificate_id.to_owned(),
    };
    let fetched = client.csr().fetch_issuers(fetch).await;
    fetched.expect("an answer").into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_issuers_are_fetched_when_a_person_asks() {
    let town = Town::start().await;
    let client = town.client().await;
    let web = Web::open().await;
    let (middle_url, root_url) = (web.url("middle.cer"), web.url("root.crt"));
    let root = Authority::root("Paper Root").to_be_had_at(&root_url);
    let middle = root.below("Paper Middle").to_be_had_at(&middle_url);
    let leaf = client
        .import_certificate(middle.issue(&["shop.example"]))
        .await;
    assert!(!leaf.chain_complete);
    assert_eq!(leaf.missing_issuer_url, middle_url);

    // Nothing lies there yet: it is told, and nothing is lost.
    let missing = fetch(&client, &leaf.certificate_id).await;
    assert!(!missing.chain_complete && missing.issuers.is_empty());
    assert!(missing.message.contains("status 404"), "{missing:?}");

    web.lay("middle.cer", middle.der());
    web.lay("root.crt", root.pem().into_bytes());
    let fetched = fetch(&client, &leaf.certificate_id).await;
    assert!(fetched.chain_complete, "{fetched:?}");
    assert_eq!(fetched.message, "");
    let urls = fetched.issuers.iter().map(|issuer| issuer.url.as_str());
    assert_eq!(urls.collect::<Vec<_>>(), [&middle_url, &root_url]);
    let completed = town.until(&leaf.certificate_id, "chain-completed").await;
    assert!(fetched.position >= completed.sequence);
    // The issuers came in by the person's own doing.
    let imported = town.until(&leaf.certificate_id, "imported").await;
    for issuer in fetched.issuers {
        let verdict = issuer.verdict.unwrap();
        let Some(Item::Certificate(issuer)) = &verdict.items[0].item else {
            panic!("{verdict:?}");
        };
        let came = town.until(&issuer.certificate_id, "imported").await;
        assert_eq!(came.actor, imported.actor);
    }

    // Complete, there is nothing to fetch.
    let again = fetch(&client, &leaf.certificate_id).await;
    assert!(again.chain_complete && again.issuers.is_empty());
    assert_eq!(again.position, 0);
}
