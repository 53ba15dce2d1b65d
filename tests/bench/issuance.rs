//! Five hundred certificates from Pebble, against `lego`, sixteen at a time.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use api::projection::v1::WatchEventsRequest;
use futures_util::{StreamExt, stream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};
use town::{
    Plan, Town,
    pebble::{self, Pebble},
    request_for,
    tools::tool,
};

use crate::figure::{Figure, Wanted};

/// Certificates a second.
pub async fn measure() -> Vec<Figure> {
    let ours = through_chancery().await;
    let lego = through_lego().await;
    vec![Figure {
        name: "certificates from Pebble",
        measured: ours,
        against: Some(lego),
        unit: "certs/s",
        value: ours / lego,
        wanted: Wanted::AtLeast(1.0),
        how: format!(
            "{CERTIFICATES} names, ECDSA P-256, HTTP-01, no sleep and no refused nonces; ours from the first request to the last \
             certificate in the keystore, against lego {AT_A_TIME} at a time with one account and a webroot"
        ),
    }]
}

async fn through_chancery() -> f64 {
    let plan = Plan {
        configuration: format!("[acme_agent]\norders = {AT_A_TIME}"),
        ..Plan::default()
    };
    let town = Town::planned(plan).await;
    town.register_ca().await;
    let client = town.client().await;
    let watch = WatchEventsRequest {
        after_sequence: 0,
        only_new: false,
        filter: "aggregate=automation event=certificate-issued".to_owned(),
    };
    let issued = client.query().watch_events(watch).await;
    let issued = issued.unwrap().into_inner();
    let started = Instant::now();
    stream::iter(0..CERTIFICATES)
        .for_each_concurrent(AT_A_TIME, async |n| {
            client
                .acme()
                .request_certificate(request_for(&name(n)))
                .await
                .unwrap();
        })
        .await;
    let issued = issued.take(CERTIFICATES).map(Result::unwrap);
    assert_eq!(issued.count().await, CERTIFICATES);
    CERTIFICATES as f64 / started.elapsed().as_secs_f64()
}

async fn through_lego() -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let http = ports::free_port();
    let ports = [http, ports::free_port()];
    let ca = Pebble::start(&folder.path().join("ca"), ports, &pebble::Custom::default()).await;
    let root = folder.path().join("root.pem");
    std::fs::write(&root, &ca.https_root).unwrap();
    let webroot = folder.path().join("webroot");
    std::fs::create_dir(&webroot).unwrap();
    let server = serve_files(http, webroot.clone()).await;
    let lego = |name: String| {
        let mut command = Command::new(tool("lego"));
        command
            .env("LEGO_CA_CERTIFICATES", &root)
            .args([
                "--server",
                &ca.directory,
                "--email",
                "ops@example.com",
                "--accept-tos",
                "--key-type",
                "ec256",
            ])
            .arg("--path")
            .arg(folder.path().join("lego"))
            .args(["--domains", &name, "--http", "--http.webroot"])
            .arg(&webroot)
            .arg("run")
            .stdin(Stdio::null());
        async move {
            let ended = tokio::task::spawn_blocking(move || command.output().unwrap())
                .await
                .unwrap();
            assert!(
                ended.status.success(),
                "lego: {}",
                String::from_utf8_lossy(&ended.stderr)
            );
        }
    };
    // The account, as ours is there before the clock starts.
    lego("first.example".to_owned()).await;
    let started = Instant::now();
    stream::iter(0..CERTIFICATES)
        .for_each_concurrent(AT_A_TIME, async |n| lego(name(n)).await)
        .await;
    let rate = CERTIFICATES as f64 / started.elapsed().as_secs_f64();
    server.abort();
    rate
}

/// Serves the files of a folder, as plainly as it goes.
async fn serve_files(port: u16, folder: PathBuf) -> JoinHandle<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let folder = folder.clone();
            tokio::spawn(async move {
                let mut request = vec![0; 8 * 1024];
                let read = stream.read(&mut request).await.unwrap_or(0);
                let answer = answer(&String::from_utf8_lossy(&request[..read]), &folder);
                let _ = stream.write_all(&answer).await;
            });
        }
    })
}

fn answer(request: &str, folder: &Path) -> Vec<u8> {
    let path = request
        .split(' ')
        .nth(1)
        .unwrap_or_default()
        .trim_start_matches('/');
    match std::fs::read(folder.join(path)) {
        Ok(body) => {
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            [head.into_bytes(), body].concat()
        }
        Err(_) => {
            b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec()
        }
    }
}

fn name(n: usize) -> String {
    format!("host-{n}.example")
}

const CERTIFICATES: usize = 500;
const AT_A_TIME: usize = 16;
