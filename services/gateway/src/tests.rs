//! The whole gateway, from a stranger's side of its two ports.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    time::Duration,
};

use api::keystore::v1::serving_service_server::ServingServiceServer;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
    time::timeout,
};
use tonic::service::Routes;

use super::*;
use crate::{
    fixture::{Ca, House, client, handshake, leaf, shown},
    serving::tests::FakeKeystore,
};

struct Gateway {
    https: SocketAddr,
    http: SocketAddr,
    running: JoinHandle<Result<(), RunError>>,
}

fn start(house: &House) -> Gateway {
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let listeners = Listeners {
        https: bind(),
        http: bind(),
    };
    Gateway {
        https: listeners.https.local_addr().unwrap(),
        http: listeners.http.local_addr().unwrap(),
        running: tokio::spawn(run(Config::default(), Some(listeners), house.gateway())),
    }
}

/// Sends a request by HTTP/1.1 over TLS, and reads all that comes back.
async fn ask(address: SocketAddr, name: Option<&str>, request: &str) -> String {
    let tcp = TcpStream::connect(address).await.unwrap();
    let mut stream = handshake(client(), tcp, name).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    timeout(Duration::from_secs(20), stream.read_to_end(&mut answer))
        .await
        .unwrap()
        .unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\r\n")
}

#[tokio::test]
async fn https_waits_for_the_first_certificates_and_stops_when_told() {
    let ca = Ca::new("CA");
    let shop = ca.credential("shop", 1, &["shop.example"]);
    let mut rest = ca.credential("rest", 2, &["localhost"]);
    rest.fallback = true;
    let keystore = FakeKeystore::default();
    let session = keystore.next_session();
    let mut house = House::new();
    house.open("keystore", Routes::new(ServingServiceServer::new(keystore)));
    let gateway = start(&house);

    // Port 80 is there at once; a handshake on the https port waits.
    let mut plain = TcpStream::connect(gateway.http).await.unwrap();
    plain.write_all(get("/").as_bytes()).await.unwrap();
    let mut answer = String::new();
    plain.read_to_string(&mut answer).await.unwrap();
    let location = format!("location: https://a.example:{}/\r\n", gateway.https.port());
    assert!(answer.contains(&location), "{answer}");
    let tcp = TcpStream::connect(gateway.https).await.unwrap();
    let early = tokio::spawn(handshake(client(), tcp, Some("shop.example")));
    session.put(&shop);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!early.is_finished());
    session.put(&rest).complete();
    let early = timeout(Duration::from_secs(20), early)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert_eq!(shown(&early), leaf(&shop));
    drop(early);

    // HSTS only under a name's own certificate.
    for (name, insists) in [
        (Some("shop.example"), true),
        (Some("localhost"), false),
        (Some("x.example"), false),
        (None, false),
    ] {
        let answer = ask(gateway.https, name, &get("/")).await;
        assert!(
            answer.starts_with("HTTP/1.1 200 ") && answer.contains("chancery up"),
            "{answer}"
        );
        assert_eq!(
            answer.contains("strict-transport-security"),
            insists,
            "{name:?}: {answer}"
        );
    }
    assert!(
        ask(gateway.https, None, &get("/admin"))
            .await
            .starts_with("HTTP/1.1 404 ")
    );
    let grpc = "POST /chancery.gateway.v1.SessionService/WhoAmI HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 0\r\n";
    let answer = ask(
        gateway.https,
        None,
        &format!("{grpc}content-type: application/grpc\r\n\r\n"),
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 505 "), "{answer}");
    let answer = ask(
        gateway.https,
        None,
        &format!("{grpc}content-type: application/grpc-web+proto\r\n\r\n"),
    )
    .await;
    // gRPC-web is spoken, and this caller has no token.
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.contains("grpc-status: 16"),
        "{answer}"
    );

    house.stop();
    timeout(Duration::from_secs(10), gateway.running)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert!(TcpStream::connect(gateway.https).await.is_err());
}

#[tokio::test]
async fn the_keystore_may_come_later_and_strangers_are_not_kept_for_ever() {
    let house = House::new();
    let gateway = start(&house);
    let kept = async |said: &[u8]| {
        let mut stranger = TcpStream::connect(gateway.https).await.unwrap();
        stranger.write_all(said).await.unwrap();
        let closed = stranger.read_to_end(&mut Vec::new()).await;
        // A reset is an end too.
        closed.unwrap_or(0)
    };
    let both = async { tokio::join!(kept(b""), kept(b"GET / HTTP/1.1\r\n\r\n")) };
    timeout(Duration::from_secs(15), both).await.unwrap();
    house.stop();
    timeout(Duration::from_secs(10), gateway.running)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_port_that_is_taken_is_an_error_at_once() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let config = Config {
        https: taken.local_addr().unwrap(),
        http: (Ipv4Addr::LOCALHOST, 0).into(),
        ..Config::default()
    };
    let refused = run(config, None, House::new().gateway()).await.unwrap_err();
    assert!(matches!(refused, RunError::Bind(_)), "{refused}");
}
