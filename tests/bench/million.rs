//! Questions about a million certificates, against the same about ten thousand: what a page costs is not to grow with
//! the table. The tables are made by the projector itself, and served by the service.

use std::{collections::BTreeMap, path::Path, time::Instant};

use api::{
    keystore::v1::{CertificateImported, CertificateIssued, CertificateRevoked, KeyGenerated},
    projection::v1::{GetOverviewRequest, ListRequest, query_service_client::QueryServiceClient},
    x509::v1::{Certificate, KeyAlgorithm, SubjectAltNames},
};
use eventlog::{Apply as _, EventBody, Recorded};
use projection::{
    events::{CertificateEvent, KeyEvent},
    follow::Projector,
    position::Position,
    query::page::{self, Cursor, Place, QuestionDigest},
    skipped::Skipped,
    tables::migration,
};
use runtime::database::scratch;
use sea_orm::TransactionTrait as _;
use time::{Duration, OffsetDateTime};
use tonic::transport::Channel;
use town::{installation::Installation, wait};
use uuid::Uuid;

use crate::{
    figure::{Figure, Wanted},
    seed,
};

type Query = QueryServiceClient<Channel>;

/// Pages, searches and the overview.
pub async fn measure() -> Vec<Figure> {
    let few = latencies(FEW).await;
    let many = latencies(MANY).await;
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

async fn latencies(certificates: usize) -> Latencies {
    let folder = tempfile::tempdir().unwrap();
    let mut installation = Installation::new(folder.path(), "");
    installation.event_log_alone().await;
    installation.start("projection");
    let query = QueryServiceClient::new(installation.channel("gateway", "projection"))
        .max_decoding_message_size(64 << 20);
    answers(&query).await;
    installation.process("projection").stop("TERM").await;
    let made = folder.path().join("made.sqlite");
    let started = Instant::now();
    make(&made, certificates).await;
    eprintln!(
        "  {certificates} certificates are made after {:.0} s",
        started.elapsed().as_secs_f64()
    );
    let place = installation.data.join("db/projection.1.sqlite");
    for beside in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{beside}", place.display()));
    }
    std::fs::rename(&made, &place).unwrap();
    installation.start("projection");
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
        ("not_after<…", format!("not_after<{}", day(n as i64 % 300))),
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

/// Makes the tables in this file.
async fn make(file: &Path, certificates: usize) {
    let writer = scratch::writer(file).await.unwrap();
    migration::make(&writer).await.unwrap();
    let mut projector = Projector::new(Position::at(0), Skipped::default());
    let leaf = seed::some_leaf();
    let mut events = Vec::new();
    let mut sequence = 0;
    for n in 0..certificates {
        tell(&mut events, &mut sequence, &leaf, n);
        if events.len() >= 2_000 || n + 1 == certificates {
            let tx = writer.begin().await.unwrap();
            projector.apply(&tx, &events).await.unwrap();
            tx.commit().await.unwrap();
            events.clear();
        }
    }
    migration::index(&writer).await.unwrap();
    writer.close().await.unwrap();
}

/// What is in the log of one certificate. Most are valid; one of a hundred is of each other kind.
fn tell(events: &mut Vec<Recorded>, sequence: &mut u64, leaf: &Certificate, n: usize) {
    let mut tell = |aggregate: &str, id: &str, body: &dyn Tell| {
        *sequence += 1;
        let time = now() - Duration::days(40) + Duration::seconds((*sequence % 3_000_000) as i64);
        events.push(Recorded {
            sequence: *sequence,
            aggregate: aggregate.to_owned(),
            id: id.to_owned(),
            event: body.event().to_owned(),
            event_id: Uuid::from_u128((*sequence).into()),
            time,
            stored: time,
            actor: format!("user/{}", n % 20),
            correlation_id: Uuid::from_u128((*sequence).into()),
            causation_id: None,
            request_id: String::new(),
            request_digest: String::new(),
            schema: body.message().to_owned(),
            traceparent: None,
            body: body.json().into(),
        });
    };
    let (key, certificate) = (id("key", n), id("certificate", n));
    let spki_sha256 = serial(n).repeat(2);
    let kind = n % 100;
    let algorithm = match kind {
        0..10 => KeyAlgorithm::Rsa2048,
        _ => KeyAlgorithm::EcdsaP256,
    };
    if kind != 1 {
        let generated = KeyGenerated {
            algorithm: algorithm.into(),
            spki_der: vec![7; 91].into(),
            spki_sha256: spki_sha256.clone(),
        };
        tell("key", &key, &KeyEvent::Generated(generated));
    }
    let left = match kind {
        2 => -10,
        3 => 10,
        _ => 40 + (n % 300) as i64,
    };
    let end = now() + Duration::days(left) + Duration::seconds((n % 86_400) as i64);
    let friendly_name = name(n);
    let leaf = Certificate {
        serial_number: serial(n),
        sha256_fingerprint: serial(n).repeat(2),
        spki_sha256,
        key_algorithm: algorithm.into(),
        issuer: format!("CN=Issuer {}", n % 7),
        self_signed: false,
        not_before: Some(api::convert::timestamp(end - Duration::days(90))),
        not_after: Some(api::convert::timestamp(end)),
        subject_alt_names: Some(SubjectAltNames {
            dns_names: vec![friendly_name.clone(), format!("www.{friendly_name}")],
            ip_addresses: Vec::new(),
        }),
        ..leaf.clone()
    };
    let complete = Certificate {
        self_signed: kind != 4,
        sha256_fingerprint: format!("{:064x}", n % 7),
        ..leaf.clone()
    };
    let event = match n % 3 {
        0 => CertificateEvent::Imported(CertificateImported {
            friendly_name,
            key_id: key,
            certificate: Some(leaf),
            issuers: vec![complete],
            serve: true,
            request_id: String::new(),
        }),
        _ => CertificateEvent::Issued(CertificateIssued {
            friendly_name,
            key_id: key,
            certificate: Some(leaf),
            issuers: vec![complete],
            automation_id: String::new(),
            serve: true,
        }),
    };
    tell("certificate", &certificate, &event);
    match kind {
        5 => {
            let revoked = CertificateRevoked {
                version: 1,
                reason: 0,
            };
            tell(
                "certificate",
                &certificate,
                &CertificateEvent::Revoked(revoked),
            );
        }
        6 => {
            let deleted = api::keystore::v1::CertificateDeleted {};
            tell(
                "certificate",
                &certificate,
                &CertificateEvent::Deleted(deleted),
            );
        }
        _ => {}
    }
}

/// An event, whichever.
trait Tell {
    fn event(&self) -> &'static str;
    fn message(&self) -> &'static str;
    fn json(&self) -> Vec<u8>;
}

impl<E: EventBody> Tell for E {
    fn event(&self) -> &'static str {
        self.name()
    }

    fn message(&self) -> &'static str {
        self.schema()
    }

    fn json(&self) -> Vec<u8> {
        self.to_json().unwrap()
    }
}

fn name(n: usize) -> String {
    format!("host-{n}.shop-{}.example", n % 5_000)
}

fn id(what: &str, n: usize) -> String {
    Uuid::new_v5(&Uuid::nil(), format!("{what} {n}").as_bytes()).to_string()
}

fn serial(n: usize) -> String {
    Uuid::new_v5(&Uuid::nil(), &n.to_be_bytes())
        .simple()
        .to_string()
}

fn now() -> OffsetDateTime {
    runtime::Clock::system().now()
}

fn day(ahead: i64) -> String {
    (now() + Duration::days(ahead)).date().to_string()
}

fn percentile(ascending: &[f64], percent: usize) -> f64 {
    ascending[(ascending.len() * percent / 100).min(ascending.len() - 1)]
}

const FEW: usize = 10_000;
const MANY: usize = 1_000_000;
const ROUNDS: usize = 10;
