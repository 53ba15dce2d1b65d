//! An event that cannot be applied: nothing comes after it until a person says so, and then all in order.

use api::{
    projection::v1::{
        Following, ListRequest, SkipEventRequest, query_service_server::QueryService,
        tables_service_server::TablesService,
    },
    refuse,
};
use projection::skipped::Skipped;
use runtime::Caller;
use tonic::Status;

use crate::{
    database::dump,
    nats::{Nats, tell},
    rebuilding::House,
    script::{self, Script, asked},
};

fn skip(sequence: u64, reason: &str) -> tonic::Request<SkipEventRequest> {
    let mut request = asked(SkipEventRequest {
        sequence,
        reason: reason.to_owned(),
    });
    let caller = request.extensions_mut().get_mut::<Caller>().unwrap();
    caller.request_id = format!("{sequence} {reason}");
    request
}

fn reason(refused: Result<impl std::fmt::Debug, Status>) -> String {
    refuse::reason(&refused.unwrap_err()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poison_event_is_passed_over_when_a_person_says_so_and_in_every_rebuild() {
    let nats = Nats::start().await;
    let log = nats.log().await;
    let mut script = Script::default();
    script.key("key-1", script::key(1));
    // Orders for automations that nobody requested.
    let first = script.automation("nobody", script::order_placed(1));
    script.key("key-2", script::key(2));
    let second = script.automation("nobody", script::order_placed(2));
    let last = script.key("key-3", script::key(3));
    for event in &script.events {
        tell(&log, event).await;
    }
    let house = House::on(&log).await;
    let position = house.served.position().clone();
    for poison in [first, second] {
        let stopped = async {
            while position
                .poison()
                .is_none_or(|stopped| stopped.sequence != poison)
            {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(30), stopped)
            .await
            .unwrap();
        assert_eq!(position.now(), poison - 1, "what came before is there");
        let told = position.poison().unwrap();
        assert_eq!(
            (told.sequence, told.event.as_str()),
            (poison, "automation.order-placed")
        );
        assert!(told.error.contains("nobody"), "{}", told.error);
        // Waited for, so that it is said before anybody acts.
        let said = async {
            while Skipped::load(&log).await.unwrap().stopped_at() != Some(poison) {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(30), said)
            .await
            .unwrap();
        // New tables could not take it in either.
        let rebuilt = house.rebuilt().await;
        assert!(rebuilt.failed.is_some());
        assert_eq!(position.following(), Following::Stopped);

        let other = house.upkeep.skip_event(skip(last, "why not")).await;
        assert_eq!(reason(other), "STOPPED_ELSEWHERE");
        let unsaid = house
            .upkeep
            .skip_event(skip(poison, " "))
            .await
            .unwrap_err();
        assert_eq!(refuse::violations(&unsaid)[0].field, "reason");
        let skipped = house
            .upkeep
            .skip_event(skip(poison, "a test of ours"))
            .await;
        assert!(skipped.unwrap().into_inner().position > last);
    }
    let through = async {
        while position.now() < last {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), through)
        .await
        .unwrap();
    let none = house.upkeep.skip_event(skip(last, "why not")).await;
    assert_eq!(reason(none), "NOT_STOPPED");
    let keys = ListRequest {
        at_least: last,
        ..ListRequest::default()
    };
    let keys = house.questions.list_keys(asked(keys)).await.unwrap();
    assert_eq!(keys.into_inner().keys.len(), 3);
    // The events are seen, and who had them passed over: it was said once that the tables stood still at each.
    let events = ListRequest {
        filter: "aggregate=tables".to_owned(),
        sort: "sequence".to_owned(),
        at_least: last + 4,
        ..ListRequest::default()
    };
    let events = house.questions.list_events(asked(events)).await.unwrap();
    let events = events.into_inner().events.into_iter();
    let events = events.map(|event| (event.event, event.actor));
    let (stopped, skipped) = (
        ("stopped".to_owned(), "service/projection".to_owned()),
        ("event-skipped".to_owned(), "token/test".to_owned()),
    );
    let expected = [&stopped, &skipped, &stopped, &skipped];
    assert!(events.eq(expected.into_iter().cloned()));
    let before = dump(&house.served.database()).await;
    assert!(house.rebuilt().await.failed.is_none());
    assert_eq!(dump(&house.served.database()).await, before);
}
