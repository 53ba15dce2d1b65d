//! Questions as they come in over gRPC: what is refused, and how.

use std::time::Duration;

use api::{
    projection::v1::{
        GetRequest, ListRequest, WatchEventsRequest, query_service_server::QueryService,
    },
    refuse,
};
use runtime::Clock;
use sea_orm::ConnectionTrait;
use tonic::{Code, Status};

use crate::{
    database::Tables,
    script::{self, START, Script},
};

fn list(filter: &str) -> ListRequest {
    ListRequest {
        filter: filter.to_owned(),
        ..Default::default()
    }
}

fn wrong(status: &Status) -> Vec<(String, String)> {
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let violations = refuse::violations(status).into_iter();
    violations.map(|v| (v.field, v.description)).collect()
}

#[tokio::test]
async fn all_that_is_wrong_with_a_request_is_told_at_once_by_field() {
    let tables = Tables::empty().await;
    let questions = tables.questions(&Clock::manual(START));
    let request = ListRequest {
        filter: "colour=red names<2027".to_owned(),
        sort: "names".to_owned(),
        page_size: 501,
        page_token: "abc".to_owned(),
        at_least: 0,
        ..ListRequest::default()
    };
    let refused = questions
        .list_certificates(crate::script::asked(request))
        .await
        .unwrap_err();
    let expected = [
        (
            "filter",
            "there is no field \"colour\"; there are name, names, status, not_after, issuer, source, created, key, chain, authority, default, deleted, own, algorithm, renewal, any and domain",
        ),
        (
            "filter",
            "names is text and cannot be compared with <; use =, != or :",
        ),
        ("page_size", "is 501; at most 500 rows make a page"),
        (
            "page_token",
            "is not a token that this list gave for this filter and sort: begin again without it",
        ),
        (
            "sort",
            "cannot sort by \"names\"; sort by name, not_after, issuer, source and created, with \"-\" before it for the reverse",
        ),
    ];
    let expected = expected.map(|(field, text)| (field.to_owned(), text.to_owned()));
    assert_eq!(wrong(&refused), expected);

    for id in ["", "  ", "a\u{0}b", &"x".repeat(301)] {
        let request = GetRequest {
            id: id.to_owned(),
            at_least: 0,
            ..GetRequest::default()
        };
        let refused = questions
            .get_certificate(crate::script::asked(request))
            .await
            .unwrap_err();
        assert_eq!(wrong(&refused)[0].0, "id", "{id:?}");
    }
    let request = WatchEventsRequest {
        after_sequence: u64::MAX,
        only_new: false,
        filter: "sequence>5 nope".to_owned(),
    };
    let refused = questions
        .watch_events(crate::script::asked(request))
        .await
        .err()
        .unwrap();
    let fields = wrong(&refused)
        .into_iter()
        .map(|(field, _)| field)
        .collect::<Vec<_>>();
    assert_eq!(fields, ["after_sequence", "filter"]);
    let request = WatchEventsRequest {
        filter: "time>2027-01-01".to_owned(),
        ..Default::default()
    };
    let refused = questions
        .watch_events(crate::script::asked(request))
        .await
        .err()
        .unwrap();
    assert_eq!(wrong(&refused).len(), 1);
}

#[tokio::test]
async fn a_page_token_is_for_the_question_that_it_was_given_for() {
    let mut script = Script::default();
    for n in 0..5 {
        script.server(&n.to_string(), script::server(&format!("Server {n}")));
        script.key(&n.to_string(), script::key(n));
    }
    let tables = Tables::with(&script.events).await;
    let questions = tables.questions(&Clock::manual(START));
    let first = ListRequest {
        page_size: 2,
        ..list("name:server")
    };
    let answer = questions
        .list_servers(crate::script::asked(first.clone()))
        .await
        .unwrap()
        .into_inner();
    let next = ListRequest {
        page_token: answer.next_page_token,
        ..first
    };
    let bigger = ListRequest {
        page_size: 3,
        ..next.clone()
    };
    assert_eq!(
        questions
            .list_servers(crate::script::asked(bigger))
            .await
            .unwrap()
            .into_inner()
            .servers
            .len(),
        3
    );
    for other in [
        ListRequest {
            filter: "name:Server".to_owned(),
            ..next.clone()
        },
        ListRequest {
            sort: "created".to_owned(),
            ..next.clone()
        },
    ] {
        let refused = questions
            .list_servers(crate::script::asked(other))
            .await
            .unwrap_err();
        assert_eq!(wrong(&refused)[0].0, "page_token");
    }
    let refused = questions
        .list_keys(crate::script::asked(ListRequest {
            filter: String::new(),
            ..next
        }))
        .await
        .unwrap_err();
    assert_eq!(wrong(&refused)[0].0, "page_token");
}

#[tokio::test]
async fn attempts_at_injection_are_literals() {
    let mut script = Script::default();
    script.server("1", script::server("Plain"));
    script.server("2", script::server("'; DROP TABLE acme_server; --"));
    script.server("3", script::server("100% \\ \" _ !"));
    let tables = Tables::with(&script.events).await;
    let questions = tables.questions(&Clock::manual(START));
    for (filter, expected) in [
        (r#"name="'; DROP TABLE acme_server; --""#, vec!["2"]),
        (r#"name:"DROP TABLE""#, vec!["2"]),
        ("name='", vec![]),
        ("name:'", vec!["2"]),
        (r#"name="' OR '1'='1""#, vec![]),
        (r#"name="x' UNION SELECT * FROM private_key --""#, vec![]),
        ("name:%", vec!["3"]),
        ("name:_", vec!["3", "2"]),
        ("name:!", vec!["3"]),
        ("name:\"\\\\\"", vec!["3"]),
        (r#"name:"\"""#, vec!["3"]),
        ("name:?", vec![]),
        ("name:$1", vec![]),
    ] {
        let answer = questions
            .list_servers(crate::script::asked(list(filter)))
            .await
            .unwrap()
            .into_inner();
        let mut found = answer
            .servers
            .into_iter()
            .map(|row| row.id)
            .collect::<Vec<_>>();
        found.sort_by(|a, b| b.cmp(a));
        assert_eq!(found, expected, "{filter}");
    }
    for sort in [
        "name; DROP TABLE acme_server",
        "name desc",
        "(SELECT 1)",
        "id",
    ] {
        let request = ListRequest {
            sort: sort.to_owned(),
            ..Default::default()
        };
        let refused = questions
            .list_servers(crate::script::asked(request))
            .await
            .unwrap_err();
        assert_eq!(wrong(&refused)[0].0, "sort");
    }
    for id in ["' OR '1'='1", "1' --", "%"] {
        let request = GetRequest {
            id: id.to_owned(),
            at_least: 0,
            ..GetRequest::default()
        };
        let refused = questions
            .get_server(crate::script::asked(request))
            .await
            .unwrap_err();
        assert_eq!(
            (refused.code(), refuse::reason(&refused).as_deref()),
            (Code::NotFound, Some("NOT_FOUND"))
        );
    }
    let count = tables.statement("SELECT COUNT(*) FROM acme_server");
    let row = tables.database.query_one_raw(count).await.unwrap().unwrap();
    assert_eq!(row.try_get_by_index::<i64>(0).unwrap(), 3);
}

#[tokio::test]
async fn a_question_waits_for_its_own_event_and_no_longer_than_its_deadline() {
    let mut script = Script::default();
    let first = script.server("1", script::server("First"));
    let tables = Tables::with(&script.events).await;
    let questions = tables.questions(&Clock::manual(START));
    let at_least = |sequence| {
        crate::script::asked(GetRequest {
            id: "2".to_owned(),
            at_least: sequence,
            ..GetRequest::default()
        })
    };

    let refused = questions.get_server(at_least(first + 1)).await.unwrap_err();
    assert_eq!(refused.code(), Code::DeadlineExceeded);
    assert_eq!(
        refuse::reason(&refused).as_deref(),
        Some("NOT_YET_PROJECTED")
    );

    // A service that would wait for ever answers when the caller's time is up.
    let patient = tables.patient_questions(&Clock::manual(START), Duration::MAX);
    let mut request = at_least(first + 1);
    request.set_timeout(Duration::from_millis(30));
    let refused = patient.get_server(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::DeadlineExceeded);

    let mut request = at_least(first + 1);
    request.set_timeout(Duration::from_secs(30));
    let waiting = tokio::spawn({
        let questions = questions.clone();
        async move { questions.get_server(request).await }
    });
    script.server("2", script::server("Second"));
    tables.apply(&script.events[1..]).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().into_inner().name, "Second");

    tables.position.stop(None);
    let refused = questions.get_server(at_least(first + 2)).await.unwrap_err();
    assert_eq!(
        refuse::reason(&refused).as_deref(),
        Some("PROJECTION_STOPPED")
    );
    assert!(
        questions.get_server(at_least(0)).await.is_ok(),
        "what is there is still answered"
    );
}

#[tokio::test]
async fn a_page_of_heavy_rows_ends_before_a_message_is_full() {
    let mut script = Script::default();
    let body = format!(r#"{{"text":"{}"}}"#, "x".repeat(700_000));
    for _ in 0..7 {
        script.tell_raw("of-another-day", "log", "x", "x", body.as_bytes());
    }
    let tables = Tables::with(&script.events).await;
    let questions = tables.questions(&Clock::manual(START));
    let (mut sequences, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListRequest {
            page_size: 500,
            page_token,
            ..Default::default()
        };
        let answer = questions
            .list_events(crate::script::asked(request))
            .await
            .unwrap()
            .into_inner();
        assert!(prost::Message::encoded_len(&answer) < 4 * 1024 * 1024);
        sequences.extend(answer.events.iter().map(|event| event.sequence));
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(sequences, [7, 6, 5, 4, 3, 2, 1]);
}
