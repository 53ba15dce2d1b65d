//! The one table of NATS users and what each may do. Everything that is not here is refused by the server.
//!
//! A service publishes the events of its own aggregates and nothing else; all of them read the whole
//! log; each listens on its own inbox alone, so that none sees the answers that another gets. Nobody
//! may delete or purge a stream; only the provisioner may make or change one.

use api::challenge;
use eventlog::{safety::SERVER_REPORT, subject};

/// A NATS user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The identity's name: "keystore", "auditor".
    pub name: &'static str,
    /// Subjects that it may publish to; requests are publications too.
    pub publish: Vec<String>,
    /// Subjects that it may subscribe to.
    pub subscribe: Vec<String>,
}

/// All users.
pub fn users() -> Vec<User> {
    // Whoever opens the log checks first that its server syncs before it acknowledges.
    let log = || [reading(subject::STREAM), vec![SERVER_REPORT.to_owned()]].concat();
    let challenges = || reading(&challenge_stream());
    vec![
        user(
            "keystore",
            [log(), events(&["key", "certificate", "tls", "kek"])],
        ),
        user("csr-service", [log(), events(&["request"])]),
        user(
            "acme-agent",
            [
                log(),
                events(&["acme-server", "automation", "dns-provider"]),
                challenges(),
                vec![format!("$KV.{}.>", challenge::BUCKET)],
            ],
        ),
        user("notifier", [log(), events(&["channel", "alert"])]),
        user("projection", [log(), events(&["seal", "tables"])]),
        user(
            "gateway",
            [
                log(),
                events(&["directory", "api-token", "session"]),
                challenges(),
            ],
        ),
        user("provisioner", [provisioning()]),
        user("auditor", [log()]),
    ]
}

fn user<const N: usize>(name: &'static str, publish: [Vec<String>; N]) -> User {
    User {
        name,
        publish: publish.concat(),
        subscribe: vec![format!("_INBOX.{name}.>")],
    }
}

/// The right to append to these aggregates.
fn events(aggregates: &[&str]) -> Vec<String> {
    let subjects = aggregates.iter();
    subjects
        .map(|aggregate| subject::of_kind(aggregate))
        .collect()
}

/// The right to read a stream whole: look-ups, and consumers of one's own.
fn reading(stream: &str) -> Vec<String> {
    vec![
        format!("$JS.API.STREAM.INFO.{stream}"),
        // On the leader: what a look-up after a lost ack needs.
        format!("$JS.API.STREAM.MSG.GET.{stream}"),
        format!("$JS.API.DIRECT.GET.{stream}"),
        format!("$JS.API.DIRECT.GET.{stream}.>"),
        format!("$JS.API.CONSUMER.CREATE.{stream}"),
        format!("$JS.API.CONSUMER.CREATE.{stream}.>"),
        format!("$JS.API.CONSUMER.INFO.{stream}.*"),
        format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.*"),
        format!("$JS.API.CONSUMER.DELETE.{stream}.*"),
        format!("$JS.ACK.{stream}.>"),
        format!("$JS.FC.{stream}.>"),
    ]
}

/// The right to make and change streams and consumers, and never to delete or purge one.
fn provisioning() -> Vec<String> {
    let subjects = [
        "$JS.API.INFO",
        "$JS.API.STREAM.CREATE.*",
        "$JS.API.STREAM.UPDATE.*",
        "$JS.API.STREAM.INFO.*",
        "$JS.API.STREAM.NAMES",
        "$JS.API.STREAM.LIST",
        "$JS.API.CONSUMER.>",
    ];
    subjects.map(str::to_owned).to_vec()
}

/// The stream behind the challenge bucket, as NATS names it.
fn challenge_stream() -> String {
    format!("KV_{}", challenge::BUCKET)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publishes(name: &str, subject: &str) -> bool {
        let user = users().into_iter().find(|user| user.name == name).unwrap();
        user.publish
            .iter()
            .any(|filter| subject::matches(filter, subject))
    }

    #[test]
    fn each_aggregate_has_one_writer() {
        for (aggregate, owner) in [
            ("key", "keystore"),
            ("certificate", "keystore"),
            ("tls", "keystore"),
            ("kek", "keystore"),
            ("request", "csr-service"),
            ("acme-server", "acme-agent"),
            ("automation", "acme-agent"),
            ("dns-provider", "acme-agent"),
            ("channel", "notifier"),
            ("alert", "notifier"),
            ("seal", "projection"),
            ("directory", "gateway"),
            ("api-token", "gateway"),
            ("session", "gateway"),
        ] {
            let subject = subject::event(aggregate, "7c9e", "happened");
            let writers = users()
                .into_iter()
                .map(|user| user.name)
                .filter(|name| publishes(name, &subject));
            assert_eq!(writers.collect::<Vec<_>>(), [owner]);
        }
    }

    #[test]
    fn nobody_deletes_or_purges_and_only_the_provisioner_changes_a_stream() {
        for user in users() {
            for verb in [
                "DELETE",
                "PURGE",
                "MSG.DELETE",
                "RESTORE",
                "SNAPSHOT",
                "LEADER.STEPDOWN",
            ] {
                let subject = format!("$JS.API.STREAM.{verb}.{}", subject::STREAM);
                assert!(!publishes(user.name, &subject), "{} may {verb}", user.name);
            }
            for verb in ["CREATE", "UPDATE"] {
                let subject = format!("$JS.API.STREAM.{verb}.{}", subject::STREAM);
                assert_eq!(
                    publishes(user.name, &subject),
                    user.name == "provisioner",
                    "{} {verb}",
                    user.name
                );
            }
        }
    }

    #[test]
    fn each_hears_its_own_answers_alone() {
        for user in users() {
            assert_eq!(user.subscribe, [format!("_INBOX.{}.>", user.name)]);
        }
    }
}
