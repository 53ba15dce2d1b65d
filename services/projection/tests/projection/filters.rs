//! Filters against a plain model: the table answers what a loop over the rows would.

use api::{
    keystore::v1::CertificateDeleted,
    projection::v1::{ListRequest, query_service_server::QueryService},
    x509::v1::Certificate,
};
use projection::events::CertificateEvent;
use proptest::prelude::*;
use runtime::Clock;
use time::{Duration, OffsetDateTime};

use crate::{
    database::Tables,
    script::{self, START, Script, certificate},
};

/// A certificate as a test thinks of it.
#[derive(Debug, Clone)]
struct Row {
    name: String,
    names: Vec<&'static str>,
    begins: i64,
    lives: i64,
    factory: bool,
    created: OffsetDateTime,
    key: bool,
    complete: bool,
    authority: bool,
    default: bool,
    deleted: bool,
}

/// A term as a test thinks of it.
#[derive(Debug, Clone)]
enum Term {
    Name(&'static str, String),
    Names(&'static str, String),
    Status(bool, &'static str),
    NotAfter(bool, i64),
    Source(bool, &'static str),
    Created(bool, i64),
    Flag(&'static str, bool, bool),
}

impl Term {
    fn written(&self) -> String {
        let quoted =
            |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let equal = |is: bool| if is { "=" } else { "!=" };
        let order = |later: bool| if later { ">" } else { "<" };
        let day = |n: i64| (START + Duration::days(n)).date();
        match self {
            Self::Name(operator, text) => format!("name{operator}{}", quoted(text)),
            Self::Names(operator, text) => format!("names{operator}{}", quoted(text)),
            Self::Status(is, word) => format!("status{}{word}", equal(*is)),
            Self::NotAfter(later, n) => format!("not_after{}{}", order(*later), day(*n)),
            Self::Source(is, word) => format!("source{}{word}", equal(*is)),
            Self::Created(later, minutes) => {
                let at = (START + Duration::minutes(*minutes))
                    .format(&time::format_description::well_known::Rfc3339);
                format!("created{}{}", order(*later), at.unwrap())
            }
            Self::Flag(field, is, value) => {
                let word = match (*field, value) {
                    ("chain", true) => "complete",
                    ("chain", false) => "incomplete",
                    (_, true) => "true",
                    (_, false) => "false",
                };
                format!("{field}{}{word}", equal(*is))
            }
        }
    }

    fn holds(&self, row: &Row, now: OffsetDateTime) -> bool {
        let begin = START + Duration::days(row.begins);
        let end = begin + Duration::days(row.lives);
        match self {
            Self::Name("=", text) => row.name.to_lowercase() == text.to_lowercase(),
            Self::Name("!=", text) => row.name.to_lowercase() != text.to_lowercase(),
            Self::Name(_, text) => row.name.to_lowercase().contains(&text.to_lowercase()),
            Self::Names("=", text) => row.names.contains(&&*text.to_lowercase()),
            Self::Names("!=", text) => !row.names.contains(&&*text.to_lowercase()),
            Self::Names(_, text) => row
                .names
                .iter()
                .any(|name| name.contains(&text.to_lowercase())),
            Self::Status(is, word) => {
                let left = if row.lives < 10 {
                    Duration::days(row.lives) / 2
                } else {
                    Duration::days(row.lives) / 3
                };
                let status = if now > end {
                    "expired"
                } else if now < begin {
                    "not-yet-valid"
                } else if now >= end - left {
                    "expiring"
                } else {
                    "valid"
                };
                (status == *word) == *is
            }
            Self::NotAfter(later, n) => {
                let day = (START + Duration::days(*n)).date().midnight().assume_utc();
                if *later { end > day } else { end < day }
            }
            Self::Source(is, word) => {
                (if row.factory {
                    "factory"
                } else {
                    "self-signed"
                } == *word)
                    == *is
            }
            Self::Created(later, minutes) => {
                let at = START + Duration::minutes(*minutes);
                if *later {
                    row.created > at
                } else {
                    row.created < at
                }
            }
            Self::Flag(field, is, value) => {
                let has = match *field {
                    "key" => row.key,
                    "chain" => row.complete,
                    "authority" => row.authority,
                    "default" => row.default,
                    _ => row.deleted,
                };
                (has == *value) == *is
            }
        }
    }
}

fn text() -> impl Strategy<Value = String> {
    // Letters that fold, wildcards of LIKE and its escape, quotes, and attempts to break out.
    prop::sample::select(vec![
        "a",
        "A",
        "b",
        "%",
        "_",
        "!",
        "!%",
        "\\",
        "'",
        "\"",
        "ä",
        "Ä",
        "a%",
        "a_b",
        "ab",
        "",
        "' OR '1'='1",
        "x'; DROP TABLE certificate; --",
        "a b",
    ])
    .prop_map(str::to_owned)
}

fn row() -> impl Strategy<Value = Row> {
    let names = prop::sample::subsequence(
        vec![
            "a.example",
            "b.example",
            "%.example",
            "a_b.example",
            "2001:db8::1",
        ],
        0..4,
    );
    (
        text(),
        text(),
        names,
        -100_i64..20,
        1_i64..100,
        any::<bool>(),
        any::<[bool; 4]>(),
    )
        .prop_map(|(a, b, names, begins, lives, factory, flags)| Row {
            name: format!("{a}{b}"),
            names,
            begins,
            lives,
            factory,
            created: START,
            key: flags[0],
            complete: flags[1],
            authority: flags[2],
            default: false,
            deleted: flags[3],
        })
}

fn term() -> impl Strategy<Value = Term> {
    let operator = || prop::sample::select(vec!["=", "!=", ":"]);
    let word = prop::sample::select(vec!["valid", "expiring", "expired", "not-yet-valid"]);
    let source = prop::sample::select(vec!["factory", "self-signed", "acme"]);
    let flag = prop::sample::select(vec!["key", "chain", "authority", "default", "deleted"]);
    let name = prop::sample::select(vec![
        "a.example",
        "B.Example",
        "%.example",
        "a_b.example",
        "example",
        "_",
        "2001:db8::1",
    ]);
    prop_oneof![
        (operator(), text()).prop_map(|(operator, text)| Term::Name(operator, text)),
        (operator(), name).prop_map(|(operator, text)| Term::Names(operator, text.to_owned())),
        (any::<bool>(), word).prop_map(|(is, word)| Term::Status(is, word)),
        (any::<bool>(), -30_i64..100).prop_map(|(later, days)| Term::NotAfter(later, days)),
        (any::<bool>(), source).prop_map(|(is, word)| Term::Source(is, word)),
        (any::<bool>(), -2_i64..12).prop_map(|(later, minutes)| Term::Created(later, minutes)),
        (flag, any::<bool>(), any::<bool>())
            .prop_map(|(field, is, value)| Term::Flag(field, is, value)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_filter_finds_what_a_loop_over_the_rows_finds(
        mut rows in prop::collection::vec(row(), 1..10),
        default in any::<prop::sample::Index>(),
        filters in prop::collection::vec(prop::collection::vec(term(), 0..3), 12),
    ) {
        let executor = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        executor.block_on(async {
            let mut script = Script::default();
            for (n, row) in rows.iter_mut().enumerate() {
                let begin = START + Duration::days(row.begins);
                let certificate = Certificate {
                    self_signed: row.complete,
                    is_ca: row.authority,
                    ..certificate(n as u8, &row.names, begin, Duration::days(row.lives))
                };
                let at = script.self_signed(&format!("{n}"), script::self_signed(&row.name, certificate, row.factory));
                row.created = script.time_of(at);
            }
            for (n, row) in rows.iter().enumerate() {
                if row.key {
                    script.key_imported(&format!("key-{n}"), script::key_of(n as u8));
                }
                if row.deleted {
                    let deleted = CertificateEvent::Deleted(CertificateDeleted {});
                    script.certificate(&n.to_string(), deleted);
                }
            }
            let default = default.index(rows.len());
            rows[default].default = true;
            script.default_selected(&default.to_string());
            let tables = Tables::with(&script.events).await;
            let clock = Clock::manual(START);
            let questions = tables.questions(&clock);
            for terms in &filters {
                let filter = terms.iter().map(Term::written).collect::<Vec<_>>().join(" ");
                let request = ListRequest { filter: filter.clone(), ..Default::default() };
                let answer = questions.list_certificates(crate::script::asked(request)).await.unwrap().into_inner();
                let mut found = answer.certificates.into_iter().map(|c| c.id).collect::<Vec<_>>();
                found.sort();
                let gone_too = terms.iter().any(|term| matches!(term, Term::Flag("deleted", ..)));
                let shown = |row: &Row| gone_too || !row.deleted;
                let expected = rows.iter().enumerate().filter(|(_, row)| {
                    shown(row) && terms.iter().all(|term| term.holds(row, clock.now()))
                });
                let expected = expected.map(|(n, _)| n.to_string()).collect::<Vec<_>>();
                assert_eq!(found, expected, "{filter}");
            }
        });
    }
}
