use time::macros::datetime;

use super::*;
use crate::memory::database;

const SERVER: Uuid = Uuid::from_u128(1);
const NOW: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

/// A CA that takes two orders in 3 hours, and one certificate for the same names a week.
async fn budget() -> (Budget, Clock) {
    let clock = Clock::manual(NOW);
    let limits = Limits {
        hosts: vec!["ca.example".to_owned()],
        orders_in_3_hours: 2,
        certificates_per_names_in_a_week: 1,
        ..Limits::default()
    };
    let database = database(vec![Box::new(Migration)]).await;
    (Budget::new(database, clock.clone(), limits), clock)
}

fn asked(order: u128, names: &[String]) -> Asked<'_> {
    Asked {
        server: SERVER,
        directory_url: "https://ca.example/dir",
        order: Uuid::from_u128(order),
        names,
    }
}

#[tokio::test]
async fn orders_get_their_turns_one_after_the_other_and_keep_them() {
    let (budget, clock) = budget().await;
    let names = [1, 2, 3, 4, 5].map(|n| [format!("shop-{n}.com")]);
    let take = async |n: usize| {
        let taken = budget.take(&asked(n as u128, &names[n - 1])).await;
        taken.unwrap()
    };
    let hours = |n: i64| NOW + Duration::hours(n);
    assert_eq!(take(1).await, Verdict::Go);
    assert_eq!(take(2).await, Verdict::Go);
    assert_eq!(take(3).await, Verdict::Turn(hours(3)));
    // Asked again, for example after a crash, nothing is used twice.
    assert_eq!(take(1).await, Verdict::Go);
    assert_eq!(take(3).await, Verdict::Turn(hours(3)));
    assert_eq!(take(4).await, Verdict::Turn(hours(3)));
    assert_eq!(take(5).await, Verdict::Turn(hours(6)));
    clock.advance(Duration::hours(4).try_into().unwrap());
    assert_eq!(take(3).await, Verdict::Go);
    clock.advance(Duration::hours(1).try_into().unwrap());
    assert_eq!(take(4).await, Verdict::Go);
    // The third was an hour late, and so is the fifth.
    clock.advance(Duration::hours(1).try_into().unwrap());
    assert_eq!(take(5).await, Verdict::Turn(hours(7)));
    clock.advance(Duration::hours(1).try_into().unwrap());
    assert_eq!(take(5).await, Verdict::Go);
}

#[tokio::test]
async fn what_came_to_nothing_was_no_certificate_and_its_failures_count() {
    let (budget, _) = budget().await;
    let names = ["shop.com".to_owned()];
    let week = NOW + Duration::WEEK;
    assert_eq!(budget.take(&asked(1, &names)).await.unwrap(), Verdict::Go);
    assert_eq!(budget.room(&asked(2, &names)).await.unwrap(), Some(week));
    budget.failed(&asked(1, &names), &names).await.unwrap();
    assert_eq!(budget.room(&asked(2, &names)).await.unwrap(), None);
    for order in 2..6 {
        budget.failed(&asked(order, &names), &names).await.unwrap();
    }
    let hour = NOW + Duration::HOUR;
    assert_eq!(budget.room(&asked(7, &names)).await.unwrap(), Some(hour));
    assert_eq!(
        budget.take(&asked(7, &names)).await.unwrap(),
        Verdict::Wait(hour)
    );
    let other = Asked {
        directory_url: "https://own.example/dir",
        ..asked(8, &names)
    };
    assert_eq!(budget.take(&other).await.unwrap(), Verdict::Go);
}
