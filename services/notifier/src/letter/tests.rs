use api::notifier::v1::MessageKind;
use time::{Duration, macros::datetime};
use uuid::Uuid;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-11-23 12:00 UTC);

fn item(kind: MessageKind, severity: Severity) -> Item {
    Item {
        about: About::Alert {
            id: Uuid::from_u128(1),
            day: "2026-11-23".into(),
            at: 0,
        },
        kind,
        severity,
        subject_kind: "automation".into(),
        subject_id: "0191d0c2-7d1b-7c3e-8f00-000000000001".into(),
        name: "www.example.com".into(),
        message: "The renewal still fails: the CA could not reach www.example.com on port 80."
            .into(),
        advice: "Open port 80 to the internet. It is tried again by itself.".into(),
        deadline: Some(datetime!(2026-12-20 00:00 UTC)),
        since: NOW - Duration::days(3),
    }
}

fn failing() -> Item {
    item(MessageKind::RenewalFailing, Severity::Error)
}

fn all_clear() -> Item {
    Item {
        about: About::AllClear {
            id: Uuid::from_u128(1),
            day: "2026-11-23".into(),
            at: 0,
        },
        message: "It has a new certificate.".into(),
        ..failing()
    }
}

fn letter(items: &[Item]) -> Letter {
    write(items, &Calendar::default(), NOW)
}

#[test]
fn a_subject_says_what_and_until_when() {
    let soon = |kind, severity| letter(&[item(kind, severity)]).subject;
    use MessageKind as K;
    for (kind, severity, subject) in [
        (
            K::RenewalFailing,
            Severity::Error,
            "renewal of www.example.com fails since 3 days, expires on 2026-12-20",
        ),
        (
            K::RenewalAbsent,
            Severity::Error,
            "renewal of www.example.com is overdue since 3 days, expires on 2026-12-20",
        ),
        (
            K::RenewalFailed,
            Severity::Warning,
            "renewal of www.example.com failed, expires on 2026-12-20",
        ),
        (
            K::IssuanceFailed,
            Severity::Warning,
            "the first certificate of www.example.com failed",
        ),
        (
            K::CertificateExpiring,
            Severity::Warning,
            "www.example.com expires in 27 days, on 2026-12-20, and nothing renews it",
        ),
        (
            K::CertificateExpired,
            Severity::Error,
            "www.example.com expires on 2026-12-20",
        ),
        (
            K::CertificateRenewed,
            Severity::Info,
            "www.example.com has a new certificate, expires on 2026-12-20",
        ),
        (
            K::PrivateKeyExported,
            Severity::Info,
            "the private key of www.example.com was exported",
        ),
        (
            K::CertificateRevoked,
            Severity::Warning,
            "www.example.com was revoked",
        ),
        (
            K::DeliveryFailing,
            Severity::Warning,
            "channel www.example.com takes no messages since 3 days",
        ),
        (
            K::TablesStopped,
            Severity::Error,
            "the tables have stopped, and no list goes on",
        ),
        (K::LogDamaged, Severity::Error, "the event log is damaged"),
    ] {
        assert_eq!(soon(kind, severity), format!("Chancery: {subject}"));
    }
    let late = write(
        &[failing()],
        &Calendar::default(),
        datetime!(2026-12-21 08:00 UTC),
    );
    assert!(
        late.subject.ends_with("has expired on 2026-12-20"),
        "{}",
        late.subject
    );
    assert_eq!(
        letter(&[all_clear()]).subject,
        "Chancery: all clear for www.example.com: it has a new certificate"
    );
}

#[test]
fn many_are_counted_and_the_worst_comes_first() {
    let warning = Item {
        name: "old".into(),
        ..item(MessageKind::CertificateExpiring, Severity::Warning)
    };
    let sooner = Item {
        name: "soon.example".into(),
        deadline: Some(datetime!(2026-12-01 00:00 UTC)),
        ..failing()
    };
    let many = letter(&[all_clear(), warning, failing(), sooner]);
    assert_eq!(
        many.subject,
        "Chancery: 2 errors, 1 warning, 1 all clear: renewal of soon.example fails since 3 days, expires on 2026-12-01, and 3 more"
    );
    let order = [
        "soon.example fails",
        "www.example.com fails",
        "old expires",
        "all clear for",
    ];
    let places = order.map(|words| many.text.find(words).unwrap());
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn the_text_is_as_it_was() {
    assert_eq!(
        letter(&[failing()]).text,
        include_str!("golden/failing.txt")
    );
    let both = letter(&[failing(), all_clear()]);
    assert_eq!(both.text, include_str!("golden/several.txt"));
}

#[test]
fn the_html_is_as_it_was() {
    assert_eq!(
        letter(&[failing()]).html,
        include_str!("golden/failing.html")
    );
}

#[test]
fn what_comes_from_elsewhere_ends_no_header_and_no_element() {
    let hostile = Item {
        name: "shop\r\nBcc: everyone@example.com\u{2028}".into(),
        message: "<script>alert(1)</script> & \"more\"".into(),
        advice: "<img src='https://tracker.example/x.png'>".into(),
        ..failing()
    };
    let letter = letter(&[hostile]);
    assert!(
        !letter.subject.contains(['\r', '\n', '\u{2028}']),
        "{}",
        letter.subject
    );
    assert!(!letter.html.contains("<script") && !letter.html.contains("<img"));
    assert!(
        letter
            .html
            .contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;more&quot;")
    );
    assert!(!letter.text.contains("\nBcc:"));
    let endless = Item {
        name: "x".repeat(10_000),
        ..failing()
    };
    assert!(self::letter(&[endless]).subject.chars().count() <= LONGEST_LINE + 1);
}
