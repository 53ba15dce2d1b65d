use proptest::prelude::*;
use time::macros::datetime;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);
const WEEK: Duration = Duration::WEEK;

fn certificate(fingerprint: u64, length: Duration) -> Certificate {
    Certificate {
        sha256_fingerprint: format!("{fingerprint:064x}"),
        lifetime: Lifetime {
            not_before: NOW,
            not_after: NOW + length,
        },
        obtained: NOW,
    }
}

fn window(start: Duration, end: Duration) -> Window {
    Window {
        start: NOW + start,
        end: NOW + end,
        explanation_url: String::new(),
    }
}

fn failed(reason: &str, failures: u32, left: Option<Duration>) -> Failed<'_> {
    Failed {
        reason,
        failures,
        lifetime: left.map(|left| Lifetime {
            not_before: NOW + left - Duration::days(90),
            not_after: NOW + left,
        }),
        retry_after: None,
        seed: "shop/1",
    }
}

#[test]
fn without_a_window_the_life_decides() {
    let renewal = renewal(&certificate(1, Duration::days(90)), None);
    assert_eq!(renewal.at, NOW + Duration::days(60));
    assert_eq!(renewal.reason, ScheduleReason::Lifetime);
}

#[test]
fn the_sooner_of_window_and_life_decides() {
    let certificate = certificate(1, Duration::days(90));
    let sooner = window(Duration::days(50), Duration::days(52));
    let decided = renewal(&certificate, Some(&sooner));
    assert_eq!(decided.reason, ScheduleReason::RenewalInformation);
    assert!(sooner.start <= decided.at && decided.at < sooner.end);
    let later = window(Duration::days(70), Duration::days(72));
    let decided = renewal(&certificate, Some(&later));
    assert_eq!(decided.reason, ScheduleReason::Lifetime);
}

#[test]
fn a_window_that_ends_before_it_begins_is_no_answer() {
    let certificate = certificate(1, Duration::days(90));
    for end in [Duration::days(10), Duration::days(9)] {
        let inverted = window(Duration::days(10), end);
        let decided = renewal(&certificate, Some(&inverted));
        assert_eq!(decided, renewal(&certificate, None));
    }
}

#[test]
fn a_stale_window_does_not_make_one_certificate_after_the_other() {
    let past = window(-WEEK, -Duration::days(6));
    let decided = renewal(&certificate(1, Duration::days(90)), Some(&past));
    assert_eq!(decided.at, NOW + Duration::DAY);
    let decided = renewal(&certificate(1, Duration::days(6)), Some(&past));
    assert_eq!(decided.at, NOW + Duration::days(6) / 10);
}

#[test]
fn retries_follow_the_schedule_and_then_come_daily() {
    for (failures, minutes) in [(1, 1), (2, 10), (3, 100), (4, 1_440), (400, 1_440)] {
        let pause = retry(&failed("SERVER_ERROR", failures, None), NOW) - NOW;
        let scheduled = Duration::minutes(minutes);
        assert!(pause <= scheduled && pause > scheduled * 4 / 5, "{pause}");
    }
}

#[test]
fn near_its_end_a_tenth_of_what_is_left_is_sooner() {
    let pause = |left| retry(&failed("SERVER_ERROR", 9, Some(left)), NOW) - NOW;
    assert!(pause(Duration::days(30)) > Duration::hours(19));
    assert!(pause(Duration::hours(10)) <= Duration::HOUR);
    assert!(
        pause(Duration::SECOND) > Duration::seconds(47),
        "not faster and faster"
    );
    assert!(
        pause(-Duration::SECOND) > Duration::hours(19),
        "it has expired"
    );
}

#[test]
fn what_needs_a_person_is_tried_daily() {
    assert!(needs_person("TERMS_CHANGED") && !needs_person("SERVER_ERROR"));
    let pause = retry(&failed("TERMS_CHANGED", 1, None), NOW) - NOW;
    assert!(pause > Duration::hours(19) && pause <= Duration::DAY);
}

#[test]
fn those_that_failed_together_do_not_come_back_together() {
    let at = |n: u32| {
        let seed = format!("shop/{n}");
        let failed = failed("SERVER_ERROR", 2, None);
        retry(
            &Failed {
                seed: &seed,
                ..failed
            },
            NOW,
        )
    };
    let mut times = (0..100).map(at).collect::<Vec<_>>();
    times.sort();
    times.dedup();
    assert!(times.len() > 90, "{} of 100", times.len());
}

#[test]
fn a_ca_s_own_time_is_kept_but_not_for_ever() {
    let after = |seconds| {
        let failed = failed("RATE_LIMITED", 1, Some(Duration::HOUR));
        let retry_after = Some(StdDuration::from_secs(seconds));
        let failed = Failed {
            retry_after,
            ..failed
        };
        retry(&failed, NOW) - NOW
    };
    assert_eq!(after(7_200), Duration::hours(2));
    assert_eq!(after(u64::MAX), Duration::WEEK);
}

#[test]
fn the_second_server_helps_after_three_failures_and_then_every_other_time() {
    use Turn::{First, Second};
    let turns = [First, First, First, Second, First, Second, First];
    for (failures, expected) in (0..).zip(turns) {
        assert_eq!(turn(failures), expected, "after {failures}");
    }
}

#[test]
fn a_ca_is_asked_twice_a_day_or_when_it_says() {
    let wait = |asked| ask_again(asked, "shop", NOW) - NOW;
    let answered = wait(Asked::Answered(None));
    assert!(answered > Duration::hours(10) && answered <= Duration::hours(12));
    let named = |seconds| Some(StdDuration::from_secs(seconds));
    assert_eq!(wait(Asked::Answered(named(0))), Duration::MINUTE);
    assert_eq!(wait(Asked::Answered(named(7_200))), Duration::hours(2));
    assert_eq!(wait(Asked::Answered(named(u64::MAX))), Duration::DAY);
    assert_eq!(wait(Asked::Failed(1, named(7_200))), Duration::hours(2));
    assert!(wait(Asked::Failed(1, None)) <= Duration::MINUTE);
    let tenth = wait(Asked::Failed(10, None));
    assert!(tenth > Duration::hours(5) && tenth <= Duration::hours(6));
    assert_eq!(wait(Asked::Failed(u32::MAX, None)), tenth);
}

proptest! {
    /// Whatever a CA says: a renewal begins a while after the certificate came, and never later than its life asks.
    #[test]
    fn a_renewal_is_never_late_nor_at_once(
        fingerprint: u64,
        length in 60..400_000_000_i64,
        start in -400_000_000..400_000_000_i64,
        span in -100_000..100_000_000_i64,
    ) {
        let certificate = certificate(fingerprint, Duration::seconds(length));
        let start = Duration::seconds(start);
        let window = window(start, start + Duration::seconds(span));
        let decided = renewal(&certificate, Some(&window));
        prop_assert!(decided.at <= certificate.lifetime.renew_at());
        prop_assert!(decided.at >= NOW + shortest_interval(&certificate.lifetime));
        // Replicas and restarts agree.
        prop_assert_eq!(decided, renewal(&certificate, Some(&window)));
        if decided.reason == ScheduleReason::RenewalInformation && decided.at > NOW + Duration::DAY {
            prop_assert!(window.start <= decided.at && decided.at < window.end);
        }
    }

    /// Whatever failed: another try comes, after a while, before the end, and at the CA's own time at the earliest.
    #[test]
    fn another_try_always_comes(
        failures in 1..1_000_u32,
        reason in prop::sample::select(vec!["SERVER_ERROR", "TERMS_CHANGED", "RATE_LIMITED"]),
        left in prop::option::of(-1_000_000..10_000_000_i64),
        asked in prop::option::of(0..1_000_000_u64),
        seed: String,
    ) {
        let left = left.map(Duration::seconds);
        let failed = failed(reason, failures, left);
        let asked = asked.map(StdDuration::from_secs);
        let failed = Failed { seed: &seed, retry_after: asked, ..failed };
        let pause = retry(&failed, NOW) - NOW;
        prop_assert!(pause >= Duration::seconds(48));
        prop_assert!(pause <= Duration::WEEK);
        match (asked, left) {
            (Some(asked), _) => prop_assert!(pause >= asked.min(LONGEST_RETRY_AFTER)),
            (None, Some(left)) if left > Duration::minutes(10) => prop_assert!(pause <= left / 10),
            (None, _) => prop_assert!(pause <= Duration::DAY),
        }
    }

    #[test]
    fn what_is_drawn_is_below_the_span(span: u64, seed: String) {
        prop_assert!(scale(span, &seed) < span.max(1));
    }
}
