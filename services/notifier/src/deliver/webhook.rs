//! Webhooks: a CloudEvent 1.0 in structured JSON, by POST, signed ([`signature`]).

use bytes::Bytes;
use http::{HeaderValue, Request, header};
use runtime::Egress;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use url::{Host, Url};
use uuid::Uuid;

use super::{DeliveryError, signature};
use crate::{
    item::{About, Item},
    letter::Letter,
    roster::Recipient,
    settings::Webhook,
};

/// The CloudEvent of a message: the same one each time that it is sent.
pub fn event(
    to: &Recipient,
    message: Uuid,
    letter: &Letter,
    items: &[Item],
    created: OffsetDateTime,
) -> Bytes {
    let event = json!({
        "specversion": "1.0",
        "id": message.to_string(),
        "source": "/chancery/notifier",
        "type": "chancery.notification.v1",
        "time": time(created),
        "datacontenttype": "application/json",
        "data": {
            "channel": { "id": to.id.to_string(), "name": to.channel.name },
            "summary": letter.subject,
            "notifications": items.iter().map(notification).collect::<Vec<_>>(),
        },
    });
    Bytes::from(event.to_string())
}

fn notification(item: &Item) -> Value {
    let (state, alert) = match &item.about {
        About::Alert { id, .. } => ("up", Some(id)),
        About::AllClear { id, .. } => ("over", Some(id)),
        About::Notice { .. } => ("happened", None),
        About::Test => ("test", None),
    };
    let word = |name: &str, prefix| name.strip_prefix(prefix).unwrap_or(name).to_owned();
    json!({
        "state": state,
        "kind": word(item.kind.as_str_name(), "MESSAGE_KIND_"),
        "severity": word(item.severity.as_str_name(), "SEVERITY_"),
        "alertId": alert.map(Uuid::to_string),
        "day": item.about.alert().map(|(_, day, _)| day),
        "subject": { "kind": item.subject_kind, "id": item.subject_id, "name": item.name },
        "message": item.message,
        "advice": item.advice,
        "since": time(item.since),
        "deadline": item.deadline.map(time),
    })
}

/// Posts a CloudEvent; answers the status.
///
/// # Errors
/// [`DeliveryError`] for every status but success.
pub async fn send(
    egress: &Egress,
    hook: &Webhook,
    url: &str,
    key: &str,
    event: Bytes,
    now: OffsetDateTime,
) -> Result<String, DeliveryError> {
    check_scheme(egress, url).await?;
    let signature = signature::sign(key, &event, now);
    let request = Request::post(url)
        .header(header::CONTENT_TYPE, CONTENT_TYPE)
        .header(signature::HEADER, signature)
        .body(event);
    let request = request.map_err(|_| DeliveryError::new("its URL cannot be asked"))?;
    let answer = egress.client(&hook.roots)?.send(request).await?;
    let status = answer.status();
    if status.is_success() {
        return Ok(format!("HTTP {}", status.as_u16()));
    }
    Err(DeliveryError {
        retry_after: answer
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(retry_after),
        ..DeliveryError::new(format!("its server answered HTTP {}", status.as_u16()))
    })
}

/// Plain http only where the configuration names the address: inside of one's own walls.
async fn check_scheme(egress: &Egress, url: &str) -> Result<(), DeliveryError> {
    let unusable = || DeliveryError::new("its URL cannot be asked");
    let url = Url::parse(url).map_err(|_| unusable())?;
    if url.scheme() == "https" {
        return Ok(());
    }
    let host = match url.host() {
        Some(Host::Domain(name)) => name.to_owned(),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        None => return Err(unusable()),
    };
    let addresses = egress.addresses(&host).await?;
    match addresses.into_iter().all(|address| egress.names(address)) {
        true => Ok(()),
        false => Err(DeliveryError::new(
            "its URL is http, which is for addresses that [egress] allow names alone: use https",
        )),
    }
}

/// Seconds alone: no receiver of ours is known to send a date.
fn retry_after(value: &HeaderValue) -> Option<Duration> {
    let seconds: i64 = value.to_str().ok()?.trim().parse().ok()?;
    (0..=LONGEST_WAIT)
        .contains(&seconds)
        .then(|| Duration::seconds(seconds))
}

/// RFC 3339, as CloudEvents want it.
fn time(at: OffsetDateTime) -> String {
    // Years of certificates and clocks have this form.
    at.format(&Rfc3339).unwrap_or_default()
}

const CONTENT_TYPE: &str = "application/cloudevents+json; charset=utf-8";
const LONGEST_WAIT: i64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_kept_within_a_day() {
        let wait = |text: &str| retry_after(&HeaderValue::from_str(text).unwrap());
        assert_eq!(wait("120"), Some(Duration::seconds(120)));
        for no in ["-1", "86401", "Wed, 21 Oct 2026 07:28:00 GMT", "soon"] {
            assert_eq!(wait(no), None, "{no}");
        }
    }
}
