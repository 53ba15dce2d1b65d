//! Pages while a service that they ask does not answer.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_away_costs_its_own_part_of_a_page() {
    let here = Here::while_services_are_away().await;
    let mut rosa = here.signed_in("rosa").await;
    for (path, there) in [
        ("/requests", "<h1>Requests</h1>"),
        ("/keys", "<h1>Keys</h1>"),
    ] {
        let page = rosa.open(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.text.contains(there), "{}", page.text);
        let said = "Certificates are served all the same";
        assert!(page.text.contains(said), "{}", page.text);
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
