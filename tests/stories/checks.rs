//! What a request would need is looked at first, as the CA will look, and never stands in the way.

use std::{io::Write as _, net::TcpListener, process::Stdio};

use api::{
    acme::v1::{ChallengeType, Check, CheckOutcome, CheckRequestRequest},
    refuse,
};
use serde_json::Value;
use town::{Plan, Town, command_line};

#[tokio::test(flavor = "multi_thread")]
async fn what_will_work_passes_every_check() {
    let town = town().await;
    town.register_ca().await;
    let checks = check(&town, request(&["shop.example", "www.shop.example"])).await;
    for name in ["shop.example", "www.shop.example"] {
        for kind in ["RESOLVES", "TO_HERE", "CAA"] {
            assert_eq!(outcome(&checks, kind, name), CheckOutcome::Passed);
        }
    }
    assert_eq!(
        outcome(&checks, "PORT_80", "127.0.0.1"),
        CheckOutcome::Passed
    );
    assert_eq!(outcome(&checks, "SERVER", "pebble"), CheckOutcome::Passed);
    assert_eq!(
        outcome(&checks, "RATE_LIMIT", "pebble"),
        CheckOutcome::Passed
    );
    assert!(
        checks
            .iter()
            .all(|c| c.took.is_some() && c.fixes.is_empty())
    );
    assert!(town.events("aggregate=automation").await.is_empty());
    assert_eq!(town.ca.orders(), 0, "a check orders nothing");

    let by_tls = CheckRequestRequest {
        challenge_type: ChallengeType::TlsAlpn01.into(),
        ..request(&["shop.example"])
    };
    let checks = check(&town, by_tls).await;
    assert_eq!(
        outcome(&checks, "PORT_443", "127.0.0.1"),
        CheckOutcome::Passed
    );
    assert!(
        checks
            .iter()
            .all(|c| c.kind != "PORT_80" && c.kind != "TO_HERE")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_dns_says_is_judged_as_the_ca_will_judge_it() {
    use CheckOutcome::{Failed, Passed, Warning};
    let town = town().await;
    town.register_ca().await;
    town.ca.resolve("here.example", "127.0.0.1").await;
    town.ca.resolve_nothing_else().await;
    // A second address, at which nobody listens.
    town.ca.resolve("both.example", "127.0.0.1").await;
    town.ca.resolve_by_ipv6("both.example", "::1").await;
    town.ca.break_dns("broken.example").await;
    town.ca.resolve("inside.example", "10.1.2.3").await;
    town.ca.resolve("elsewhere.example", "127.0.0.3").await;
    let _other = web_server("127.0.0.3", town.edge().http.port());
    town.ca
        .restrict("other-ca.example", "issue", "other.example")
        .await;
    town.ca
        .restrict("our-ca.example", "issue", "pebble.letsencrypt.org")
        .await;
    let by_dns = "pebble.letsencrypt.org; validationmethods=dns-01";
    town.ca.restrict("by-dns.example", "issue", by_dns).await;

    let names = [
        "here.example",
        "nowhere.example",
        "both.example",
        "broken.example",
        "inside.example",
        "elsewhere.example",
        "www.other-ca.example",
        "www.our-ca.example",
        "by-dns.example",
    ];
    let checks = check(&town, request(&names)).await;

    for (kind, target, expected, words) in [
        ("RESOLVES", "here.example", Passed, "127.0.0.1"),
        ("TO_HERE", "here.example", Passed, "this system"),
        (
            "RESOLVES",
            "nowhere.example",
            Failed,
            "neither an A nor an AAAA",
        ),
        ("RESOLVES", "both.example", Passed, "::1"),
        ("PORT_80", "::1", Warning, "refused"),
        ("TO_HERE", "both.example", Passed, "this system"),
        ("RESOLVES", "broken.example", Failed, "SERVFAIL"),
        ("CAA", "broken.example", Failed, "SERVFAIL"),
        ("PORT_80", "10.1.2.3", Warning, "private"),
        ("TO_HERE", "inside.example", Warning, "cannot be told"),
        ("PORT_80", "127.0.0.3", Passed, "elsewhere.example"),
        ("TO_HERE", "elsewhere.example", Failed, "status 404"),
        ("CAA", "www.other-ca.example", Failed, "other.example"),
        ("CAA", "www.our-ca.example", Passed, "our-ca.example"),
        ("CAA", "by-dns.example", Failed, "only by dns-01"),
    ] {
        let found = find(&checks, kind, target);
        assert_eq!(found.outcome(), expected, "{found:?}");
        assert!(found.message.contains(words), "{found:?}");
        assert_eq!(found.fixes.is_empty(), expected == Passed, "{found:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_cannot_be_made_says_what_is_wrong_with_it() {
    let town = town().await;
    let unregistered = town.client().await.acme();
    let refused = { unregistered }
        .check_request(request(&["shop.example"]))
        .await;
    let refused = refused.unwrap_err();
    assert_eq!(
        refuse::reason(&refused).as_deref(),
        Some("SERVER_NOT_FOUND")
    );
    let odd = request(&["*.shop.example", "localhost"]);
    let refused = town
        .client()
        .await
        .acme()
        .check_request(odd)
        .await
        .unwrap_err();
    let fields = refuse::violations(&refused).into_iter().map(|v| v.field);
    assert_eq!(fields.collect::<Vec<_>>(), ["dns_names[0]", "dns_names[1]"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_shows_failures_first_and_requests_anyway() {
    let town = town().await;
    town.register_ca().await;
    town.sign_in().await;
    town.ca
        .restrict("barred.example", "issue", "other.example")
        .await;

    let all_well = town
        .command(&["acme", "check", "shop.example", "--server", "pebble"])
        .await;
    let checks = all_well.json()["checks"].as_array().unwrap().clone();
    assert!(
        checks
            .iter()
            .all(|c| c["outcome"] == "CHECK_OUTCOME_PASSED"),
        "{checks:?}"
    );

    let barred = ["acme", "check", "barred.example", "--server", "pebble"];
    let ended = town.command(&barred).await;
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    let checks: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(checks["checks"][0]["kind"], "CAA", "failures come first");
    assert!(ended.stderr.contains("1 of "), "{}", ended.stderr);
    let home = town.installation.home().to_owned();
    let people = tokio::task::spawn_blocking(move || {
        command_line::run(command_line::command(&home).args(barred), Stdio::null())
    });
    let people = people.await.unwrap();
    let first = people.stdout.trim_start().lines().next().unwrap();
    assert!(
        first.starts_with("failed   CAA barred.example: "),
        "{}",
        people.stdout
    );
    assert!(
        people.stdout.contains("\n           1. Add the record"),
        "{}",
        people.stdout
    );

    // Pebble does not look at CAA records: what would fail elsewhere is shown, and requested.
    let requested = town
        .command(&["acme", "request", "barred.example", "--server", "pebble"])
        .await;
    assert_eq!(requested.status, 0, "{}", requested.stderr);
    assert!(
        requested.stderr.contains("failed   CAA barred.example"),
        "{}",
        requested.stderr
    );
    assert!(
        requested.stderr.contains("requesting anyway"),
        "{}",
        requested.stderr
    );
    let quiet = [
        "acme",
        "request",
        "barred.example",
        "--server",
        "pebble",
        "--name",
        "again",
        "--no-checks",
    ];
    let requested = town.command(&quiet).await;
    assert_eq!(requested.status, 0, "{}", requested.stderr);
    assert!(!requested.stderr.contains("CAA"), "{}", requested.stderr);
}

async fn town() -> Town {
    Town::planned(Plan {
        checks: true,
        ..Plan::default()
    })
    .await
}

fn request(names: &[&str]) -> CheckRequestRequest {
    CheckRequestRequest {
        server: "pebble".to_owned(),
        dns_names: names.iter().map(ToString::to_string).collect(),
        ..CheckRequestRequest::default()
    }
}

async fn check(town: &Town, request: CheckRequestRequest) -> Vec<Check> {
    let checks = town.client().await.acme().check_request(request).await;
    let mut checks = checks.unwrap().into_inner();
    let mut all = Vec::new();
    while let Some(check) = checks.message().await.unwrap() {
        all.push(check);
    }
    all
}

#[track_caller]
fn find<'a>(checks: &'a [Check], kind: &str, target: &str) -> &'a Check {
    let found = checks.iter().find(|c| c.kind == kind && c.target == target);
    found.unwrap_or_else(|| panic!("no {kind} of {target}: {checks:#?}"))
}

#[track_caller]
fn outcome(checks: &[Check], kind: &str, target: &str) -> CheckOutcome {
    find(checks, kind, target).outcome()
}

/// Somebody else's web server, which knows nothing.
fn web_server(address: &str, port: u16) -> std::thread::JoinHandle<()> {
    let listener = TcpListener::bind((address, port)).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4_096];
            let _ = std::io::Read::read(&mut stream, &mut request);
            let _ = stream.write_all(
                b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            );
        }
    })
}
