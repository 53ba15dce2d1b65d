//! gRPC-web, as a program without HTTP/2 speaks it.

use api::{gateway::v1::WhoAmIResponse, options::v1::Role};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use hyper::Method;
use prost::Message;
use reqwest::{RequestBuilder, Response, Version};

use super::edge::{Edge, edge};
use crate::fixture::House;

const WHO_AM_I: &str = "/chancery.gateway.v1.SessionService/WhoAmI";

fn to(edge: &Edge, method: Method, version: Version) -> RequestBuilder {
    let http = reqwest::Client::builder()
        .tls_danger_accept_invalid_certs(true)
        .resolve("edge.example", edge.address);
    let http = match version {
        Version::HTTP_2 => http.http2_prior_knowledge(),
        _ => http.http1_only(),
    };
    let url = format!("https://edge.example:{}{WHO_AM_I}", edge.address.port());
    http.build().unwrap().request(method, url)
}

/// The message, where there is one, and the status that comes behind it, or before.
async fn read(answer: Response, text: bool) -> (Option<WhoAmIResponse>, String) {
    let said = answer.headers().get("grpc-status");
    let said = said.map(|status| status.to_str().unwrap().to_owned());
    let body = answer.bytes().await.unwrap();
    let body = match text {
        // Each part is padded by itself.
        true => body
            .split_inclusive(|b| *b == b'=')
            .fold(Vec::new(), |mut all, part| {
                let part = if part == b"=" { &[][..] } else { part };
                all.extend(BASE64_STANDARD.decode(part).unwrap());
                all
            }),
        false => body.to_vec(),
    };
    let (mut left, mut message, mut status) = (&body[..], None, said);
    while let [flag, a, b, c, d, rest @ ..] = left {
        let (frame, after) = rest.split_at(u32::from_be_bytes([*a, *b, *c, *d]) as usize);
        match flag {
            0 => message = Some(WhoAmIResponse::decode(frame).unwrap()),
            0x80 => {
                let trailers = String::from_utf8(frame.to_vec()).unwrap();
                let line = trailers
                    .lines()
                    .find_map(|line| line.strip_prefix("grpc-status:"));
                status = line.map(|status| status.trim().to_owned());
            }
            other => panic!("a frame of {other}"),
        }
        left = after;
    }
    (message, status.unwrap())
}

#[tokio::test]
async fn who_am_i_in_both_forms_over_both_versions() {
    let edge = edge(Role::Operator, House::new()).await;
    for version in [Version::HTTP_11, Version::HTTP_2] {
        for form in ["application/grpc-web+proto", "application/grpc-web-text"] {
            let text = form.contains("text");
            let body = match text {
                true => BASE64_STANDARD.encode([0; 5]).into_bytes(),
                false => vec![0; 5],
            };
            let request = to(&edge, Method::POST, version)
                .bearer_auth(&edge.token)
                .header("content-type", form)
                .header("accept", form)
                .body(body);
            let answer = request.send().await.unwrap();
            assert_eq!((answer.status().as_u16(), answer.version()), (200, version));
            let shown = answer.headers()["content-type"]
                .to_str()
                .unwrap()
                .to_owned();
            assert!(
                shown.starts_with(form.trim_end_matches("+proto")),
                "{shown}"
            );
            for header in answer.headers().keys() {
                assert!(!header.as_str().starts_with("access-control-"), "{header}");
                assert_ne!(header, "set-cookie");
            }
            let (message, status) = read(answer, text).await;
            let me = message.unwrap();
            assert_eq!(
                (me.role(), status.as_str()),
                (Role::Operator, "0"),
                "{form} {version:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_cookie_is_nothing_here_and_no_other_site_may_call() {
    let edge = edge(Role::Operator, House::new()).await;
    let form = "application/grpc-web+proto";
    let cookie = format!("__Host-chancery={}", edge.token);
    let request = to(&edge, Method::POST, Version::HTTP_11)
        .header("content-type", form)
        .header("cookie", cookie)
        .body(vec![0; 5]);
    let (message, status) = read(request.send().await.unwrap(), false).await;
    // Unauthenticated.
    assert_eq!((message, status.as_str()), (None, "16"));
    let preflight = to(&edge, Method::OPTIONS, Version::HTTP_11)
        .header("origin", "https://elsewhere.example")
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "authorization,content-type",
        );
    let answer = preflight.send().await.unwrap();
    assert!(!answer.status().is_success(), "{}", answer.status());
    assert!(!answer.headers().contains_key("access-control-allow-origin"));
}
