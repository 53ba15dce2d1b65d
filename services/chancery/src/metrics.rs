//! Every metric that there is.

use runtime::metrics::{Metric, OF_EVERY_SERVICE};

/// What the services count, together.
pub const CATALOG: [&[Metric]; 5] = [
    OF_EVERY_SERVICE,
    projection::METRICS,
    acme_agent::METRICS,
    notifier::METRICS,
    gateway::METRICS,
];

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::*;

    #[test]
    fn the_documentation_lists_every_metric_in_its_own_words() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operate.md");
        let text = fs::read_to_string(file).unwrap();
        let written = text.lines().filter(|line| line.starts_with("| `chancery_"));
        let written = written.collect::<Vec<_>>();
        let metrics = CATALOG.iter().copied().flatten();
        let listed = metrics.map(|metric| {
            let labels = metric.labels.iter().map(|label| format!("`{label}`"));
            let labels = labels.collect::<Vec<_>>().join(", ");
            let (name, kind) = (metric.name, metric.kind.as_str());
            format!("| `{name}` | {kind} | {labels} | {} |", metric.help)
        });
        let listed = listed.collect::<Vec<_>>();
        assert_eq!(written, listed, "the right lines:\n{}", listed.join("\n"));
    }

    #[test]
    fn the_rules_in_the_documentation_are_about_metrics_that_there_are() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operate.md");
        let text = fs::read_to_string(file).unwrap();
        let (_, rules) = text.split_once("```yaml\n").unwrap();
        let (rules, _) = rules.split_once("```").unwrap();
        let known = CATALOG.iter().copied().flatten().map(|metric| metric.name);
        let known = known.collect::<BTreeSet<_>>();
        let mut about = BTreeSet::new();
        for rule in rules.lines().filter(|line| line.contains("expr: ")) {
            let words = rule.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            about.extend(words.filter(|word| word.starts_with("chancery_")));
        }
        assert!(about.len() > 5 && about.is_subset(&known), "{about:?}");
    }

    #[test]
    fn names_are_as_prometheus_wants_them() {
        let mut names = BTreeSet::new();
        for metric in CATALOG.iter().copied().flatten() {
            let name = metric.name;
            assert!(names.insert(name), "{name} is there twice");
            let characters = name.strip_prefix("chancery_").unwrap_or_default().bytes();
            assert!(
                characters.clone().count() > 0
                    && characters
                        .clone()
                        .all(|c| c.is_ascii_lowercase() || c == b'_'),
                "{name}"
            );
            let counts = metric.kind == runtime::metrics::Kind::Counter;
            assert_eq!(counts, name.ends_with("_total"), "{name}");
            assert!(metric.help.ends_with('.') && !metric.help.contains('\n'));
        }
    }
}
