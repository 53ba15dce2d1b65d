use std::collections::HashMap;

use runtime::Clock;
use time::macros::datetime;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// What was used, in memory.
#[derive(Default)]
struct Used(HashMap<Counter, Vec<OffsetDateTime>>);

impl Used {
    fn ask(
        &mut self,
        names: &[String],
        place: Option<OffsetDateTime>,
        now: OffsetDateTime,
    ) -> Verdict {
        let nth = |counter: &Counter, limit: Limit| {
            let mut times = self.0.get(counter)?.as_slice();
            if let (Counter::Orders, Some(place)) = (counter, place) {
                // Its own is the last one of those up to now.
                times = &times[..times.partition_point(|at| *at <= place) - 1];
            }
            times.iter().rev().nth(limit.most as usize - 1).copied()
        };
        let verdict = decide(&Limits::default(), names, place, now, nth);
        match verdict {
            Verdict::Go => {
                for counter in Counter::of_certificate(names) {
                    self.note(counter, now);
                }
                if place.is_none() {
                    self.note(Counter::Orders, now);
                }
            }
            Verdict::Turn(at) if place.is_none() => self.note(Counter::Orders, at),
            Verdict::Turn(_) | Verdict::Wait(_) => {}
        }
        verdict
    }

    fn note(&mut self, counter: Counter, at: OffsetDateTime) {
        self.0.entry(counter).or_default().push(at);
    }
}

/// The most of these times that lie in any stretch of that length.
fn most_within(times: &[OffsetDateTime], within: Duration) -> usize {
    let in_stretch = |(n, start): (usize, &OffsetDateTime)| {
        let stretch = times[n..].iter().take_while(|at| **at - *start < within);
        stretch.count()
    };
    times.iter().enumerate().map(in_stretch).max().unwrap_or(0)
}

#[test]
fn ten_thousand_that_are_all_due_stay_inside_let_s_encrypt_s_figures() {
    let clock = Clock::manual(NOW);
    let mut used = Used::default();
    // 200 of them are of one domain.
    let of = |n: usize| match n {
        0..200 => names(&[&format!("host-{n}.crowd.example.com")]),
        n => names(&[&format!("www.shop-{n}.com")]),
    };
    let mut waiting = (0..10_000).map(|n| (NOW, n, None)).collect::<BTreeSet<_>>();
    let (mut orders, mut crowd, mut asked) = (Vec::new(), Vec::new(), 0);
    while let Some((due, n, place)) = waiting.pop_first() {
        clock.advance((due - clock.now()).try_into().unwrap_or_default());
        asked += 1;
        match used.ask(&of(n), place, clock.now()) {
            Verdict::Go => {
                orders.push(clock.now());
                if n < 200 {
                    crowd.push(clock.now());
                }
            }
            Verdict::Turn(at) => drop(waiting.insert((at, n, Some(at)))),
            Verdict::Wait(until) => drop(waiting.insert((until, n, None))),
        }
    }
    assert_eq!(orders.len(), 10_000);
    assert_eq!(most_within(&orders, Duration::hours(3)), 300);
    assert_eq!(most_within(&crowd, Duration::WEEK), 50);
    // As fast as the figures allow, and nobody asks again and again.
    assert!(orders[9_000] - NOW < Duration::hours(100));
    assert!(asked < 21_000, "asked {asked} times");
}

#[test]
fn a_set_of_names_and_a_name_that_fails_wait_for_themselves_alone() {
    let mut used = Used::default();
    let shop = names(&["shop.example.com", "www.example.com"]);
    for _ in 0..5 {
        assert_eq!(used.ask(&shop, None, NOW), Verdict::Go);
    }
    let other_order = names(&["www.example.com", "shop.example.com"]);
    let week = Verdict::Wait(NOW + Duration::WEEK);
    assert_eq!(used.ask(&other_order, None, NOW), week);
    assert_eq!(
        used.ask(&names(&["www.example.com"]), None, NOW),
        Verdict::Go
    );
    for _ in 0..5 {
        used.note(Counter::Failures("bad.example.org".into()), NOW);
    }
    let hour = Verdict::Wait(NOW + Duration::HOUR);
    let bad = names(&["bad.example.org", "good.example.org"]);
    assert_eq!(used.ask(&bad, None, NOW), hour);
    assert_eq!(
        used.ask(&names(&["good.example.org"]), None, NOW),
        Verdict::Go
    );
}

#[test]
fn domains_are_what_people_register() {
    for (name, registered) in [
        ("www.example.co.uk", "example.co.uk"),
        ("*.example.com", "example.com"),
        ("a.b.host.example", "host.example"),
        ("me.github.io", "me.github.io"),
        ("github.io", "github.io"),
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
    ] {
        assert_eq!(domain(name), registered);
    }
}
