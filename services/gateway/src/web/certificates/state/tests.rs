//! States and addresses.

use super::*;
use crate::web::certificates::view::View;

fn state(query: &str) -> State {
    State::of(query)
}

#[test]
fn a_state_survives_its_address() {
    for query in [
        "",
        "view=need",
        "view=valid&q=shop+a%22b&issuer=R3&renewal=by-hand&key=rsa-2048&sort=-name&per=100",
        "page=0.TOKEN&before=50&back=&back=0.ONE",
        "sort=-not_after",
        "sort=status&show=name&show=status&show=renewal",
        "show=name",
        "view=need&as_of=48213",
    ] {
        assert_eq!(state(query).query(), query);
    }
    assert_eq!(
        state("view=nonsense&sort=drop&per=7&renewal=x&key=y&show=name&show=status&show=issuer&show=expires&show=renewal&show=default").query(),
        ""
    );
}

#[test]
fn what_is_asked_for_becomes_a_filter() {
    let asked = state("q=a%22b%5C&issuer=Let's+Encrypt&renewal=automatic&key=ecdsa-p256");
    let filter =
        r#"own=true any:"a\"b\\" issuer:"Let's Encrypt" renewal=automatic algorithm=ecdsa-p256"#;
    assert_eq!(asked.certificates().unwrap(), filter);
    assert_eq!(asked.automations(), None);
    assert_eq!(
        state("view=pending&q=x").automations().unwrap(),
        r#"issued=false status=pending name:"x""#
    );
    assert_eq!(state("view=pending").certificates(), None);
    assert_eq!(state("q=a%00b").looked_for(), "");
    assert_eq!(
        state(&format!("q={}", "ä".repeat(200)))
            .looked_for()
            .chars()
            .count(),
        50
    );
}

#[test]
fn pages_lead_on_and_back() {
    let first = state("view=valid&per=50");
    let place = |run, token: &str| Place {
        run,
        token: token.to_owned(),
    };
    let second = first.next(&place(0, "T2"), 50);
    let third = second.next(&place(1, "T3"), 50);
    assert_eq!((third.before(), third.place()), (100, place(1, "T3")));
    assert_eq!(third.previous(), second);
    assert_eq!(second.previous().query(), first.query());
    let mut far = first.clone();
    for n in 0..50 {
        far = far.next(&place(0, &format!("{n}{}", "x".repeat(200))), 50);
    }
    assert!(far.url().len() < 1_000);
    assert_eq!(
        far.in_view(View::Need).url(),
        "/certificates?view=need&per=50"
    );
}
