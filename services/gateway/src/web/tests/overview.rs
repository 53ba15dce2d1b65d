//! A service that is away costs its own part of a page, and no more.

use api::options::v1::Role;

use super::*;

#[tokio::test]
async fn a_page_stands_while_services_are_away() {
    let here = Here::while_services_are_away().await;
    let mut rosa = here.signed_in("rosa").await;
    for (path, heading) in [
        ("/overview", "<h1>Overview</h1>"),
        ("/audit", "<h1>Audit log</h1>"),
        (
            "/audit?time=week&who=user/1&certificate=shop",
            "<h1>Audit log</h1>",
        ),
        ("/notifications", "<h1>Notifications</h1>"),
    ] {
        let page = rosa.open(path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        assert!(page.text.contains(heading), "{path}: {}", page.text);
        assert!(page.text.contains("Try again"), "{path}: {}", page.text);
    }
    let overview = rosa.open("/overview").await;
    assert!(
        overview.text.contains("1 of 5 services up"),
        "{}",
        overview.text
    );
    let down = "down: csr-service, acme-agent, notifier, projection";
    assert!(overview.text.contains(down), "{}", overview.text);
    // The log answers: it is not asked of a service.
    assert!(
        overview.text.contains("Event log answers"),
        "{}",
        overview.text
    );
}

#[tokio::test]
async fn who_needs_nothing_begins_at_his_certificates() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    let start = rosa.get("/").await;
    assert_eq!(start.location(), Some("/certificates"));
}

#[tokio::test]
async fn a_test_that_cannot_be_sent_says_so_and_others_have_no_button_for_it() {
    let here = Here::new().await;
    here.person("vera", Role::Viewer).await;
    let mut rosa = here.signed_in("rosa").await;
    rosa.open("/notifications").await;
    let channel = "/notifications/channels/0199d3a0-5b1c-7c3e-9a51-6a2f3c1b7e10";
    let tested = rosa.send(&format!("{channel}/test"), &[]).await;
    assert_eq!(tested.status, 422, "{}", tested.text);

    let mut vera = here.signed_in("vera").await;
    let page = vera.open("/notifications").await;
    assert!(
        !page.text.contains("/notifications/channels/new"),
        "{}",
        page.text
    );
    let page = vera.open("/overview").await;
    assert!(!page.text.contains("New certificate"), "{}", page.text);
}

#[tokio::test]
async fn a_form_says_that_the_notifier_is_away() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    let page = rosa.open("/notifications/channels/new?by=webhook").await;
    assert!(page.text.contains("New webhook"), "{}", page.text);
    let fields = [("by", "webhook"), ("name", "Operations")];
    let page = rosa.send("/notifications/channels/new", &fields).await;
    assert_eq!(page.status, 503, "{}", page.text);
}
