//! Uploads from the port: whose are read, and how many at once.

use tokio::{io::AsyncWriteExt, net::TcpStream};
use tokio_rustls::client::TlsStream;

use super::*;
use crate::fixture::{client, handshake};

const UPLOAD: &str = "multipart/form-data; boundary=x";

fn upload(token: &str, file: &str) -> String {
    format!(
        "--x\r\ncontent-disposition: form-data; name=\"token\"\r\n\r\n{token}\r\n\
         --x\r\ncontent-disposition: form-data; name=\"files\"; filename=\"a.pem\"\r\n\r\n{file}\r\n--x--\r\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_read_of_our_own_form_alone() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    let page = rosa.open("/import").await;
    assert_eq!(page.status, 200);
    let token = rosa.token.clone();
    // What comes through goes on to the keystore, which knows nothing of certificates here.
    let page = rosa.post("/import", UPLOAD, upload(&token, "one")).await;
    assert_ne!(page.status, 403, "{}", page.text);
    for (media_type, token, status) in [
        (UPLOAD, "AAAA", 403),
        (UPLOAD, "", 403),
        ("multipart/form-data", &*token, 415),
        ("application/x-www-form-urlencoded", &*token, 415),
    ] {
        let page = rosa.post("/import", media_type, upload(token, "one")).await;
        assert_eq!(page.status, status, "{media_type} {token}");
    }
    rosa.headers = vec![("sec-fetch-site", "cross-site".into())];
    let page = rosa.post("/import", UPLOAD, upload(&token, "one")).await;
    assert_eq!(page.status, 403);
    let mut stranger = here.browser();
    let page = stranger
        .post("/import", UPLOAD, upload(&token, "one"))
        .await;
    assert_eq!(page.location(), Some("/sign-in"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_or_too_much_is_said_on_the_page() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    rosa.open("/import").await;
    let token = rosa.token.clone();
    let page = rosa
        .post("/import", UPLOAD, upload(&token, "").replace("a.pem", ""))
        .await;
    assert_eq!(page.status, 422);
    assert!(
        page.text.contains("Choose the files, or paste"),
        "{}",
        page.text
    );
    let file = "7".repeat(1 << 20);
    let part = format!(
        "content-disposition: form-data; name=\"files\"; filename=\"b\"\r\n\r\n{file}\r\n--x"
    );
    let many = format!(
        "{}{}--\r\n",
        upload(&token, "one").trim_end_matches("--\r\n"),
        format!("\r\n{part}").repeat(13)
    );
    let page = rosa.post("/import", UPLOAD, many).await;
    assert_eq!(page.status, 422);
    assert!(page.text.contains("10 MiB together"), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_uploads_nothing() {
    let here = Here::new().await;
    here.person("vera", Role::Viewer).await;
    let mut vera = here.signed_in("vera").await;
    let page = vera.open("/import").await;
    assert!(
        page.text.contains("Viewers import nothing"),
        "{}",
        page.text
    );
    let token = vera.token.clone();
    let page = vera.post("/import", UPLOAD, upload(&token, "one")).await;
    assert_eq!(page.status, 409, "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_has_two_uploads_at_once() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    rosa.open("/import").await;
    let token = rosa.token.clone();
    let busy = async |rosa: &mut Browser| {
        let page = rosa.post("/import", UPLOAD, upload(&token, "one")).await;
        page.status == 503 && page.text.contains("Too busy")
    };
    assert!(!busy(&mut rosa).await);
    let mut open = Vec::new();
    // They count as soon as the gateway has seen their heads; none is waited for without end.
    while !busy(&mut rosa).await {
        open.clear();
        for _ in 0..2 {
            open.push(begun(&here, &rosa).await);
        }
    }
    open.clear();
    while busy(&mut rosa).await {}
}

/// An upload of hers that has begun, and goes no further.
async fn begun(here: &Here, rosa: &Browser) -> TlsStream<TcpStream> {
    let cookies = rosa.cookies.iter();
    let cookies = cookies.map(|(name, value)| format!("{name}={value}"));
    let cookies = cookies.collect::<Vec<_>>().join("; ");
    let tcp = TcpStream::connect(here.address()).await.unwrap();
    let mut stream = handshake(client(), tcp, Some(HOST)).await.unwrap();
    let head = format!(
        "POST /import HTTP/1.1\r\nhost: {HOST}\r\ncookie: {cookies}\r\ncontent-type: {UPLOAD}\r\ncontent-length: 1000\r\n\r\n--x"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    stream
}
