//! What was: the tables as of an event, and every question about them.

use std::time::Duration;

use api::{
    convert,
    projection::v1::{
        AsOf, CountCertificatesRequest, GetOverviewRequest, GetRequest, ListRequest,
        WhatServedRequest, as_of, query_service_server::QueryService,
    },
    refuse,
};
use eventlog::EventLog;
use projection::{follow, grpc::Questions, moments::Moments};
use runtime::Clock;
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tonic::Code;

use crate::{
    database::{Tables, dump},
    nats::{Nats, tell},
    replay::history,
    script::{START, asked},
};

const LONG: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_moment_is_what_a_projection_is_that_stopped_there() {
    let (nats, script) = (Nats::start().await, history());
    let log = nats.log().await;
    for event in &script.events {
        tell(&log, event).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let moments = Moments::new(log, folder.path().join("moments")).unwrap();
    let all = script.events.len();
    // From the beginning, and on from one that is there.
    for stop in [all, 3, 0].into_iter().chain(1..=all) {
        let moment = moments.at(stop as u64, LONG).await.unwrap();
        let stopped = Tables::with(&script.events[..stop]).await;
        // A moment has no events; and a script's leaves are not those that the log gave them.
        let told = |mut rows: Vec<String>| {
            rows.retain(|row| !row.starts_with("event ") && !row.starts_with("tree_tile "));
            rows
        };
        let (then, expected) = (dump(&moment.database).await, stopped.dump().await);
        assert_eq!(told(then), told(expected), "at {stop}");
    }
    drop(moments);
}

#[tokio::test(flavor = "multi_thread")]
async fn moments_are_few_and_one_that_is_asked_for_at_once_is_made_once() {
    let (nats, script) = (Nats::start().await, history());
    let log = nats.log().await;
    for event in &script.events[..20] {
        tell(&log, event).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let files = || std::fs::read_dir(folder.path()).unwrap().count();
    let moments = Moments::new(log, folder.path().to_path_buf()).unwrap();
    let asks = (0..20).map(|_| moments.at(15, LONG));
    let made = futures_util::future::join_all(asks).await;
    let first = made[0].as_ref().unwrap();
    for one in &made {
        assert!(std::sync::Arc::ptr_eq(first, one.as_ref().unwrap()));
    }
    assert_eq!(files(), 1);
    for sequence in 1..=9 {
        moments.at(sequence, LONG).await.unwrap();
    }
    // Who still reads one that was forgotten goes on reading.
    assert!(first.counted(0).await.unwrap().keys > 0);
    drop(made);
    assert_eq!(files(), 3);
    let refused = moments.at(10, Duration::ZERO).await.err().unwrap();
    let refused = tonic::Status::from(refused);
    assert_eq!(refuse::reason(&refused).as_deref(), Some("MOMENT_NOT_MADE"));
    // It is made all the same.
    moments.at(10, LONG).await.unwrap();
}

/// An answer as text, its maps in order.
fn json(answer: &impl serde::Serialize) -> String {
    serde_json::to_value(answer).unwrap().to_string()
}

/// Tables that follow a log, and the service on them.
struct House {
    tables: Tables,
    clock: Clock,
    questions: Questions,
    _following: AbortOnDropHandle<()>,
    _folder: TempDir,
}

impl House {
    async fn on(log: &EventLog, now: OffsetDateTime) -> Self {
        let (tables, folder) = (Tables::empty().await, tempfile::tempdir().unwrap());
        let (database, position) = (tables.database.clone(), tables.position.clone());
        let following = follow::follow(log.clone(), database, position, CancellationToken::new());
        let moments = Moments::new(log.clone(), folder.path().to_path_buf()).unwrap();
        let clock = Clock::manual(now);
        let questions = Questions::new(tables.served(), Some(moments), clock.clone(), LONG);
        Self {
            tables,
            clock,
            questions,
            _following: AbortOnDropHandle::new(tokio::spawn(following)),
            _folder: folder,
        }
    }

    /// It is then.
    fn at(&self, time: OffsetDateTime) {
        let by = time - self.clock.now();
        self.clock.advance(by.try_into().unwrap());
    }

    /// The answers to all questions, once the tables hold this event.
    async fn answers(&self, as_of: Option<as_of::Moment>, at_least: u64) -> Vec<String> {
        let as_of = as_of.map(|moment| AsOf {
            moment: Some(moment),
        });
        let mut all = Vec::new();
        macro_rules! list {
            ($($method:ident $filter:literal),+) => {
                $(
                    let list = ListRequest {
                        filter: $filter.to_owned(),
                        at_least,
                        as_of,
                        ..ListRequest::default()
                    };
                    let answer = self.questions.$method(asked(list)).await.unwrap().into_inner();
                    all.push(format!("{} {}: {}", stringify!($method), $filter, json(&answer)));
                )+
            };
        }
        list!(
            list_certificates "", list_certificates "deleted=true", list_certificates "status=valid",
            list_certificates "any:shop", list_keys "", list_keys "used=true", list_certificate_requests "",
            list_servers "", list_automations "", list_dns_providers "", list_channels "", list_alerts "",
            list_events "", list_events "certificate=certificate-3", list_events "certificate!=certificate-3"
        );
        macro_rules! get {
            ($($method:ident $id:literal),+) => {
                $(
                    let get = GetRequest {
                        id: $id.to_owned(),
                        at_least,
                        as_of,
                    };
                    // What was not there then is refused.
                    let answer = self.questions.$method(asked(get)).await;
                    let answer = answer.map(|answer| json(&answer.into_inner()));
                    let answer = answer.map_err(|status| status.message().to_owned());
                    all.push(format!("{} {}: {answer:?}", stringify!($method), $id));
                )+
            };
        }
        get!(
            get_certificate "certificate-3", get_certificate "certificate-5", get_key "key-3",
            get_certificate_request "request-1", get_server "server-1", get_automation "automation-2"
        );
        let count = CountCertificatesRequest { at_least, as_of };
        let counts = self.questions.count_certificates(asked(count)).await;
        all.push(json(&counts.unwrap().into_inner()));
        let overview = GetOverviewRequest { at_least, as_of };
        let overview = self.questions.get_overview(asked(overview)).await;
        let mut overview = overview.unwrap().into_inner();
        overview.projected = 0;
        all.push(json(&overview));
        for name in ["a.example", "c.example", "other.example"] {
            let served = WhatServedRequest {
                name: name.to_owned(),
                at_least,
                as_of,
            };
            let served = self.questions.what_served(asked(served)).await;
            all.push(format!("{name}: {}", json(&served.unwrap().into_inner())));
        }
        all
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_question_is_answered_as_it_was() {
    let (nats, script) = (Nats::start().await, history());
    let log = nats.log().await;
    let house = House::on(&log, START).await;
    let mut were = Vec::new();
    for event in &script.events {
        let sequence = tell(&log, event).await;
        house.at(event.time);
        if sequence % 7 == 0 {
            let live = house.answers(None, sequence).await;
            were.push((sequence, event.time, live));
        }
    }
    let last = script.events.len() as u64;
    house.tables.position.reached(last, LONG).await.unwrap();
    house.at(START + time::Duration::days(400));
    for (sequence, time, were) in were {
        let moment = as_of::Moment::Sequence(sequence);
        assert_eq!(house.answers(Some(moment), 0).await, were, "at {sequence}");
        let moment = as_of::Moment::Time(convert::timestamp(time));
        assert_eq!(house.answers(Some(moment), 0).await, were, "at {time}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_moment_is_refused() {
    let nats = Nats::start().await;
    let log = nats.log().await;
    let mut script = crate::script::Script::default();
    script.key("key-1", crate::script::key(1));
    tell(&log, &script.events[0]).await;
    let house = House::on(&log, START + time::Duration::DAY).await;
    let list = |moment| ListRequest {
        at_least: 1,
        as_of: Some(AsOf { moment }),
        ..ListRequest::default()
    };
    let time = |at| Some(as_of::Moment::Time(convert::timestamp(at)));
    for wrong in [
        None,
        Some(as_of::Moment::Sequence(0)),
        Some(as_of::Moment::Sequence(2)),
        time(START + time::Duration::days(2)),
    ] {
        let refused = house.questions.list_keys(asked(list(wrong))).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{wrong:?}");
        assert_eq!(refuse::violations(&refused)[0].field, "as_of", "{wrong:?}");
    }
    // Before all began nothing was there.
    let before = list(time(START - time::Duration::DAY));
    let before = house.questions.list_keys(asked(before)).await.unwrap();
    assert_eq!(before.into_inner().keys.len(), 0);
    // A page's token is for its own moment.
    let first = ListRequest {
        page_size: 1,
        ..list(Some(as_of::Moment::Sequence(1)))
    };
    let page = house.questions.list_keys(asked(first)).await.unwrap();
    assert_eq!(page.into_inner().keys.len(), 1);
}
