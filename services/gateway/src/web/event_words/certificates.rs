//! Certificates, their keys and requests, and what gateways serve.

use super::{Body, Tone, Words, count, terms};

/// `certificate`
pub(super) fn certificate(event: &str, body: &Body) -> Option<Words> {
    let until = || body.day("valid until ", "/certificate/notAfter");
    let words = match event {
        "issued" => Words::new("Certificate issued", " for ", "cert", Tone::Good)
            .with([names(body), until()]),
        "renewed" => {
            let version = format!("version {}", body.number("/version"));
            Words::new("Certificate renewed", ": ", "renewing", Tone::Good).with([version, until()])
        }
        "self-signed" => {
            let factory = match body.is("/factory") {
                true => "made at the first start, so that TLS works at once".to_owned(),
                false => String::new(),
            };
            Words::new("Self-signed certificate made", ": ", "cert", Tone::Plain)
                .with([factory, until()])
        }
        "imported" => {
            let answers = match body.text("/requestId") {
                "" => String::new(),
                _ => "it answers a request".to_owned(),
            };
            Words::new("Certificate imported", ": ", "upload", Tone::Plain).with([
                names(body),
                until(),
                answers,
            ])
        }
        "chain-completed" => Words::new("Chain completed", " of ", "root", Tone::Good)
            .with([count(body.list("/issuers").len(), "issuer")]),
        "renamed" => Words::new("Certificate renamed", ": ", "cert", Tone::Plain)
            .with([format!("now called “{}”", body.text("/friendlyName"))]),
        "exported" => {
            let tone = match body.is("/privateKey") {
                true => Tone::Warn,
                false => Tone::Plain,
            };
            Words::new("Certificate exported", ": ", "download", tone).with([
                parts(body),
                body.text("/format").to_owned(),
                protection(body, "/privateKey"),
            ])
        }
        "released" => Words::new("Automation let go", " of ", "auto", Tone::Warn)
            .with(["nothing renews it any more".to_owned()]),
        "revoked" => Words::new("Certificate revoked", ": ", "revoked", Tone::Warn)
            .with([version(body), terms::revocation(body.text("/reason"))]),
        "deleted" => Words::new("Certificate deleted", ": ", "trash", Tone::Warn)
            .with(["it can be restored".to_owned()]),
        "restored" => Words::new("Certificate restored", ": ", "back", Tone::Plain)
            .with([format!("called “{}”", body.text("/friendlyName"))]),
        _ => return None,
    };
    Some(words)
}

/// `key`
pub(super) fn key(event: &str, body: &Body) -> Option<Words> {
    let algorithm = || terms::algorithm(body.text("/algorithm"));
    let words = match event {
        "generated" => {
            Words::new("Private key made", " for ", "key", Tone::Plain).with([algorithm()])
        }
        "imported" => {
            Words::new("Private key imported", " for ", "upload", Tone::Plain).with([algorithm()])
        }
        "exported" => {
            let protected = match body.is("/protected") {
                true => "with a passphrase",
                false => "without a passphrase",
            };
            Words::new("Private key exported", " of ", "download", Tone::Warn)
                .with([body.text("/format").to_owned(), protected.to_owned()])
        }
        "destroyed" => Words::new("Private key destroyed", " of ", "trash", Tone::Warn)
            .with(["it cannot come back".to_owned()]),
        _ => return None,
    };
    Some(words)
}

/// `tls`
pub(super) fn tls(event: &str, body: &Body) -> Option<Words> {
    let words = match event {
        "default-selected" => Words::new("Default changed", " to ", "star", Tone::Plain)
            .with(["it answers where no name does".to_owned()]),
        "default-cleared" => Words::new("Default cleared", ": ", "star", Tone::Plain)
            .with(["no certificate is the default".to_owned()]),
        "serving-granted" => Words::new("Keys handed to a gateway", ": ", "server", Tone::Plain)
            .with([
                body.text("/gateway").to_owned(),
                count(body.number("/certificates") as usize, "certificate"),
            ]),
        _ => return None,
    };
    Some(words)
}

/// `kek`
pub(super) fn kek(event: &str, body: &Body) -> Option<Words> {
    let words = match event {
        "rotated" => Words::new("Key-encryption key rotated", ": ", "key", Tone::Good).with([
            count(body.number("/keys") as usize, "private key"),
            count(body.number("/secrets") as usize, "secret"),
            "the old one opens none of them".to_owned(),
        ]),
        _ => return None,
    };
    Some(words)
}

/// `request`
pub(super) fn request(event: &str, body: &Body) -> Option<Words> {
    let words = match event {
        "created" => {
            let algorithm = terms::algorithm(body.text("/keyAlgorithm"));
            let renews = match body.text("/renewsCertificateId") {
                "" => String::new(),
                _ => "to take a certificate's place".to_owned(),
            };
            Words::new("Request created", ": ", "request", Tone::Plain).with([algorithm, renews])
        }
        "fulfilled" => Words::new("Request answered", ": ", "check", Tone::Good)
            .with(["its certificate was imported".to_owned()]),
        "deleted" => Words::new("Request deleted", ": ", "trash", Tone::Plain)
            .with(["its key stays".to_owned()]),
        _ => return None,
    };
    Some(words)
}

fn names(body: &Body) -> String {
    let dns = body.list("/certificate/subjectAltNames/dnsNames").len();
    let addresses = body.list("/certificate/subjectAltNames/ipAddresses").len();
    count(dns + addresses, "name")
}

fn version(body: &Body) -> String {
    match body.number("/version") {
        0 => String::new(),
        n => format!("version {n}"),
    }
}

/// What left of it: "certificate, chain and private key".
fn parts(body: &Body) -> String {
    let parts = [
        ("/certificate", "certificate"),
        ("/chain", "chain"),
        ("/privateKey", "private key"),
    ];
    let parts = parts.iter().filter(|(path, _)| body.is(path));
    let parts = parts.map(|(_, word)| *word).collect::<Vec<_>>();
    match parts.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

fn protection(body: &Body, key: &str) -> String {
    match (body.is(key), body.is("/protected")) {
        (false, _) => String::new(),
        (true, true) => "with a passphrase".to_owned(),
        (true, false) => "without a passphrase".to_owned(),
    }
}
