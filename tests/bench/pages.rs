//! Pages over a hundred thousand certificates: how long the server takes, what travels, and what open pages cost.

mod visitor;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use api::projection::v1::{ListRequest, query_service_client::QueryServiceClient};
use futures_util::{StreamExt, stream};
use tonic::Request;
use town::{
    browser::{Browser, Person},
    installation::{Installation, SERVICES},
    wait,
};

use crate::{
    figure::{Figure, Wanted},
    memory, seed,
};
use visitor::{PASSWORD, Visitor};

/// All of it, in one run.
pub async fn measure() -> Vec<Figure> {
    let folder = tempfile::tempdir().unwrap();
    let mut installation = Installation::new(folder.path(), "");
    installation.configure_gateway("max_connections = 4096\nmax_connections_per_address = 4096");
    installation.event_log_alone().await;
    // The agent would place orders for what is not seeded whole yet.
    for service in SERVICES.into_iter().filter(|one| *one != AGENT) {
        installation.start(service);
    }
    installation.until_open().await;
    seed::log_of(&installation, AUTOMATED).await;
    let last = seed::plain_log_of(&installation, CERTIFICATES - AUTOMATED).await;
    installation.start(AGENT);
    until_listed(&installation, last).await;
    eprintln!("  {CERTIFICATES} certificates are listed");
    // The agent has read the log of all of them, and looked for what is due.
    let ids = SERVICES.map(|service| installation.process(service).id());
    memory::at_rest(&ids).await;

    let visitor = Visitor::set_up(&installation).await;
    let mut figures = loads(&visitor).await;
    figures.push(paints(&visitor, folder.path()).await);
    figures.extend(open_pages(&mut installation, &visitor).await);
    figures
}

/// Each page again and again, over one connection.
async fn loads(visitor: &Visitor) -> Vec<Figure> {
    let mut pages = Vec::new();
    for path in paths(visitor).await {
        let mut took = Vec::new();
        let mut bytes = 0;
        for _ in 0..LOADS {
            let asked = Instant::now();
            bytes = visitor.get(&path).await.sent.len();
            took.push(asked.elapsed().as_secs_f64() * 1e3);
        }
        took.sort_by(f64::total_cmp);
        let first_visit = visitor.first_visit(&path).await;
        let page = Page {
            median: took[took.len() / 2],
            p99: took[took.len() * 99 / 100],
            first_visit: first_visit as f64 / 1e3,
            path,
        };
        eprintln!(
            "  {}: {:.1} ms, p99 {:.1} ms, {bytes} bytes, {:.1} KB on a first visit",
            page.path, page.median, page.p99, page.first_visit
        );
        pages.push(page);
    }
    let most = |of: fn(&Page) -> f64| {
        let page = pages.iter().max_by(|a, b| of(a).total_cmp(&of(b)));
        page.expect("there are pages")
    };
    let (slowest, heaviest) = (most(|page| page.p99), most(|page| page.first_visit));
    let each = pages.iter().map(|page| {
        format!(
            "{} {:.1} and {:.1} ms, {:.1} KB",
            page.path, page.median, page.p99, page.first_visit
        )
    });
    let each = each.collect::<Vec<_>>().join("; ");
    vec![
        Figure {
            name: "a page's time, p99 of the slowest",
            measured: slowest.p99,
            against: None,
            unit: "ms",
            value: slowest.p99,
            wanted: Wanted::AtMost(20.0),
            how: format!(
                "from the request to the last byte over one connection on loopback, so what the client does is in it; \
                 {CERTIFICATES} certificates, {AUTOMATED} of them automated, {LOADS} times each, one after the other (median, p99, first visit): {each}"
            ),
        },
        Figure {
            name: "what a first visit transfers, the heaviest page",
            measured: heaviest.first_visit,
            against: None,
            unit: "KB",
            value: heaviest.first_visit,
            wanted: Wanted::AtMost(60.0),
            how: format!(
                "HTML, stylesheets and scripts as they travel, gzip, without headers, in 1,000 bytes; it is {}",
                heaviest.path
            ),
        },
    ]
}

/// Each page in a real browser, as if it was there for the first time.
async fn paints(visitor: &Visitor, folder: &Path) -> Figure {
    let browser = Browser::before(visitor.base(), &folder.join("browser")).await;
    browser.sign_in(&SOMEBODY).await;
    browser.without_cache().await;
    let mut pages = Vec::new();
    for path in paths(visitor).await {
        let mut took = Vec::new();
        for _ in 0..PAINTS {
            browser.goto(&path).await;
            took.push(browser.largest_paint().await);
        }
        took.sort_by(f64::total_cmp);
        let median = took[took.len() / 2];
        eprintln!("  {path}: its largest part is painted after {median:.0} ms");
        pages.push((median, path));
    }
    browser.close().await;
    let slowest = pages.iter().map(|(median, _)| *median).fold(0.0, f64::max);
    let each = pages
        .iter()
        .map(|(median, path)| format!("{path} {median:.0}"));
    let each = each.collect::<Vec<_>>().join("; ");
    Figure {
        name: "largest contentful paint, the slowest page",
        measured: slowest,
        against: None,
        unit: "ms",
        value: slowest,
        wanted: Wanted::Anything,
        how: format!(
            "in a Chromium without a screen on the same machine, nothing cached, median of {PAINTS}; 300 ms are aimed at, \
             and most of it is the browser's own time: {each}"
        ),
    }
}

/// A page, as it was measured.
struct Page {
    path: String,
    median: f64,
    p99: f64,
    first_visit: f64,
}

/// The pages of the sidebar, and what they lead to: the second page of a list, one certificate.
async fn paths(visitor: &Visitor) -> Vec<String> {
    let start = visitor.get("/account").await.text();
    let (_, side) = start.split_once("aria-label=\"Main\"").expect("a sidebar");
    let (side, _) = side.split_once("</nav>").expect("its end");
    let mut paths = Vec::new();
    for href in links(side).filter(|href| *href != "/") {
        paths.push(href.to_owned());
    }
    let list = visitor.get("/certificates").await.text();
    let one = links(&list).find(|href| is_certificate(href));
    let next =
        links(&list).find(|href| href.starts_with("/certificates?") && href.contains("page="));
    paths.extend(one.into_iter().chain(next).map(str::to_owned));
    paths.sort();
    paths.dedup();
    paths
}

fn links(page: &str) -> impl Iterator<Item = &str> {
    let hrefs = page.split("<a ").skip(1);
    hrefs.filter_map(|rest| {
        let (_, rest) = rest.split_once("href=\"")?;
        Some(rest.split_once('"')?.0)
    })
}

fn is_certificate(href: &str) -> bool {
    let id = href.strip_prefix("/certificates/");
    id.is_some_and(|id| uuid::Uuid::parse_str(id).is_ok())
}

/// A thousand pages that listen, each over a connection of its own.
async fn open_pages(installation: &mut Installation, visitor: &Visitor) -> Vec<Figure> {
    let gateway = installation.process("gateway").id();
    let people = stream::iter(0..PEOPLE).then(|n| visitor.invite(n));
    let people = people.collect::<Vec<_>>().await;
    // What a first page brings about is not counted with the others.
    drop(people[0].listen().await);
    let before = memory::resident(gateway);
    let mut open = Vec::new();
    for n in 0..OPEN {
        open.push(people[n % PEOPLE].listen().await);
    }
    let told = seed::plain_log_of(installation, 1).await;
    until_listed(installation, told).await;
    let heard = stream::iter(&mut open)
        .map(|page| async {
            tokio::time::timeout(PATIENCE, page.until(told))
                .await
                .is_ok()
        })
        .buffer_unordered(OPEN)
        .filter(|heard| std::future::ready(*heard))
        .count()
        .await;
    let after = memory::resident(gateway);
    vec![
        Figure {
            name: "memory of 1,000 open pages",
            measured: after,
            against: Some(before),
            unit: "MiB",
            value: after - before,
            wanted: Wanted::AtMost(50.0),
            how: format!(
                "resident memory of the gateway's process with {OPEN} pages of {PEOPLE} people that listen, each over a TLS and \
                 HTTP/2 connection of its own, less without them"
            ),
        },
        Figure {
            name: "open pages that hear of a change",
            measured: heard as f64,
            against: Some(OPEN as f64),
            unit: "pages",
            value: heard as f64 / OPEN as f64,
            wanted: Wanted::AtLeast(1.0),
            how: "a certificate is added, and each page is to hear of it".to_owned(),
        },
    ]
}

async fn until_listed(installation: &Installation, last: u64) {
    let query = QueryServiceClient::new(installation.channel("gateway", "projection"));
    wait::within(LONG, "the projection has caught up", async || {
        let mut request = Request::new(ListRequest {
            page_size: 1,
            at_least: last,
            ..ListRequest::default()
        });
        request.set_timeout(LONG);
        query.clone().list_events(request).await.ok()
    })
    .await;
}

/// In debug builds the bench is only tried.
const CERTIFICATES: usize = if cfg!(debug_assertions) { 100 } else { 100_000 };
/// So many of them renew by themselves.
const AUTOMATED: usize = CERTIFICATES / 100;
const AGENT: &str = "acme-agent";
const PAINTS: usize = if cfg!(debug_assertions) { 1 } else { 7 };
/// Whom [`Visitor::set_up`] makes.
const SOMEBODY: Person = Person {
    login_name: "rosa",
    name: "rosa",
    password: PASSWORD,
};
const LOADS: usize = if cfg!(debug_assertions) { 5 } else { 300 };
const OPEN: usize = if cfg!(debug_assertions) { 40 } else { 1_000 };
const PEOPLE: usize = if cfg!(debug_assertions) { 2 } else { 25 };
const PATIENCE: Duration = Duration::from_secs(30);
const LONG: Duration = Duration::from_secs(600);
