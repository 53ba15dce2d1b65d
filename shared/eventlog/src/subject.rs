//! The subjects of the log, each spelled once: `chancery.events.<aggregate>.<id>.<event>`.

/// The stream that holds every event.
pub const STREAM: &str = "CHANCERY_EVENTS";

const ROOT: &str = "chancery.events";

/// Every event there is.
pub fn everything() -> String {
    format!("{ROOT}.>")
}

/// Every event of one kind of aggregate.
pub fn of_kind(aggregate: &str) -> String {
    format!("{ROOT}.{aggregate}.>")
}

/// Every event of one aggregate: the filter of its replay, and of the sequence that an append expects.
pub fn of_one(aggregate: &str, id: &str) -> String {
    format!("{ROOT}.{aggregate}.{id}.*")
}

/// Where an event is published.
pub fn event(aggregate: &str, id: &str, event: &str) -> String {
    format!("{ROOT}.{aggregate}.{id}.{event}")
}

/// What an event's subject says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    /// The kind of aggregate, for example `certificate`.
    pub aggregate: &'a str,
    /// Which one.
    pub id: &'a str,
    /// What happened to it, for example `issued`.
    pub event: &'a str,
}

/// Takes an event's subject apart; `None` where it is not one of ours.
pub fn parse(subject: &str) -> Option<Parts<'_>> {
    let rest = subject.strip_prefix(ROOT)?.strip_prefix('.')?;
    let mut tokens = rest.split('.');
    let (aggregate, id, event) = (tokens.next()?, tokens.next()?, tokens.next()?);
    let whole = tokens.next().is_none() && [aggregate, id, event].into_iter().all(is_token);
    whole.then_some(Parts {
        aggregate,
        id,
        event,
    })
}

/// Whether this can stand between two dots: letters, digits, `-` and `_`, at most 100 of them.
/// No wildcard, no dot: an id can never widen the subject that it is put into.
pub fn is_token(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=100).contains(&text.len()) && text.bytes().all(allowed)
}

/// Whether a subject falls under a filter (`*` for one token, a final `>` for one or more).
pub fn matches(filter: &str, subject: &str) -> bool {
    let mut tokens = subject.split('.');
    for wanted in filter.split('.') {
        let token = tokens.next();
        match wanted {
            ">" => return token.is_some(),
            "*" if token.is_some() => {}
            _ if token == Some(wanted) => {}
            _ => return false,
        }
    }
    tokens.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_taken_apart_as_it_was_put_together() {
        let subject = event("acme-server", "7c9e", "registered");
        let parts = parse(&subject).expect("ours");
        assert_eq!(
            parts,
            Parts {
                aggregate: "acme-server",
                id: "7c9e",
                event: "registered"
            }
        );
        for filter in [
            everything(),
            of_kind("acme-server"),
            of_one("acme-server", "7c9e"),
            subject.clone(),
        ] {
            assert!(matches(&filter, &subject), "{filter}");
        }
        for filter in [
            of_kind("acme"),
            of_one("acme-server", "7c9"),
            "chancery.events.acme-server.7c9e.registered.>".to_owned(),
            "chancery.events".to_owned(),
        ] {
            assert!(!matches(&filter, &subject), "{filter}");
        }
    }

    #[test]
    fn what_is_not_ours_is_not_taken_apart() {
        for no in [
            "",
            "chancery.events",
            "chancery.events.key.1",
            "chancery.events.key.1.generated.more",
            "chancery.events.key..generated",
            "chancery.events.key.*.generated",
            "other.events.key.1.generated",
            "chancery.eventskey.1.generated.x",
        ] {
            assert_eq!(parse(no), None, "{no}");
        }
    }

    #[test]
    fn an_id_cannot_widen_a_subject() {
        for no in ["", "a.b", "*", ">", "a b", "ä", "a\r\n", &"a".repeat(101)] {
            assert!(!is_token(no), "{no:?}");
        }
        assert!(is_token("0191d0c2-7d1b-7c3e-8f00-000000000001"));
    }
}
