//! Refused sign-ins: one event for each account and hour, however many they were and whoever counted.

use api::gateway::v1::RefusalsSummed;

use super::*;
use crate::events::SessionEvent;

const MINUTE: std::time::Duration = std::time::Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_is_one_event_for_each_account() {
    let trial = Trial::begin().await;
    let (one, other) = (trial.work().await, trial.work().await);
    let anna = Some(Uuid::from_u128(7));
    for _ in 0..1_000 {
        one.refusals.count(anna, trial.clock.now());
        other.refusals.count(None, trial.clock.now());
    }
    other.refusals.count(anna, trial.clock.now());
    one.refusals.write_down(&trial.database).await.unwrap();
    other.refusals.write_down(&trial.database).await.unwrap();
    // Nothing is told before the hour is over.
    one.commands.sum_refusals().await.unwrap();
    assert_eq!(trial.sums().await, []);
    trial.clock.advance(59 * MINUTE);
    one.refusals.count(anna, trial.clock.now());
    one.refusals.write_down(&trial.database).await.unwrap();
    trial.clock.advance(5 * MINUTE);
    let both = tokio::join!(one.commands.sum_refusals(), other.commands.sum_refusals());
    both.0.unwrap();
    both.1.unwrap();
    let sums = trial.sums().await;
    let told = sums.iter().map(|sum| (sum.user_id.as_str(), sum.refused));
    let mut told = told.collect::<Vec<_>>();
    told.sort_unstable();
    assert_eq!(
        told,
        [("", 1_000), ("00000000-0000-0000-0000-000000000007", 1_002)]
    );
    let hour = |sum: &RefusalsSummed| {
        sum.until.as_ref().unwrap().seconds - sum.since.as_ref().unwrap().seconds
    };
    assert!(sums.iter().all(|sum| hour(sum) == 3_600));

    // The next hour is another event, which the chores tell by themselves.
    one.refusals.count(None, trial.clock.now());
    one.refusals.write_down(&trial.database).await.unwrap();
    trial.clock.advance(2 * 60 * MINUTE);
    wait::until("the next hour's sum", async || {
        trial.clock.advance(MINUTE);
        (trial.sums().await.len() == 3).then_some(())
    })
    .await;
    one.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_counted_is_written_down_when_the_gateway_stops() {
    let trial = Trial::begin().await;
    let gateway = trial.work_without_log();
    gateway.refusals.count(None, trial.clock.now());
    gateway.stop().await;
    let later = trial.clock.now() + time::Duration::hours(1);
    let rows = crate::rows::refusals::before(&trial.database, later)
        .await
        .unwrap();
    assert_eq!(rows.len(), 1);
}

impl Trial {
    /// All sums that the log has.
    async fn sums(&self) -> Vec<RefusalsSummed> {
        let log = self.log().await;
        let mut sums = Vec::new();
        for hour in 0..4 {
            for user in ["", "00000000-0000-0000-0000-000000000007"] {
                let at = (START + time::Duration::hours(hour)).unix_timestamp();
                let id = crate::commands::refused_id(user, at);
                for event in log.events_of("session", &id.to_string()).await.unwrap() {
                    let SessionEvent::RefusalsSummed(sum) = event.decode().unwrap() else {
                        panic!("{event:?}");
                    };
                    sums.push(sum);
                }
            }
        }
        sums
    }
}
