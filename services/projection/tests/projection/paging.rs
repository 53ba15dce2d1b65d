//! Pages stay right while rows come and go.

use std::collections::BTreeSet;

use api::{
    notifier::v1::{ChannelKind, MessageKind, Severity},
    projection::v1::{ListRequest, query_service_server::QueryService},
};
use projection::{grpc::Questions, tables::server};
use proptest::prelude::*;
use runtime::Clock;
use sea_orm::{EntityTrait, ModelTrait};

use crate::{
    database::Tables,
    notices,
    script::{self, START, Script},
};

/// What happens between two pages.
#[derive(Debug, Clone)]
enum Change {
    Comes(u8),
    Goes(u8),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        any::<u8>().prop_map(Change::Comes),
        any::<u8>().prop_map(Change::Goes)
    ]
}

/// Few names, so that many rows are equal in what they are sorted by.
fn name(n: u8) -> String {
    ["a", "B", "b", "ä", ""][usize::from(n) % 5].to_owned()
}

fn id(n: u8) -> String {
    format!("id-{n:03}")
}

async fn page(
    questions: &Questions,
    sort: &str,
    size: u32,
    token: String,
) -> (Vec<(String, String)>, String) {
    let request = ListRequest {
        sort: sort.to_owned(),
        page_size: size,
        page_token: token,
        ..Default::default()
    };
    let answer = questions
        .list_servers(crate::script::asked(request))
        .await
        .unwrap()
        .into_inner();
    let rows = answer
        .servers
        .into_iter()
        .map(|row| (row.name.to_lowercase(), row.id));
    (rows.collect(), answer.next_page_token)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn what_stays_is_seen_once_and_in_order(
        at_first in prop::collection::btree_set(any::<u8>(), 0..30),
        between in prop::collection::vec(prop::collection::vec(change(), 0..3), 0..20),
        size in 1_u32..7,
        descending in any::<bool>(),
    ) {
        let executor = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        executor.block_on(async {
            let mut script = Script::default();
            for n in &at_first {
                script.server(&id(*n), script::server(&name(*n)));
            }
            let tables = Tables::with(&script.events).await;
            let questions = tables.questions(&Clock::manual(START));
            let sort = if descending { "-name" } else { "name" };
            let (mut stayed, mut ever) = (at_first.clone(), at_first.clone());
            let (mut seen, mut token) = (Vec::new(), String::new());
            let mut between = between.into_iter();
            loop {
                let (rows, next) = page(&questions, sort, size, token).await;
                assert!(rows.len() <= size as usize);
                seen.extend(rows);
                if next.is_empty() {
                    break;
                }
                token = next;
                for change in between.next().unwrap_or_default() {
                    match change {
                        Change::Comes(n) => {
                            let at = script.server(&id(n), script::server(&name(n)));
                            tables.apply(&script.events[at as usize - 1..]).await.unwrap();
                            ever.insert(n);
                        }
                        Change::Goes(n) => {
                            let row = server::Entity::find_by_id(id(n)).one(&tables.database).await.unwrap();
                            if let Some(row) = row {
                                row.delete(&tables.database).await.unwrap();
                            }
                            stayed.remove(&n);
                        }
                    }
                }
            }
            let mut in_order = seen.clone();
            in_order.sort();
            in_order.dedup();
            if descending {
                in_order.reverse();
            }
            assert_eq!(seen, in_order, "in order, and none twice");
            let seen = seen.into_iter().map(|(_, id)| id).collect::<BTreeSet<_>>();
            assert!(stayed.iter().all(|n| seen.contains(&id(*n))), "none that stayed is missed");
            let ever = ever.into_iter().map(id).collect::<BTreeSet<_>>();
            assert!(seen.is_subset(&ever));
        });
    }
}

#[tokio::test]
async fn every_list_pages_by_every_field_that_it_sorts_by() {
    let mut script = Script::default();
    for n in 0..7_u8 {
        let text = n.to_string();
        script.key(&text, script::key(n / 2));
        script.server(&text, script::server(&format!("Server {}", n / 2)));
        script.automation(&text, script::requested(&format!("Shop {}", n / 2), &text));
        let (kind, name) = (ChannelKind::Email, format!("Channel {}", n / 2));
        script.tell("channel", &text, &notices::created(&name, kind));
        let (kind, severity) = (MessageKind::RenewalFailing, Severity::Error);
        script.tell("alert", &text, &notices::raised(kind, severity, &name));
        script.tell_raw(
            "dns-provider",
            &text,
            "added",
            "x",
            format!(r#"{{"name":"Zone {}","kind":"rfc2136"}}"#, n / 2).as_bytes(),
        );
        let request = script::request(&format!("Shop {}", n / 2), n, &["a.example"]);
        script.request(&text, request);
        let certificate = script::certificate(
            n,
            &["a.example"],
            START,
            time::Duration::days((n / 2).into()),
        );
        script.issued(
            &text,
            script::issued(&format!("Shop {}", n / 2), certificate, vec![]),
        );
    }
    let tables = Tables::with(&script.events).await;
    let questions = tables.questions(&Clock::manual(START));
    macro_rules! walk {
        ($list:ident, $rows:ident, $id:ident, $total:expr, $sorts:expr) => {
            for sort in $sorts {
                for sort in [sort.to_owned(), format!("-{sort}")] {
                    let mut ids = Vec::new();
                    let mut page_token = String::new();
                    loop {
                        let request = ListRequest {
                            sort: sort.clone(),
                            page_size: 2,
                            page_token,
                            ..Default::default()
                        };
                        let answer = questions
                            .$list(crate::script::asked(request))
                            .await
                            .unwrap()
                            .into_inner();
                        ids.extend(answer.$rows.into_iter().map(|row| row.$id));
                        page_token = answer.next_page_token;
                        if page_token.is_empty() {
                            break;
                        }
                    }
                    assert_eq!(ids.len(), $total, "{sort}: {ids:?}");
                    assert_eq!(
                        ids.iter().collect::<BTreeSet<_>>().len(),
                        $total,
                        "{sort}: {ids:?}"
                    );
                }
            }
        };
    }
    walk!(
        list_certificates,
        certificates,
        id,
        7,
        ["name", "not_after", "issuer", "source", "created"]
    );
    walk!(
        list_keys,
        keys,
        id,
        7,
        ["algorithm", "spki_sha256", "origin", "created"]
    );
    walk!(
        list_certificate_requests,
        requests,
        id,
        7,
        ["name", "status", "created"]
    );
    walk!(
        list_servers,
        servers,
        id,
        7,
        ["name", "directory_url", "created"]
    );
    walk!(
        list_automations,
        automations,
        id,
        7,
        ["name", "not_after", "renew_at", "created"]
    );
    let fields = ["name", "kind", "created"];
    walk!(list_dns_providers, dns_providers, id, 7, fields);
    walk!(list_channels, channels, id, 7, fields);
    let fields = ["kind", "severity", "subject", "up", "raised"];
    walk!(list_alerts, alerts, id, 7, fields);
    let fields = [
        "sequence",
        "aggregate",
        "aggregate_id",
        "event",
        "actor",
        "time",
        "correlation_id",
    ];
    walk!(list_events, events, sequence, 56, fields);
}
