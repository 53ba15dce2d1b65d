//! What a stranger sends to the http port, byte for byte.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::*;

async fn port() -> (SocketAddr, CancellationToken) {
    port_with(&Config::default()).await
}

async fn port_with(config: &Config) -> (SocketAddr, CancellationToken) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stopping = CancellationToken::new();
    let (config, stop) = (config.clone(), stopping.clone());
    let challenges = Arc::new(Challenges::new());
    tokio::spawn(async move { serve(listener, challenges, 8443, &config, &stop).await });
    (address, stopping)
}

/// All that comes back until the server closes.
async fn ask(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    // A reset after the answer is the answer too.
    let _ = timeout(Duration::from_secs(20), read)
        .await
        .expect("the server closes");
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(target: &str, host: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").into_bytes()
}

#[tokio::test]
async fn everything_but_challenges_is_redirected() {
    let (address, _stop) = port().await;
    let answer = ask(address, &get("/a/b?c", "shop.example:8080")).await;
    assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
    assert!(
        answer.contains("\r\nlocation: https://shop.example:8443/a/b?c\r\n"),
        "{answer}"
    );
    assert!(!answer.contains("strict-transport-security"), "{answer}");
    let post = b"POST /x HTTP/1.1\r\nhost: shop.example\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";
    let answer = ask(address, post).await;
    assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
}

#[tokio::test]
async fn odd_hosts_are_not_redirected_to() {
    let (address, _stop) = port().await;
    for host in [
        "evil.example/path",
        "user@evil.example",
        "evil.example:80:80",
        "a b",
        "",
        "<script>",
    ] {
        let answer = ask(address, &get("/", host)).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{host:?}: {answer}");
        assert!(!answer.contains("location:"), "{host:?}: {answer}");
    }
    let two = b"GET / HTTP/1.1\r\nhost: a.example\r\nhost: b.example\r\nconnection: close\r\n\r\n";
    assert!(ask(address, two).await.starts_with("HTTP/1.1 400 "));
    let none = b"GET / HTTP/1.0\r\n\r\n";
    assert!(ask(address, none).await.starts_with("HTTP/1.0 400 "));
    let star = ask(
        address,
        b"OPTIONS * HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\r\n",
    )
    .await;
    assert!(star.starts_with("HTTP/1.1 400 "), "{star}");
}

#[tokio::test]
async fn a_challenge_path_never_redirects() {
    let (address, _stop) = port().await;
    for token in ["", "a/b", "..", "a.b", "%2e%2e", &"a".repeat(129)] {
        let answer = ask(
            address,
            &get(&format!("{CHALLENGE_PATH}{token}"), "shop.example"),
        )
        .await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{token:?}: {answer}");
    }
    // NATS is not there: that is not the same as no challenge.
    let answer = ask(
        address,
        &get(&format!("{CHALLENGE_PATH}token"), "shop.example"),
    )
    .await;
    assert!(
        answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: 5"),
        "{answer}"
    );
    let post = format!(
        "POST {CHALLENGE_PATH}token HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\r\n"
    );
    let answer = ask(address, post.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
}

#[tokio::test]
async fn what_is_too_long_is_refused() {
    let (address, _stop) = port().await;
    let long = format!(
        "GET /{} HTTP/1.1\r\nhost: a.example\r\n\r\n",
        "a".repeat(64 << 10)
    );
    let answer = ask(address, long.as_bytes()).await;
    assert!(!answer.contains(" 308 "), "{answer}");
    let many = "x: y\r\n".repeat(200);
    let answer = ask(
        address,
        format!("GET / HTTP/1.1\r\nhost: a.example\r\n{many}\r\n").as_bytes(),
    )
    .await;
    assert!(!answer.contains(" 308 "), "{answer}");
}

#[tokio::test]
async fn a_client_that_never_finishes_its_headers_is_closed() {
    let (address, _stop) = port().await;
    let begun = std::time::Instant::now();
    let answer = ask(address, b"GET / HTTP/1.1\r\nhost: a.exa").await;
    assert!(!answer.contains(" 308 "), "{answer}");
    assert!(begun.elapsed() < Duration::from_secs(15));
}

#[tokio::test]
async fn where_there_are_too_many_the_one_that_was_idle_longest_has_to_go() {
    let config = Config {
        max_connections_per_address: 2,
        ..Config::default()
    };
    let (address, _stop) = port_with(&config).await;
    let idle = async || {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // Answered, and kept open.
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: a.example\r\n\r\n")
            .await
            .unwrap();
        stream.read_u8().await.unwrap();
        stream
    };
    let (mut first, mut second) = (idle().await, idle().await);
    assert!(ask(address, &get("/", "a.example")).await.contains(" 308 "));
    let closed = timeout(Duration::from_secs(20), first.read_to_end(&mut Vec::new())).await;
    closed.expect("the first is closed").unwrap();
    second.write_all(&get("/", "a.example")).await.unwrap();
    let mut answers = Vec::new();
    second.read_to_end(&mut answers).await.unwrap();
    // The second answer is on the same connection.
    assert!(String::from_utf8_lossy(&answers).contains("HTTP/1.1 308 "));
}

#[tokio::test]
async fn stopping_ends_idle_connections_and_refuses_new_ones() {
    let (address, stop) = port().await;
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\nhost: a.example\r\n\r\n")
        .await
        .unwrap();
    idle.read_u8().await.unwrap();
    stop.cancel();
    let ended = timeout(Duration::from_secs(5), idle.read_to_end(&mut Vec::new())).await;
    ended.expect("the connection is closed").unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}
