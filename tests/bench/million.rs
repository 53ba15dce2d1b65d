//! Questions about a million certificates, against the same about ten thousand: what a page costs is not to grow with
//! the table. The tables are made by the projector itself, and served by the service.

mod estate;

use std::{collections::BTreeMap, time::Instant};

use api::projection::v1::{
    GetOverviewRequest, ListRequest, query_service_client::QueryServiceClient,
};
use databases::Kind;
use projection::query::page::{self, Cursor, Place, QuestionDigest};
use tonic::transport::Channel;
use town::{installation::Installation, wait};

use self::estate::{day, id, make, name, serial};
use crate::figure::{Figure, Wanted};

type Query = QueryServiceClient<Channel>;

/// Pages, searches and the overview.
pub async fn measure(kind: Kind) -> Vec<Figure> {
    let few = latencies(kind, FEW).await;
    let many = latencies(kind, MANY).await;
    let all = |latencies: &Latencies| {
        let lists = latencies.lists.values().flatten().copied();
        let mut all = lists.collect::<Vec<_>>();
        all.sort_by(f64::total_cmp);
        all
    };
    for (question, times) in &many.lists {
        let at_few = few
            .lists
            .get(question)
            .map_or(0.0, |times| percentile(times, 50));
        eprintln!(
            "  {:>8.2} ms median, {:>8.2} ms p99, {at_few:>8.2} ms of {FEW}: {question}",
            percentile(times, 50),
            percentile(times, 99),
        );
    }
    let (few_lists, many_lists) = (all(&few), all(&many));
    vec![
        Figure {
            name: "p99 of every list, order and search of a million",
            measured: percentile(&many_lists, 99),
            against: Some(percentile(&few_lists, 99)),
            unit: "ms",
            value: percentile(&many_lists, 99),
            wanted: Wanted::AtMost(10.0),
            how: format!(
                "{} questions of 50 rows each to the projection, {ROUNDS} times, of {MANY} certificates and keys; against {FEW}",
                many.lists.len()
            ),
        },
        Figure {
            name: "median of the same: how it grows",
            measured: percentile(&many_lists, 50),
            against: Some(percentile(&few_lists, 50)),
            unit: "ms",
            value: percentile(&many_lists, 50) / percentile(&few_lists, 50),
            wanted: Wanted::AtMost(2.0),
            how: "likewise, a ratio: a hundred times as many rows".to_owned(),
        },
        Figure {
            name: "p99 of the last page, against the first",
            measured: percentile(&many.last_page, 99),
            against: Some(percentile(&many.first_page, 99)),
            unit: "ms",
            value: percentile(&many.last_page, 99) / percentile(&many.first_page, 99),
            wanted: Wanted::AtMost(1.5),
            how: format!(
                "the page that begins at the end of {MANY} certificates by name, {ROUNDS} times ten"
            ),
        },
        Figure {
            name: "p99 of the overview of a million",
            measured: percentile(&many.overview, 99),
            against: Some(percentile(&few.overview, 99)),
            unit: "ms",
            value: percentile(&many.overview, 99),
            wanted: Wanted::AtMost(5.0),
            how: format!(
                "GetOverview, {ROUNDS} times ten, once it was asked before; against {FEW} certificates"
            ),
        },
    ]
}

/// Milliseconds, ascending.
struct Latencies {
    lists: BTreeMap<String, Vec<f64>>,
    first_page: Vec<f64>,
    last_page: Vec<f64>,
    overview: Vec<f64>,
}

async fn latencies(kind: Kind, certificates: usize) -> Latencies {
    let folder = tempfile::tempdir().unwrap();
    let mut installation = Installation::on(kind, folder.path(), "");
    installation.event_log_alone().await;
    let started = Instant::now();
    make(&installation.database("projection"), certificates).await;
    eprintln!(
        "  {certificates} certificates are made after {:.0} s",
        started.elapsed().as_secs_f64()
    );
    installation.start("projection");
    let query = QueryServiceClient::new(installation.channel("gateway", "projection"))
        .max_decoding_message_size(64 << 20);
    answers(&query).await;

    let mut lists = BTreeMap::<String, Vec<f64>>::new();
    for round in 0..ROUNDS {
        for (list, filter, sort) in questions(certificates, round) {
            let (name, filter) = (format!("{} {} {sort}", list.name(), filter.0), filter.1);
            let request = ListRequest {
                filter,
                sort: sort.to_owned(),
                ..ListRequest::default()
            };
            let took = list.ask(&query, request).await;
            lists.entry(name).or_default().push(took);
        }
    }
    let (mut first_page, mut last_page, mut overview) = (Vec::new(), Vec::new(), Vec::new());
    let last = last(&query).await;
    for _ in 0..ROUNDS * 10 {
        first_page.push(List::Certificates.ask(&query, ListRequest::default()).await);
        let request = ListRequest {
            page_token: last.clone(),
            ..ListRequest::default()
        };
        last_page.push(List::Certificates.ask(&query, request).await);
        let started = Instant::now();
        let request = GetOverviewRequest::default();
        query.clone().get_overview(request).await.unwrap();
        overview.push(started.elapsed().as_secs_f64() * 1e3);
    }
    let mut latencies = Latencies {
        lists,
        first_page,
        last_page,
        overview: overview.split_off(1),
    };
    let others = [
        &mut latencies.first_page,
        &mut latencies.last_page,
        &mut latencies.overview,
    ];
    for times in latencies.lists.values_mut().chain(others) {
        times.sort_by(f64::total_cmp);
    }
    latencies
}

async fn answers(query: &Query) {
    let patience = std::time::Duration::from_secs(60);
    wait::within(patience, "the projection answers", async || {
        let request = ListRequest::default();
        query.clone().list_servers(request).await.ok()
    })
    .await;
}

/// The token of the page with the last rows by name.
async fn last(query: &Query) -> String {
    let request = ListRequest {
        sort: "-name".to_owned(),
        ..ListRequest::default()
    };
    let rows = query.clone().list_certificates(request).await.unwrap();
    let row = rows.into_inner().certificates.pop().unwrap();
    let cursor = Cursor {
        value: Place::Text(row.friendly_name.to_lowercase()),
        id: Place::Text(row.id),
    };
    page::token(&cursor, &QuestionDigest::of(&["certificates", "", ""]))
}

#[derive(Debug, Clone, Copy)]
enum List {
    Certificates,
    Keys,
    Events,
}

impl List {
    fn name(self) -> &'static str {
        match self {
            Self::Certificates => "certificates",
            Self::Keys => "keys",
            Self::Events => "events",
        }
    }

    /// Asks once; milliseconds.
    async fn ask(self, query: &Query, request: ListRequest) -> f64 {
        let mut query = query.clone();
        let started = Instant::now();
        match self {
            Self::Certificates => drop(query.list_certificates(request).await.unwrap()),
            Self::Keys => drop(query.list_keys(request).await.unwrap()),
            Self::Events => drop(query.list_events(request).await.unwrap()),
        }
        started.elapsed().as_secs_f64() * 1e3
    }
}

/// Every filter and order, and searches for other things in each round.
fn questions(
    certificates: usize,
    round: usize,
) -> Vec<(List, (&'static str, String), &'static str)> {
    let n = (round * 7_919 + 13) % certificates;
    let name = name(n);
    let words: Vec<(&'static str, String)> = vec![
        ("", String::new()),
        ("status=valid", "status=valid".into()),
        ("status=expiring", "status=expiring".into()),
        ("status=expired", "status=expired".into()),
        ("status=revoked", "status=revoked".into()),
        ("status=error", "status=error".into()),
        ("status!=valid", "status!=valid".into()),
        ("key=false", "key=false".into()),
        ("own=true", "own=true".into()),
        ("chain=incomplete", "chain=incomplete".into()),
        ("source=imported", "source=imported".into()),
        ("issuer=…", "issuer=\"CN=Issuer 3\"".into()),
        ("deleted=true", "deleted=true".into()),
        ("algorithm=rsa-2048", "algorithm=rsa-2048".into()),
        ("renewal=automatic", "renewal=automatic".into()),
        (
            "not_after<…",
            format!("not_after<{}", day(31 + n as i64 % 59)),
        ),
    ];
    let searches: Vec<(&'static str, String)> = vec![
        ("name=…", format!("name={name}")),
        ("names=…", format!("names=www.{name}")),
        ("any=…", format!("any={name}")),
        ("any:whole", format!("any:{name}")),
        ("any:part", format!("any:{}", &name[..name.len() - 9])),
        ("any:common", "any:example".into()),
        ("any:nothing", "any:not-there".into()),
        ("any:serial", format!("any:{}", serial(n))),
        ("name:part", format!("name:host-{}", n % 10_000)),
        ("name:digits", format!("name:{:04}", n % 10_000)),
        ("names:part", format!("names:shop-{}.", n % 5_000)),
        ("domain=small", format!("domain=shop-{}.example", n % 5_000)),
        ("domain=large", "domain=example".into()),
        ("issuer:…", "issuer:\"Issuer 3\"".into()),
    ];
    let mut all = Vec::new();
    for filter in words {
        for sort in ["", "-name", "not_after", "-created"] {
            all.push((List::Certificates, filter.clone(), sort));
        }
    }
    for filter in searches {
        for sort in ["", "-not_after"] {
            all.push((List::Certificates, filter.clone(), sort));
        }
    }
    let keys = [
        ("", String::new()),
        ("algorithm=…", "algorithm=rsa-2048".to_owned()),
        ("used=false", "used=false".to_owned()),
    ];
    for filter in keys {
        all.push((List::Keys, filter.clone(), ""));
        all.push((List::Keys, filter, "created"));
    }
    for filter in [
        ("", String::new()),
        ("aggregate=key", "aggregate=key".to_owned()),
        ("event=revoked", "event=revoked".to_owned()),
        (
            "certificate=…",
            format!("certificate={}", id("certificate", n)),
        ),
    ] {
        all.push((List::Events, filter.clone(), ""));
        all.push((List::Events, filter, "sequence"));
    }
    all
}

fn percentile(ascending: &[f64], percent: usize) -> f64 {
    ascending[(ascending.len() * percent / 100).min(ascending.len() - 1)]
}

const FEW: usize = 10_000;
const MANY: usize = 1_000_000;
const ROUNDS: usize = 10;
