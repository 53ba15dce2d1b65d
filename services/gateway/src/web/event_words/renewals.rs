//! Automated certificates, ACME servers and DNS providers.

use super::{Body, Tone, Words, terms};

/// `automation`
pub(super) fn automation(event: &str, body: &Body) -> Option<Words> {
    let attempt = || match body.number("/attempt") {
        0 => String::new(),
        n => format!("attempt {n}"),
    };
    let until = || body.day("valid until ", "/notAfter");
    let words = match event {
        "requested" => {
            let names = body.list("/dnsNames").iter();
            let names = names.chain(body.list("/ipAddresses"));
            let names = names.filter_map(|name| name.as_str()).collect::<Vec<_>>();
            let named = match names[..] {
                [first, _, ..] => format!("{first} and {} more", names.len() - 1),
                [one] => one.to_owned(),
                [] => String::new(),
            };
            let algorithm = terms::algorithm(body.text("/keyAlgorithm"));
            Words::new("Automated certificate requested", ": ", "auto", Tone::Plain)
                .with([named, algorithm])
        }
        "renewal-started" => started(body),
        "renewal-scheduled" => {
            let why = match body.text("/reason") {
                "SCHEDULE_REASON_RENEWAL_INFORMATION" => "by the CA's wish",
                _ => "",
            };
            Words::new("Next renewal planned", " for ", "soon", Tone::Plain)
                .with([body.moment("", "/renewAt"), why.to_owned()])
        }
        "paused" => Words::new("Renewals paused", " for ", "pending", Tone::Warn)
            .with([body.text("/reason").to_owned()]),
        "resumed" => Words::new("Renewals resumed", " for ", "auto", Tone::Plain),
        "cancelled" => Words::new("Automation cancelled", ": ", "x", Tone::Warn)
            .with(["nothing renews it any more".to_owned()]),
        "revocation-intended" => Words::new("Revocation begun", " of ", "revoked", Tone::Busy)
            .with([terms::revocation(body.text("/reason"))]),
        "revoked" => Words::new("Revoked by its CA", ": ", "revoked", Tone::Warn),
        "revocation-failed" => {
            Words::new("Revocation refused", " for ", "error", Tone::Bad).with([failure(body)])
        }
        "order-intended" => {
            Words::new("Order begun", " for ", "renewing", Tone::Busy).with([attempt()])
        }
        "order-placed" => {
            Words::new("Order placed", " for ", "renewing", Tone::Busy).with([attempt()])
        }
        "finalize-intended" => Words::new("Challenge answered", " for ", "renewing", Tone::Busy)
            .with([
                attempt(),
                "the certificate request goes to the CA".to_owned(),
            ]),
        "certificate-issued" => {
            Words::new("First certificate here", " for ", "cert", Tone::Good).with([until()])
        }
        "renewed" => Words::new("Renewal done", " for ", "renewing", Tone::Good).with([until()]),
        "issuance-failed" => Words::new("First issue failed", " for ", "error", Tone::Bad).with([
            attempt(),
            failure(body),
            again(body),
        ]),
        "renewal-failed" => Words::new("Renewal failed", " for ", "error", Tone::Bad).with([
            attempt(),
            failure(body),
            again(body),
        ]),
        _ => return None,
    };
    Some(words)
}

fn started(body: &Body) -> Words {
    let what = match body.is("/firstIssuance") {
        true => "Another try begun",
        false => "Renewal started",
    };
    let why = match body.text("/cause") {
        "START_CAUSE_SCHEDULE" => "its time has come",
        "START_CAUSE_RETRY" => "tried again after a failure",
        "START_CAUSE_REVOKED" => "it was revoked",
        _ => "by hand",
    };
    Words::new(what, " for ", "renewing", Tone::Busy).with([why.to_owned()])
}

fn failure(body: &Body) -> String {
    body.text("/failure/message")
        .trim_end_matches('.')
        .to_owned()
}

fn again(body: &Body) -> String {
    match body.is("/needsPerson") {
        true => "it waits for somebody to act".to_owned(),
        false => body.moment("next try ", "/retryAt"),
    }
}

/// `acme-server`
pub(super) fn server(event: &str, body: &Body) -> Option<Words> {
    let words = match event {
        "registered" => Words::new("ACME server registered", ": ", "globe", Tone::Plain)
            .with([body.text("/directoryUrl").to_owned()]),
        "contact-updated" => {
            let addresses = match body.number("/contacts") as usize {
                0 => "no address".to_owned(),
                1 => "1 address".to_owned(),
                n => format!("{n} addresses"),
            };
            Words::new("Contact changed", " at ", "mail", Tone::Plain).with([addresses])
        }
        "account-key-rolled" => Words::new("Account key changed", " at ", "key", Tone::Plain),
        "deactivated" => Words::new("Account ended", " at ", "x", Tone::Warn),
        _ => return None,
    };
    Some(words)
}

/// `dns-provider`
pub(super) fn dns_provider(event: &str, body: &Body) -> Option<Words> {
    let words = match event {
        "added" => Words::new("DNS provider added", ": ", "globe", Tone::Plain)
            .with([body.text("/kind").to_owned()]),
        "removed" => Words::new("DNS provider removed", ": ", "trash", Tone::Plain)
            .with(["its secrets are destroyed".to_owned()]),
        _ => return None,
    };
    Some(words)
}
