use std::{collections::BTreeSet, time::Duration};

use api::acme::v1::ChallengeType;
use runtime::egress::EgressError;

use super::*;
use crate::client::{Identifier, error::Subproblem};

const DIRECTORY: &str = "https://ca.example/dir";

fn about(names: &[String]) -> About<'_> {
    About {
        directory_url: DIRECTORY,
        names,
    }
}

fn urn(kind: &str) -> String {
    format!("urn:ietf:params:acme:error:{kind}")
}

fn problem_of(kind: &str, status: u16) -> Problem {
    Problem {
        kind_uri: urn(kind),
        detail: "in the CA's own words".into(),
        status,
        subproblems: vec![],
    }
}

fn refusal(step: Step, problem: Problem) -> Failure {
    let error = Error::Refused {
        problem: Box::new(problem),
        retry_after: None,
    };
    explain(step, &error, about(&["shop.example".into()]))
}

#[test]
fn a_refused_name_is_named_whole_with_the_ca_s_document() {
    let mut problem = problem_of("malformed", 403);
    problem.subproblems = vec![Subproblem {
        kind_uri: urn("rejectedIdentifier"),
        detail: "on a block list".into(),
        identifier: Identifier::of("blocked.example"),
    }];
    let failure = refusal(Step::NewOrder, problem);
    assert_eq!(failure.reason, "NAME_REJECTED");
    assert_eq!(
        failure.message,
        "The CA does not issue for blocked.example. It says: in the CA's own words."
    );
    let problem = failure.problem.unwrap();
    assert_eq!(problem.r#type, urn("malformed"));
    assert_eq!(problem.status, 403);
    assert_eq!(problem.subproblems[0].identifier, "blocked.example");
}

#[test]
fn every_refusal_has_its_reason_and_an_advice() {
    for (step, kind, status, reason) in [
        (Step::NewOrder, "rejectedIdentifier", 400, "NAME_REJECTED"),
        (Step::NewOrder, "rateLimited", 429, "RATE_LIMITED"),
        (Step::NewOrder, "caa", 403, "CAA_FORBIDS"),
        (Step::NewOrder, "dns", 400, "DNS_FAILED"),
        (Step::NewOrder, "invalidProfile", 400, "PROFILE_UNKNOWN"),
        (Step::NewOrder, "userActionRequired", 403, "TERMS_CHANGED"),
        (Step::NewOrder, "badNonce", 400, "BAD_NONCE"),
        (Step::NewOrder, "serverInternal", 500, "SERVER_ERROR"),
        (Step::NewOrder, "somethingNew", 400, "CA_REFUSED"),
        (
            Step::Connect,
            "externalAccountRequired",
            403,
            "EAB_REQUIRED",
        ),
        (Step::Connect, "unauthorized", 403, "ACCOUNT_REFUSED"),
        (Step::Connect, "invalidContact", 400, "CONTACT_REFUSED"),
        (Step::Authorize, "malformed", 404, "ORDER_GONE"),
        (Step::Finalize, "badCSR", 400, "CSR_REFUSED"),
        (Step::Finalize, "badPublicKey", 400, "KEY_REFUSED"),
    ] {
        let failure = refusal(step, problem_of(kind, status));
        assert_eq!(failure.reason, reason, "{kind}");
        assert!(failure.message.contains("in the CA's own words"), "{kind}");
        assert!(failure.advice.ends_with('.'), "{kind}");
        assert_eq!(failure.step(), step);
        assert_eq!(failure.problem.unwrap().status, u32::from(status));
    }
}

#[test]
fn a_server_that_cannot_be_reached_is_named_with_what_to_check() {
    let host = || "ca.example".to_owned();
    let errors = [
        EgressError::Unresolved {
            host: host(),
            reason: "no such host".into(),
        },
        EgressError::Unreachable {
            host: host(),
            reason: "connection refused".into(),
        },
        EgressError::Untrusted {
            host: host(),
            reason: "unknown issuer".into(),
        },
        EgressError::Roots {
            reason: "no certificate".into(),
        },
    ];
    let mut advices = BTreeSet::new();
    for source in errors {
        let error = Error::Unreachable {
            url: DIRECTORY.into(),
            source,
        };
        let failure = explain(Step::Connect, &error, about(&[]));
        assert!(failure.message.contains(DIRECTORY), "{}", failure.message);
        assert_eq!(failure.problem, None);
        advices.insert(failure.advice);
    }
    assert_eq!(advices.len(), 4);
}

#[test]
fn what_is_no_acme_server_is_said_so() {
    let odd = Error::Unexpected {
        url: DIRECTORY.into(),
        what: "the answer is no ACME directory",
    };
    assert_eq!(
        explain(Step::Connect, &odd, about(&[])).reason,
        "NOT_AN_ACME_SERVER"
    );
    for (step, status, reason) in [
        (Step::Connect, 503, "SERVER_ERROR"),
        (Step::Connect, 404, "NOT_AN_ACME_SERVER"),
        (Step::Authorize, 404, "ORDER_GONE"),
    ] {
        let error = Error::Status {
            url: DIRECTORY.into(),
            status,
            retry_after: None,
        };
        let failure = explain(step, &error, about(&[]));
        assert_eq!(failure.reason, reason);
        assert!(failure.message.contains(&status.to_string()));
    }
}

#[test]
fn a_failed_challenge_names_each_name_and_what_to_mend() {
    let connection = problem_of("connection", 400);
    let one = challenges(
        &[("a.example".into(), connection.clone())],
        ChallengeType::Http01,
    );
    assert_eq!(one.reason, "CHALLENGE_FAILED");
    assert!(one.message.ends_with("from a.example."), "{}", one.message);
    assert!(one.advice.contains("port 80"));
    assert_eq!(one.problem.unwrap().subproblems, vec![]);

    let two = challenges(
        &[
            ("a.example".into(), connection),
            ("b.example".into(), problem_of("dns", 400)),
        ],
        ChallengeType::Http01,
    );
    assert!(two.message.ends_with("from a.example, b.example."));
    let subproblems = two.problem.unwrap().subproblems;
    assert_eq!(subproblems[1].identifier, "b.example");
    assert_eq!(subproblems[1].r#type, urn("dns"));

    for challenge in [
        ChallengeType::Http01,
        ChallengeType::TlsAlpn01,
        ChallengeType::Dns01,
    ] {
        let failed = |kind| challenges(&[("a.example".into(), problem_of(kind, 400))], challenge);
        let advices = ["dns", "caa", "connection", "unauthorized", "other"];
        let advices = advices.map(|kind| failed(kind).advice);
        let different = advices.iter().collect::<BTreeSet<_>>().len();
        // Of a record, that there is no answer is one with that there is no address.
        assert_eq!(
            different,
            if challenge == ChallengeType::Dns01 {
                4
            } else {
                5
            }
        );
        assert_eq!(
            advices[2].contains("port 80"),
            challenge == ChallengeType::Http01
        );
        assert_eq!(
            advices[2].contains("port 443"),
            challenge == ChallengeType::TlsAlpn01
        );
    }
}

#[test]
fn a_refused_binding_is_told_from_a_refused_contact() {
    let refused = |kind: &str, bound| {
        let error = Error::Refused {
            problem: Box::new(problem_of(kind, 400)),
            retry_after: None,
        };
        registration(&error, about(&[]), bound)
    };
    let failure = refused("unauthorized", true);
    assert_eq!(failure.reason, "EAB_REFUSED");
    assert!(failure.message.starts_with("The CA refused this EAB key."));
    assert_eq!(failure.advice, "Keys work once; ask for a new one.");
    assert_eq!(failure.problem.unwrap().r#type, urn("unauthorized"));
    assert_eq!(refused("malformed", true).reason, "EAB_REFUSED");
    assert_eq!(refused("invalidContact", true).reason, "CONTACT_REFUSED");
    assert_eq!(refused("unauthorized", false).reason, "ACCOUNT_REFUSED");
    assert_eq!(
        refused("externalAccountRequired", false).reason,
        "EAB_REQUIRED"
    );
}

#[test]
fn how_long_the_ca_wants_to_be_left_alone_is_said() {
    let error = Error::Refused {
        problem: Box::new(problem_of("rateLimited", 429)),
        retry_after: Some(Duration::from_secs(3_600)),
    };
    let failure = explain(Step::NewOrder, &error, about(&[]));
    assert!(
        failure.message.ends_with("in 3600 seconds."),
        "{}",
        failure.message
    );
}
