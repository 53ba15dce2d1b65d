//! What a call from outside says about itself, and what goes on to the service in its place.
//!
//! Nothing passes by default: a header reaches a service only when it is named here.

use std::time::Duration;

use api::metadata::{
    ACTOR, CERTIFICATE_FILTER, CORRELATION_ID, IDEMPOTENCY_KEY, MAX_REQUEST_ID, READ_AT,
    REQUEST_ID, UNCHANGED_SINCE,
};
use hyper::{
    HeaderMap,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, TE, USER_AGENT},
};
use runtime::Clock;
use uuid::Uuid;

use crate::{principal::Principal, refusal::Refusal};

/// A call's headers, parsed at the door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The client's name for a command, or a fresh one: the same for every repeat.
    pub request_id: String,
    /// One id for all that the call sets going.
    pub correlation_id: Uuid,
    /// The position that the client had read; `None` where it does not say.
    pub unchanged_since: Option<u64>,
    /// How long the client waits, at most [`LONGEST_TIMEOUT`]; `None` where it does not say.
    pub timeout: Option<Duration>,
}

/// The token of `authorization: Bearer <token>` (RFC 6750, section 2.1).
///
/// # Errors
/// [`Refusal::TokenRequired`] where there is none; [`Refusal::TokenUnknown`] where there is more than one.
pub fn bearer(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(Refusal::TokenRequired)?;
    if values.next().is_some() {
        return Err(Refusal::TokenUnknown);
    }
    let value = value.to_str().map_err(|_| Refusal::TokenUnknown)?;
    let (scheme, token) = value.split_once(' ').ok_or(Refusal::TokenRequired)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Refusal::TokenRequired);
    }
    Ok(token)
}

impl Call {
    /// Reads the headers of a call.
    ///
    /// # Errors
    /// [`Refusal::RequestIdInvalid`], [`Refusal::PositionInvalid`], [`Refusal::TimeoutInvalid`].
    pub fn of(headers: &HeaderMap, clock: &Clock) -> Result<Call, Refusal> {
        Ok(Call {
            request_id: request_id(headers)?.unwrap_or_else(|| clock.new_id().to_string()),
            correlation_id: clock.new_id(),
            unchanged_since: unchanged_since(headers)?,
            timeout: timeout(headers)?.map(|timeout| timeout.min(LONGEST_TIMEOUT)),
        })
    }

    /// The headers that the service gets: how the body is written, and who calls, from the gateway's own hand.
    pub fn onward(
        &self,
        inbound: &HeaderMap,
        principal: Option<&Principal>,
        traceparent: Option<String>,
    ) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for name in PASSED_ON {
            if let Some(value) = inbound.get(&name) {
                headers.insert(name, value.clone());
            }
        }
        headers.insert(TE, HeaderValue::from_static("trailers"));
        let timeout = self
            .timeout
            .map(|timeout| format!("{}m", timeout.as_millis()));
        let held_to = principal.map(|principal| &principal.certificates);
        let held_to = held_to.filter(|filter| !filter.is_open());
        let own = [
            (ACTOR, principal.map(|principal| principal.actor.clone())),
            (CERTIFICATE_FILTER, held_to.map(ToString::to_string)),
            (REQUEST_ID, Some(self.request_id.clone())),
            (CORRELATION_ID, Some(self.correlation_id.to_string())),
            (READ_AT, self.unchanged_since.map(|read| read.to_string())),
            (GRPC_TIMEOUT, timeout),
            ("traceparent", traceparent),
        ];
        for (name, value) in own {
            // All of them are printable ASCII, by their types or checked above.
            if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        headers
    }
}

fn request_id(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let value = value.to_str().map_err(|_| Refusal::RequestIdInvalid)?;
    let printable = value.bytes().all(|b| (b' '..=b'~').contains(&b));
    if values.next().is_some() || !printable || !(1..=MAX_REQUEST_ID).contains(&value.len()) {
        return Err(Refusal::RequestIdInvalid);
    }
    Ok(Some(value.to_owned()))
}

fn unchanged_since(headers: &HeaderMap) -> Result<Option<u64>, Refusal> {
    let Some(value) = headers.get(UNCHANGED_SINCE) else {
        return Ok(None);
    };
    let position = value.to_str().ok().and_then(|text| text.parse().ok());
    position.map(Some).ok_or(Refusal::PositionInvalid)
}

/// The gRPC deadline, as the protocol writes it: "TimeoutValue TimeoutUnit".
fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, Refusal> {
    let Some(value) = headers.get(GRPC_TIMEOUT) else {
        return Ok(None);
    };
    let value = value.to_str().map_err(|_| Refusal::TimeoutInvalid)?;
    let (number, unit) = value
        .split_at_checked(value.len().wrapping_sub(1))
        .ok_or(Refusal::TimeoutInvalid)?;
    if !(1..=8).contains(&number.len()) || !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Refusal::TimeoutInvalid);
    }
    let number = number.parse::<u64>().map_err(|_| Refusal::TimeoutInvalid)?;
    Ok(Some(match unit {
        "H" => Duration::from_secs(number * 3_600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return Err(Refusal::TimeoutInvalid),
    }))
}

const GRPC_TIMEOUT: &str = "grpc-timeout";

/// The longest deadline that a service is told.
pub const LONGEST_TIMEOUT: Duration = Duration::from_secs(3_600);

const PASSED_ON: [HeaderName; 4] = [
    CONTENT_TYPE,
    USER_AGENT,
    HeaderName::from_static("grpc-encoding"),
    HeaderName::from_static("grpc-accept-encoding"),
];

#[cfg(test)]
mod tests {
    use api::options::v1::Role;

    use super::*;
    use crate::fixture::principal;

    fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in list {
            headers.append(
                HeaderName::from_static(name),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        headers
    }

    #[test]
    fn the_token_is_the_one_bearer_token() {
        assert_eq!(
            bearer(&headers(&[("authorization", "Bearer abc")])),
            Ok("abc")
        );
        assert_eq!(
            bearer(&headers(&[("authorization", "bearer abc")])),
            Ok("abc")
        );
        for none in [
            headers(&[]),
            headers(&[("authorization", "Basic YTpi")]),
            headers(&[("authorization", "Bearer")]),
        ] {
            assert_eq!(bearer(&none), Err(Refusal::TokenRequired));
        }
        let two = headers(&[("authorization", "Bearer a"), ("authorization", "Bearer b")]);
        assert_eq!(bearer(&two), Err(Refusal::TokenUnknown));
    }

    #[test]
    fn a_request_id_is_taken_or_made() {
        let clock = Clock::system();
        let given = Call::of(&headers(&[("idempotency-key", "deploy 7/retry")]), &clock).unwrap();
        assert_eq!(given.request_id, "deploy 7/retry");
        let (one, two) = (
            Call::of(&headers(&[]), &clock).unwrap(),
            Call::of(&headers(&[]), &clock).unwrap(),
        );
        assert_ne!(one.request_id, two.request_id);
        assert_eq!(
            Uuid::parse_str(&one.request_id).unwrap().get_version_num(),
            7
        );
        for wrong in [
            headers(&[("idempotency-key", "")]),
            headers(&[("idempotency-key", &"a".repeat(101))]),
            headers(&[("idempotency-key", "ä")]),
            headers(&[("idempotency-key", "a\tb")]),
            headers(&[("idempotency-key", "a"), ("idempotency-key", "b")]),
        ] {
            assert_eq!(Call::of(&wrong, &clock), Err(Refusal::RequestIdInvalid));
        }
    }

    #[test]
    fn deadlines_are_read_and_bounded() {
        let of = |text: &str| timeout(&headers(&[("grpc-timeout", text)]));
        assert_eq!(of("1500m"), Ok(Some(Duration::from_millis(1_500))));
        assert_eq!(of("2S"), Ok(Some(Duration::from_secs(2))));
        for wrong in [
            "",
            "S",
            "1",
            "1s",
            "-1S",
            "123456789S",
            "1.5S",
            "S1",
            "1 S",
            "٣S",
        ] {
            assert_eq!(of(wrong), Err(Refusal::TimeoutInvalid), "{wrong:?}");
        }
        let long = Call::of(&headers(&[("grpc-timeout", "99999999H")]), &Clock::system()).unwrap();
        assert_eq!(long.timeout, Some(LONGEST_TIMEOUT));
    }

    #[test]
    fn nothing_passes_but_what_is_named() {
        let inbound = headers(&[
            ("content-type", "application/grpc"),
            ("authorization", "Bearer secret"),
            ("cookie", "a=b"),
            ("chancery-actor", "token/somebody-else"),
            ("chancery-request-id", "forged"),
            ("chancery-causation-id", "forged"),
            ("chancery-anything", "forged"),
            ("chancery-certificate-filter", "forged"),
            ("x-forwarded-for", "10.0.0.1"),
            ("traceparent", "forged"),
            ("grpc-timeout", "5S"),
            ("idempotency-key", "mine"),
        ]);
        let principal = Principal {
            certificates: "shop.example,*.shop.example".parse().unwrap(),
            ..principal(Role::Viewer)
        };
        let call = Call::of(&inbound, &Clock::system()).unwrap();
        let onward = call.onward(&inbound, Some(&principal), None);
        let correlation = call.correlation_id.to_string();
        let mut found = onward
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect::<Vec<_>>();
        found.sort();
        assert_eq!(
            found,
            [
                ("chancery-actor", "token/me"),
                ("chancery-certificate-filter", "shop.example,*.shop.example"),
                ("chancery-correlation-id", correlation.as_str()),
                ("chancery-request-id", "mine"),
                ("content-type", "application/grpc"),
                ("grpc-timeout", "5000m"),
                ("te", "trailers"),
            ]
        );
    }
}
