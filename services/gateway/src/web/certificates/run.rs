//! The list is one run of rows after the other: certificates, and behind them automations that have none yet; sorted
//! by status, those of one status after those of another.

use super::{state::State, view::View};

/// Rows of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Of which kind.
    pub of: Kind,
    /// Which of them.
    pub filter: String,
    /// In which order.
    pub sort: String,
}

/// What the rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Certificates.
    Certificates,
    /// Automations that have no certificate yet.
    Automations,
}

/// All of a list's.
pub fn of(state: &State) -> Vec<Run> {
    match state.sort() {
        ("status", reverse) => by_status(state, reverse),
        (field, reverse) => {
            let sort = format!("{}{field}", if reverse { "-" } else { "" });
            let certificates = state
                .certificates()
                .map(|filter| certificates(filter, sort));
            let automations = state.automations().map(automations);
            certificates.into_iter().chain(automations).collect()
        }
    }
}

/// What wants somebody first; of one status what ends soonest.
fn by_status(state: &State, reverse: bool) -> Vec<Run> {
    let mut runs = Vec::new();
    for (word, view, kinds) in STATUSES {
        let is_here = match state.view() {
            View::All | View::Authorities | View::Deleted => true,
            here => here == view,
        };
        if !is_here {
            continue;
        }
        if kinds.contains(&Kind::Certificates)
            && let Some(filter) = state.certificates()
        {
            let filter = format!("{filter} status={word}");
            runs.push(certificates(filter, "not_after".to_owned()));
        }
        if kinds.contains(&Kind::Automations)
            && let Some(filter) = state.automations()
        {
            runs.push(automations(format!("{filter} status={word}")));
        }
    }
    if reverse {
        runs.reverse();
    }
    runs
}

fn certificates(filter: String, sort: String) -> Run {
    Run {
        of: Kind::Certificates,
        filter,
        sort,
    }
}

fn automations(filter: String) -> Run {
    Run {
        of: Kind::Automations,
        filter,
        sort: "name".to_owned(),
    }
}

/// Statuses in their order, each with the view that holds it, and what can have it.
const STATUSES: [(&str, View, &[Kind]); 8] = [
    ("expired", View::Need, &[Kind::Certificates]),
    (
        "error",
        View::Need,
        &[Kind::Certificates, Kind::Automations],
    ),
    ("expiring", View::Need, &[Kind::Certificates]),
    ("renewing", View::Renewing, &[Kind::Certificates]),
    ("pending", View::Pending, &[Kind::Automations]),
    ("not-yet-valid", View::All, &[Kind::Certificates]),
    ("valid", View::Valid, &[Kind::Certificates]),
    ("revoked", View::Revoked, &[Kind::Certificates]),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn filters(query: &str) -> Vec<String> {
        let runs = of(&State::of(query));
        runs.into_iter().map(|run| run.filter).collect()
    }

    #[test]
    fn automations_come_after_certificates() {
        assert_eq!(filters(""), ["own=true", "issued=false"]);
        assert_eq!(filters("view=pending"), ["issued=false status=pending"]);
        assert_eq!(filters("key=rsa-2048"), ["own=true algorithm=rsa-2048"]);
    }

    #[test]
    fn by_status_what_wants_somebody_comes_first_or_last() {
        let mut all = filters("sort=status");
        assert_eq!(all[0], "own=true status=expired");
        assert_eq!(all[2], "issued=false status=error");
        assert_eq!(all.len(), 9);
        all.reverse();
        assert_eq!(filters("sort=-status"), all);
        assert_eq!(
            filters("view=valid&sort=status"),
            ["own=true status=valid status=valid"]
        );
        assert_eq!(filters("view=need&sort=status").len(), 4);
    }
}
