//! The way out: where it leads, and where it does not.

use http::StatusCode;
use runtime::{Egress, EgressError, config::Cidr, egress::Client};

use crate::web::{Web, answer};

fn closed() -> Egress {
    Egress::new(&[])
}

fn to_loopback() -> Egress {
    let loopback: Cidr = "127.0.0.0/8".parse().unwrap();
    Egress::new(&[loopback])
}

fn trusting(egress: &Egress, web: &Web) -> Client {
    egress.client(&[web.root.as_ref()]).unwrap()
}

#[tokio::test]
async fn what_is_not_public_is_refused_by_address_and_by_name() {
    let web = Web::answering(|_| answer("200 OK", "", "never seen")).await;
    let client = trusting(&closed(), &web);
    for (host, address) in [
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "::1"),
        ("[::ffff:127.0.0.1]", "::ffff:127.0.0.1"),
        ("169.254.169.254", "169.254.169.254"),
        ("10.0.0.1", "10.0.0.1"),
        ("192.168.7.7", "192.168.7.7"),
        ("0.0.0.0", "0.0.0.0"),
        // As some write 127.0.0.1.
        ("2130706433", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
    ] {
        match client.get(&web.url(host, "/")).await {
            Err(EgressError::Refused { address: found, .. }) => {
                assert_eq!(found.to_string(), address, "{host}")
            }
            other => panic!("{host}: {other:?}"),
        }
    }
    match client.get(&web.url("localhost", "/")).await {
        Err(EgressError::Refused { host, address, .. }) => {
            assert_eq!(host, "localhost");
            assert!(address.is_loopback());
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_the_configuration_allows_is_reached() {
    let web = Web::answering(|_| answer("418 I'm a teapot", "x-test: yes\r\n", "tea")).await;
    let client = trusting(&to_loopback(), &web);
    for host in ["localhost", "127.0.0.1"] {
        let answer = client.get(&web.url(host, "/")).await.unwrap();
        assert_eq!(answer.status(), StatusCode::IM_A_TEAPOT);
        assert_eq!(answer.headers()["x-test"], "yes");
        assert_eq!(answer.body(), "tea");
    }
    let elsewhere = client.get("https://10.0.0.1/").await;
    assert!(matches!(elsewhere, Err(EgressError::Refused { .. })));
}

#[tokio::test]
async fn nobody_sends_us_elsewhere() {
    let web = Web::answering(|first_line| match first_line {
        "GET /here HTTP/1.1" => answer("302 Found", "location: /there\r\n", ""),
        "GET /there HTTP/1.1" => answer("200 OK", "", "there"),
        "GET /loop HTTP/1.1" => answer("302 Found", "location: /loop\r\n", ""),
        "GET /out HTTP/1.1" => answer(
            "302 Found",
            "location: https://169.254.169.254/secret?x\r\n",
            "",
        ),
        "GET /port HTTP/1.1" => answer(
            "307 Temporary Redirect",
            "location: https://localhost:1/\r\n",
            "",
        ),
        "GET /plain HTTP/1.1" => answer(
            "301 Moved Permanently",
            "location: http://localhost/\r\n",
            "",
        ),
        _ => answer("307 Temporary Redirect", "location: /there\r\n", ""),
    })
    .await;
    let client = trusting(&to_loopback(), &web);
    assert_eq!(
        client
            .get(&web.url("localhost", "/here"))
            .await
            .unwrap()
            .body(),
        "there"
    );
    for (path, to) in [
        ("/out", "https://169.254.169.254"),
        ("/port", "https://localhost:1"),
        ("/plain", "http://localhost"),
        ("/loop", "itself, again and again"),
    ] {
        let refused = client.get(&web.url("localhost", path)).await.unwrap_err();
        let expected = EgressError::Redirected {
            host: "localhost".into(),
            to: to.into(),
        };
        assert_eq!(refused, expected);
    }
    let command = http::Request::post(web.url("localhost", "/command"))
        .body("sign".into())
        .unwrap();
    let refused = client.send(command).await;
    assert!(
        matches!(refused, Err(EgressError::Redirected { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let web = Web::answering(|_| answer("200 OK", "", &"x".repeat(2_000_000))).await;
    let client = trusting(&to_loopback(), &web);
    let refused = client.get(&web.url("localhost", "/")).await;
    assert!(
        matches!(
            refused,
            Err(EgressError::TooLarge {
                limit: 1_048_576,
                ..
            })
        ),
        "{refused:?}"
    );
}

#[tokio::test]
async fn each_failure_says_what_it_was() {
    let web = Web::answering(|_| answer("200 OK", "", "")).await;
    let other = Web::answering(|_| answer("200 OK", "", "")).await;
    let client = trusting(&to_loopback(), &other);
    let untrusted = client.get(&web.url("localhost", "/")).await.unwrap_err();
    assert!(
        matches!(untrusted, EgressError::Untrusted { .. }),
        "{untrusted:?}"
    );
    let unresolved = client
        .get("https://no-such-host.invalid/")
        .await
        .unwrap_err();
    assert!(
        matches!(unresolved, EgressError::Unresolved { .. }),
        "{unresolved:?}"
    );

    let unreachable = client
        .get(&format!("https://localhost:{}/", ports::free_port()))
        .await
        .unwrap_err();
    let EgressError::Unreachable { host, reason } = unreachable else {
        panic!("{unreachable:?}")
    };
    assert_eq!(host, "localhost");
    assert!(reason.contains("refused"), "{reason}");

    for url in [
        "",
        "ftp://localhost/",
        "https://user:secret@localhost/",
        "file:///etc/passwd",
    ] {
        let refused = client.get(url).await;
        assert!(
            matches!(refused, Err(EgressError::Url { .. })),
            "{url}: {refused:?}"
        );
    }
    let secret = client
        .get("https://user:secret@localhost/")
        .await
        .unwrap_err();
    assert!(!secret.to_string().contains("secret"), "{secret}");
    let roots = to_loopback().client(&[b"not a certificate"]);
    assert!(matches!(roots, Err(EgressError::Roots { .. })));
}

#[tokio::test]
async fn an_error_does_not_repeat_what_a_stranger_wrote() {
    // What a CA writes into its directory must not fill our log, nor repeat a password.
    for url in [
        format!("ftp://127.0.0.1/{}", "x".repeat(10_000)),
        "http://user:secret@127.0.0.1/dir".to_owned(),
        "https://user:secret@127.0.0.1/dir".to_owned(),
        format!("https://{}.example/dir", "x.".repeat(5_000)),
    ] {
        let client = to_loopback().client::<&[u8]>(&[]).unwrap();
        let error = client.get(&url).await.unwrap_err();
        assert!(matches!(error, EgressError::Url { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.len() < 400 && !text.contains("secret"), "{text}");
    }
}

#[tokio::test]
async fn an_answer_stays_whole_whatever_its_status() {
    const PROBLEM: &str = r#"{"type":"urn:ietf:params:acme:error:rateLimited","detail":"slow down","status":429,"extra":[1]}"#;
    let web = Web::answering(|_| {
        let headers = "content-type: application/problem+json\r\nretry-after: 7\r\n";
        answer("429 Too Many Requests", headers, PROBLEM)
    })
    .await;
    let client = trusting(&to_loopback(), &web);
    let request = http::Request::post(web.url("localhost", "/problem"));
    let request = request.body(bytes::Bytes::from_static(b"{}")).unwrap();
    let answer = client.send(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.headers()["retry-after"], "7");
    assert_eq!(answer.body(), PROBLEM);
}
