//! The tables, compared with the log, made anew under the eyes of those who ask, and asked as they were.

use town::{Town, desk::Desk};

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_compared_made_anew_and_asked_as_they_were() {
    let town = Town::start().await;
    let desk = Desk::of(&town).await;
    desk.done("chancery certs self-sign shop --dns shop.example")
        .await;
    let events = desk.json("chancery events list --limit 1").await;
    let then = events["events"][0]["sequence"].as_str().unwrap().to_owned();
    let was = desk.json("chancery certs show shop").await;
    let exported = "chancery certs export shop --private-key --unprotected --out shop.zip";
    desk.done(exported).await;
    desk.done("chancery certs rename shop store && chancery certs self-sign lab --dns lab.example")
        .await;

    // As it was, by its name of then.
    let shown = desk
        .json(&format!("chancery certs show shop --as-of {then}"))
        .await;
    assert_eq!(shown, was);
    let listed = desk
        .json(&format!(
            "chancery certs list --filter domain=example --as-of {then}"
        ))
        .await;
    let names = listed["certificates"].as_array().unwrap().iter();
    let names = names.map(|row| row["friendlyName"].as_str().unwrap());
    assert!(names.eq(["shop"]));
    desk.refused(1, "chancery certs show shop").await;
    let future = desk
        .refused(1, "chancery keys list --as-of 2999-01-01")
        .await;
    assert!(future.contains("still to come"), "{future}");

    // What it served, and who could read the key.
    let served = desk.json("chancery certs served shop.example").await;
    assert_eq!(served["certificate"]["friendlyName"], "store");
    assert_eq!(served["because"], "SERVED_BECAUSE_NAME");
    assert_eq!(served["exports"].as_array().unwrap().len(), 1);
    assert_eq!(served["gateways"][0]["gateway"], "gateway");
    let before = format!("chancery certs served shop.example --as-of {then}");
    let before = desk.json(&before).await;
    assert_eq!(before["key"]["id"], served["key"]["id"]);
    assert_eq!(before["certificate"]["friendlyName"], "shop");
    assert_eq!(before["exports"].as_array().map_or(0, Vec::len), 0);

    // Equal to the log, before and after; and nothing is lost.
    let verdict = desk.json("chancery projection verify").await;
    assert_eq!(verdict["equal"], true, "{verdict}");
    assert_eq!(verdict["servedSha256"], verdict["replayedSha256"]);
    let before = desk.json("chancery certs list").await;
    let said = desk.done("chancery projection rebuild").await;
    assert!(said.contains("new tables are served"), "{said}");
    assert_eq!(
        desk.json("chancery certs list").await["certificates"],
        before["certificates"]
    );
    let verdict = desk.json("chancery projection verify").await;
    assert_eq!(verdict["equal"], true, "{verdict}");
    let none = desk
        .refused(1, "chancery projection skip 1 --reason 'it is in the way'")
        .await;
    assert!(none.contains("NOT_STOPPED"), "{none}");
}
