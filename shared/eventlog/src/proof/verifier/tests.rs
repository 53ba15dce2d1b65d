use bytes::Bytes;

use super::*;

/// Events of three aggregates in turn, each naming the one of its own that it followed.
fn log(count: u64) -> Vec<Stored> {
    let event = |sequence: u64| {
        let id = sequence % 3;
        let before = sequence.saturating_sub(3);
        let field = |name: &str, value: String| (name.to_owned(), value);
        Stored {
            sequence,
            time: i64::try_from(sequence).unwrap(),
            subject: format!("chancery.events.key.{id}.exported"),
            headers: vec![
                field(EXPECTED_SEQUENCE, before.to_string()),
                field(EXPECTED_FILTER, format!("chancery.events.key.{id}.*")),
            ],
            body: Bytes::from(format!("{{\"n\":{sequence}}}")),
        }
    };
    (1..=count).map(event).collect()
}

/// Their checkpoints at some sizes.
fn heads(log: &[Stored], sizes: &[u64]) -> Vec<Head> {
    let mut tree = Tree::knowing(1_000);
    for event in log {
        tree.push(event.leaf());
    }
    let head = |size: &u64| Head {
        origin: "log".into(),
        size: *size,
        root: tree.root_at(*size).unwrap(),
    };
    sizes.iter().map(head).collect()
}

/// Looks at lines, each with the leaf beside it.
fn verify(lines: Vec<(Stored, Option<Hash>)>, heads: &[Head]) -> Report {
    let mut verifier = Verifier::default();
    heads.iter().for_each(|head| verifier.expect(head));
    for (event, leaf) in lines {
        verifier.take(event, leaf);
    }
    verifier.finish()
}

fn with_leaves(log: &[Stored]) -> Vec<(Stored, Option<Hash>)> {
    log.iter().map(|e| (e.clone(), Some(e.leaf()))).collect()
}

fn without_leaves(log: &[Stored]) -> Vec<(Stored, Option<Hash>)> {
    log.iter().map(|e| (e.clone(), None)).collect()
}

#[test]
fn a_log_that_is_whole_fits_all_its_checkpoints() {
    let log = log(100);
    let heads = heads(&log, &[10, 64, 99, 100]);
    for lines in [with_leaves(&log), without_leaves(&log)] {
        let report = verify(lines, &heads);
        assert_eq!(report.findings, []);
        assert_eq!((report.size, report.fitting, report.fits_to), (100, 4, 100));
        assert_eq!(report.root, heads[3].root);
    }
}

#[test]
fn a_checkpoint_that_is_met_later_than_its_events_fits_as_well() {
    let log = log(100);
    let mut verifier = Verifier::default();
    for event in &log {
        verifier.take(event.clone(), None);
    }
    for head in heads(&log, &[7, 100]) {
        verifier.expect(&head);
    }
    assert_eq!(verifier.finish().fitting, 2);
}

#[test]
fn a_changed_event_is_named_by_the_leaf_beside_it() {
    let log = log(100);
    let heads = heads(&log, &[10, 100]);
    let mut lines = with_leaves(&log);
    lines[41].0.body = Bytes::from_static(b"{}");
    let report = verify(lines, &heads);
    assert_eq!(report.findings, [Finding::Changed { sequence: 42 }]);
    assert_eq!(report.fitting, 2, "what was recorded is right");
}

#[test]
fn a_changed_event_whose_leaf_was_changed_with_it_lies_between_two_checkpoints() {
    let log = log(100);
    let heads = heads(&log, &[10, 60, 100]);
    let mut other = log;
    other[41].body = Bytes::from_static(b"{}");
    for lines in [with_leaves(&other), without_leaves(&other)] {
        let report = verify(lines, &heads);
        let found = Finding::OtherRoot {
            size: 60,
            after: 10,
        };
        assert_eq!(report.findings, [found]);
        assert_eq!((report.fitting, report.more), (1, 1));
    }
}

#[test]
fn missing_events_are_named_and_what_comes_after_is_still_looked_at() {
    let log = log(100);
    let heads = heads(&log, &[10, 100]);
    let mut lines = with_leaves(&log);
    lines[79].0.body = Bytes::from_static(b"{}");
    lines.drain(40..43);
    let report = verify(lines, &heads);
    let missing = Finding::Missing {
        first: 41,
        last: 43,
    };
    assert_eq!(
        report.findings[..],
        [missing, Finding::Changed { sequence: 80 }]
    );
    assert_eq!((report.fitting, report.passed_over), (1, 1));
}

#[test]
fn missing_events_whose_leaves_are_known_leave_the_tree_whole() {
    let log = log(100);
    let heads = heads(&log, &[100]);
    let mut verifier = Verifier::default();
    heads.iter().for_each(|head| verifier.expect(head));
    for event in &log {
        match event.sequence {
            40..=41 => verifier.miss(event.leaf()),
            _ => verifier.take(event.clone(), Some(event.leaf())),
        }
    }
    let report = verifier.finish();
    let missing = Finding::Missing {
        first: 40,
        last: 41,
    };
    assert_eq!(report.findings, [missing]);
    assert_eq!(report.fitting, 1);
}

#[test]
fn events_in_another_order_are_named_and_the_tree_is_whole() {
    let log = log(100);
    let heads = heads(&log, &[100]);
    let mut lines = with_leaves(&log);
    lines.swap(40, 41);
    let report = verify(lines, &heads);
    let late = Finding::OutOfPlace {
        sequence: 41,
        after: 42,
    };
    assert_eq!(report.findings, [late]);
    assert_eq!(report.fitting, 1);
}

#[test]
fn one_event_more_is_named() {
    let log = log(100);
    let heads = heads(&log, &[100]);
    let mut lines = with_leaves(&log);
    let mut more = lines[41].clone();
    more.0.body = Bytes::from_static(b"{}");
    lines.insert(50, more);
    let report = verify(lines, &heads);
    assert_eq!(report.findings, [Finding::Repeated { sequence: 42 }]);
}

#[test]
fn what_was_counted_anew_is_betrayed_by_what_the_events_followed() {
    let log = log(100);
    let heads = heads(&log, &[100]);
    // One is taken out, the rest moved up, and every leaf made anew.
    let mut fewer = log.clone();
    fewer.remove(40);
    for (n, event) in fewer.iter_mut().enumerate() {
        event.sequence = n as u64 + 1;
    }
    let report = verify(with_leaves(&fewer), &heads);
    let first = Finding::Follows {
        sequence: 43,
        says: 41,
        there: 38,
    };
    assert_eq!(report.findings[0], first);
    assert!(report.findings.len() == NAMED && report.more > 0);
    // One is put in.
    let mut more = log;
    more.insert(40, more[39].clone());
    for (n, event) in more.iter_mut().enumerate() {
        event.sequence = n as u64 + 1;
    }
    let report = verify(with_leaves(&more), &heads);
    let first = Finding::Follows {
        sequence: 41,
        says: 37,
        there: 40,
    };
    assert_eq!(report.findings[0], first);
}

#[test]
fn a_log_that_is_shorter_than_its_checkpoint_is_noticed() {
    let log = log(100);
    let heads = heads(&log, &[50, 100]);
    let report = verify(with_leaves(&log[..90]), &heads);
    assert_eq!(report.findings, [Finding::TooShort { size: 100, has: 90 }]);
    assert_eq!(report.fits_to, 50);
}

#[test]
fn what_lies_behind_is_held_against_its_leaves_from_any_event_on() {
    let log = log(100);
    let mut lines = with_leaves(&log);
    lines[41].0.body = Bytes::from_static(b"{}");
    let missing = lines.remove(70).1.unwrap();
    for (after, fitting) in [(0, 1), (40, 0)] {
        let mut verifier = Verifier::by_leaves(after);
        if after == 0 {
            verifier.expect(&heads(&log, &[60])[0]);
        }
        for (event, leaf) in &lines[after as usize..] {
            if event.sequence == 72 {
                verifier.miss(missing);
            }
            verifier.take(event.clone(), *leaf);
        }
        let report = verifier.finish();
        let gone = Finding::Missing {
            first: 71,
            last: 71,
        };
        assert_eq!(report.findings, [Finding::Changed { sequence: 42 }, gone]);
        assert_eq!((report.fitting, report.more), (fitting, 0));
    }
}
