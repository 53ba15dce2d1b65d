//! Pages of a moment: what they say, and what they do not offer.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_the_past_says_so_and_offers_nothing_to_change() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    let now = rosa.open("/certificates?q=shop&page=0.x").await;
    for there in [
        "New certificate",
        "data-at=",
        r#"name="next" value="/certificates?q=shop""#,
    ] {
        assert!(now.text.contains(there), "{there}: {}", now.text);
    }
    let then = rosa.open("/certificates?q=shop&as_of=2020-03-01").await;
    assert_eq!(then.status, 200, "{}", then.text);
    for there in [
        "As of 1 Mar 2020, 00:00:00 UTC.",
        r#"href="/certificates?q=shop">Return to now"#,
        r#"href="/keys?as_of=2020-03-01T00:00:00Z""#,
    ] {
        assert!(then.text.contains(there), "{there}: {}", then.text);
    }
    for gone in ["New certificate", "data-at=", "/import"] {
        assert!(!then.text.contains(gone), "{gone}: {}", then.text);
    }
    // What changes something is of now, whatever its address says.
    let form = rosa.open("/create?as_of=2020-03-01").await;
    assert!(!form.text.contains("You are reading the past"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moment_that_there_is_not_is_said_beside_its_field() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    for (path, field, why) in [
        (
            "/keys?as_of=2999-01-01",
            "time",
            "That time is still to come.",
        ),
        ("/keys?as_of=yesterday", "time", "That is no time"),
        (
            "/keys?as_of=48213",
            "position",
            "There is no event #48\u{a0}213. The log has #1 to #10.",
        ),
        (
            "/as-of?next=/keys&time=&position=",
            "time",
            "Give a time or a position.",
        ),
        (
            "/as-of?next=/keys&time=2020-03-01&position=7",
            "position",
            "not both",
        ),
        (
            "/as-of?next=/keys&time=&position=seven",
            "position",
            "A position is a number",
        ),
    ] {
        let page = rosa.open(path).await;
        assert_eq!(page.status, 422, "{path}");
        let said = page.between(&format!("id=\"{field}-wrong\""), "</p>");
        assert!(
            said.is_some_and(|said| said.contains(why)),
            "{path}: {}",
            page.text
        );
        // From there it goes on to where it was.
        assert!(page.text.contains(r#"name="next" value="/keys""#), "{path}");
    }
    let form = "/as-of?next=%2Fkeys%3Fview%3Dused&time=2020-03-01T10%3A30";
    let there = rosa.get(form).await;
    let path = "/keys?view=used&as_of=2020-03-01T10:30:00Z";
    assert_eq!((there.status, there.location()), (303, Some(path)));
}
