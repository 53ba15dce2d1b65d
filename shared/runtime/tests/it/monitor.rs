//! What a process shows to whoever watches over it.

use std::{net::SocketAddr, sync::Arc};

use reqwest::{Client, Method, StatusCode};
use runtime::{
    Clock, Monitor, MonitorError, Runtime,
    metrics::{Collect, CollectError, Metric, OF_EVERY_SERVICE, Page},
};

use crate::{
    authority::{Authority, start},
    peers::{self, Peer},
};

const SHELF: Metric = Metric::gauge("chancery_shelf", &["book"], "Books.");

/// A service's own series.
struct Shelf;

#[async_trait::async_trait]
impl Collect for Shelf {
    async fn write(&self, page: &mut Page) -> Result<(), CollectError> {
        page.begin(&SHELF);
        for book in 0..10_000 {
            let book = format!("volume {book} of a long work that fills several pieces");
            page.sample(&SHELF, &[&book], 1.0).await?;
        }
        Ok(())
    }
}

/// Series that cannot be written to their end.
struct Torn;

#[async_trait::async_trait]
impl Collect for Torn {
    async fn write(&self, page: &mut Page) -> Result<(), CollectError> {
        page.begin(&SHELF);
        page.sample(&SHELF, &["half"], 1.0).await?;
        Err(sea_orm::DbErr::Custom("no more".into()).into())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_counted_and_all_is_shown() {
    let monitor = Monitor::start(Some(anywhere()), &[OF_EVERY_SERVICE]).await;
    let monitor = monitor.unwrap();
    let (status, starting) = get(&monitor, "/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{starting}");

    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::system();
    let authority = Arc::new(Authority::new(&clock));
    for name in ["keystore", "gateway", "projection"] {
        authority.enrol(folder.path(), name);
    }
    let peer = Peer::serve("keystore", folder.path(), &clock, authority);
    let shared = crate::authority::shared(folder.path(), peer.address);
    let gateway: Runtime = start("gateway", &shared, &clock);
    monitor.watch(&gateway);
    gateway.collect(Shelf);
    let (status, reasons) = get(&monitor, "/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(reasons, "gateway: it is starting\n");
    gateway.answers();
    assert_eq!(get(&monitor, "/readyz").await.0, StatusCode::OK);
    assert_eq!(get(&monitor, "/healthz").await.0, StatusCode::OK);

    peers::ask(&gateway, "keystore").await.unwrap();
    let odd = "/chancery.keystore.v1.Nope/Made up by a stranger";
    let answer = tower::ServiceExt::oneshot(
        gateway.channel("keystore").unwrap(),
        http::Request::post(odd.replace(' ', "-"))
            .body(tonic::body::Body::empty())
            .unwrap(),
    );
    answer.await.unwrap();
    let (status, text) = get(&monitor, "/metrics").await;
    assert_eq!(status, StatusCode::OK);
    let has = |line: &str| text.lines().any(|found| found == line);
    for line in [
        "chancery_grpc_calls_total{service=\"keystore\",method=\"chancery.keystore.v1.IdentityService/RenewIdentity\",code=\"OK\"} 1",
        "chancery_grpc_calls_total{service=\"keystore\",method=\"other\",code=\"PERMISSION_DENIED\"} 1",
        "chancery_service_ready{service=\"gateway\"} 1",
        "# TYPE chancery_grpc_call_seconds histogram",
        "# HELP chancery_shelf Books.",
    ] {
        assert!(has(line), "{line}\n{}", &text[..text.len().min(4_000)]);
    }
    assert!(!text.contains("stranger"), "no caller makes a series");
    let shelf = text
        .lines()
        .filter(|line| line.starts_with("chancery_shelf{"));
    assert_eq!(shelf.count(), 10_000);

    for (method, path, status) in [
        (Method::POST, "/metrics", StatusCode::METHOD_NOT_ALLOWED),
        (Method::GET, "/", StatusCode::NOT_FOUND),
        (Method::GET, "/metrics/more", StatusCode::NOT_FOUND),
    ] {
        let answer = Client::new().request(method, url(&monitor, path)).send();
        assert_eq!(answer.await.unwrap().status(), status, "{path}");
    }
    // What cannot be shown whole does not pass for whole.
    gateway.collect(Torn);
    let broken = reqwest::get(url(&monitor, "/metrics")).await.unwrap();
    assert!(broken.text().await.is_err());
    assert_eq!(get(&monitor, "/healthz").await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let refused = Monitor::start(Some(address), &[]).await.unwrap_err();
    assert!(matches!(refused, MonitorError::Bind { .. }));
    assert!(refused.to_string().contains(&address.to_string()));
}

#[tokio::test]
async fn nothing_is_shown_where_nothing_is_configured() {
    let monitor = Monitor::start(None, &[OF_EVERY_SERVICE]).await.unwrap();
    assert_eq!(monitor.address(), None);
}

async fn get(monitor: &Monitor, path: &str) -> (StatusCode, String) {
    let answer = reqwest::get(url(monitor, path)).await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

fn url(monitor: &Monitor, path: &str) -> String {
    format!("http://{}{path}", monitor.address().unwrap())
}

fn anywhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}
