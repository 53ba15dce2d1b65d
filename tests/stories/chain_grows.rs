//! A chain that misses an authority: who is missing is said, and it completes itself when that one comes.

use serde_json::Value;
use town::{Town, desk::Desk, wait};

use crate::issue::served;

/// How many certificates the gateway shows for the shop.
async fn shown(desk: &Desk) -> usize {
    let line = "openssl s_client -connect $EDGE -servername shop.example -showcerts 2>/dev/null </dev/null";
    desk.done(line).await.matches("BEGIN CERTIFICATE").count()
}

/// Waits until it is so many.
async fn until_shown(desk: &Desk, count: usize) {
    let what = format!("{count} certificates are shown");
    wait::until(&what, async || (shown(desk).await == count).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_authority_is_named_and_its_import_lengthens_what_is_served() {
    let town = Town::start().await;
    let desk = Desk::of(&town).await;
    desk.root("root", "/O=Example/CN=Example Root").await;
    desk.below("root", "upper", "/O=Example/CN=Upper CA").await;
    desk.below("upper", "lower", "/O=Example/CN=Lower CA").await;
    desk.issue("lower", "shop", "shop.example").await;

    let said = desk.shell("chancery certs import shop.pem shop.key").await;
    assert!(
        said.stderr.contains("warning:") && said.stderr.contains("CN=Lower CA"),
        "{said:?}"
    );
    served(&town, "shop.example", &desk.der("shop.pem").await).await;
    until_shown(&desk, 1).await;
    let listed = desk
        .done("chancery certs list --filter chain=incomplete")
        .await;
    assert!(
        listed.contains("shop.example") && listed.contains("chain incomplete"),
        "{listed}"
    );
    let details = desk.shell("chancery certs show shop.example").await;
    assert!(details.stderr.contains("CN=Lower CA"), "{details:?}");

    // In no order: the root first, which helps nobody yet.
    desk.done("chancery certs import root.pem").await;
    let row = desk.json("chancery certs show shop.example").await;
    assert!(names(&row, "Lower CA"), "{row}");
    desk.done("chancery certs import lower.pem").await;
    let row = desk
        .until("chancery certs show shop.example", |row| {
            names(row, "Upper CA")
        })
        .await;
    assert!(row["chainComplete"].is_null());
    until_shown(&desk, 2).await;
    let chain = desk.json("chancery certs import upper.pem").await;
    assert_eq!(chain["files"][0]["outcome"], "FILE_OUTCOME_IMPORTED");
    let row = desk
        .until("chancery certs show shop.example", |row| {
            row["chainComplete"] == true
        })
        .await;
    assert!(row["missingIssuer"].is_null());
    assert_eq!(row["issuers"].as_array().unwrap().len(), 3);
    // The root is the client's own.
    until_shown(&desk, 3).await;
    let details = desk.shell("chancery certs show shop.example").await;
    assert!(!details.stderr.contains("warning"), "{details:?}");
    let verdict = desk
        .done(
            "openssl s_client -connect $EDGE -servername shop.example -verify_hostname shop.example \
             -verify_return_error -brief -CAfile root.pem 2>&1 </dev/null",
        )
        .await;
    assert!(verdict.contains("Verification: OK"), "{verdict}");
    let tally = town
        .tally(&format!("aggregate_id={}", row["id"].as_str().unwrap()))
        .await;
    let completed = tally.iter().find(|(event, _)| event == "chain-completed");
    assert_eq!(
        completed.unwrap().1,
        2,
        "once for each that made it longer: {tally:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_it_has_the_issuers_fetched() {
    let town = Town::start().await;
    let desk = Desk::of(&town).await;
    let web = town::web::Web::open().await;
    let url = web.url("ca.cer");
    desk.root("root", "/CN=Example Root").await;
    desk.lay(
        "aia.cnf",
        format!("subjectAltName = DNS:shop.example\nauthorityInfoAccess = caIssuers;URI:{url}\n"),
    );
    desk.done(
        "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config ca.cnf -subj /CN=shop.example \
         -keyout shop.key -out shop.csr && openssl x509 -req -in shop.csr -CA root.pem -CAkey root.key \
         -days 90 -extfile aia.cnf -out shop.pem",
    )
    .await;
    // Unasked nothing is fetched; it is said from where it could be.
    let unasked = desk.shell("chancery certs import shop.pem").await;
    assert!(
        unasked.stderr.contains(&url) && unasked.stderr.contains("--fetch-issuers"),
        "{unasked:?}"
    );
    let vain = desk
        .shell("chancery certs import shop.pem --fetch-issuers")
        .await;
    assert!(vain.stderr.contains("404"), "{vain:?}");
    web.lay("ca.cer", desk.der("root.pem").await);
    let fetched = desk
        .shell("chancery certs import shop.pem --fetch-issuers")
        .await;
    assert!(
        fetched.stderr.contains("the chain is complete"),
        "{fetched:?}"
    );
    let row = desk.json("chancery certs show shop.example").await;
    assert_eq!(row["chainComplete"], true);
}

fn names(row: &Value, issuer: &str) -> bool {
    row["missingIssuer"]
        .as_str()
        .is_some_and(|missing| missing.contains(issuer))
}
