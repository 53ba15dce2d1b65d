//! Pages while a service that they ask does not answer.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_away_costs_its_own_part_of_a_page() {
    let here = Here::while_services_are_away().await;
    let mut rosa = here.signed_in("rosa").await;
    for (path, heading) in [
        ("/overview", "Overview"),
        ("/certificates", "Certificates"),
        (
            "/certificates/served?name=shop.example",
            "What served a name",
        ),
        ("/automated", "Automated certificates"),
        ("/servers", "ACME servers"),
        ("/dns-providers", "DNS providers"),
        ("/requests", "Requests"),
        ("/keys", "Keys"),
        ("/notifications", "Notifications"),
        ("/audit", "Audit log"),
    ] {
        let page = rosa.open(path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        let heading = format!("<h1>{heading}</h1>");
        assert!(page.text.contains(&heading), "{path}: {}", page.text);
        let said = "Certificates are served all the same";
        assert!(page.text.contains(said), "{path}: {}", page.text);
    }
    // What can be shown without them is.
    for path in [
        "/settings",
        "/settings/users",
        "/settings/tokens",
        "/settings/sign-in",
        "/settings/backup",
        "/account",
        "/import",
        "/as-of?next=/keys",
        "/automated/new",
        "/servers/new",
        "/dns-providers/new",
        "/notifications/channels/new",
        "/setup/ca",
        "/setup/certificate",
    ] {
        let page = rosa.open(path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
    }
    // What it would offer to choose from is not there; the form is.
    let page = rosa.open("/create").await;
    assert!(
        page.text.contains("Create certificate request"),
        "{}",
        page.text
    );
    // What is typed is not lost.
    let fields = [("name", "Shop"), ("cn", "shop.example"), ("do", "request")];
    let page = rosa.send("/create", &fields).await;
    assert_eq!(page.status, 503, "{}", page.text);
    assert!(page.text.contains("value=\"Shop\""), "{}", page.text);
}
