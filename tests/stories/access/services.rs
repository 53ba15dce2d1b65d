//! Each identity of the internal CA and each method of each service.

use api::policy;
use town::{Town, call};

use super::{Table, is_shut_out};

/// Every leaf that `init` makes.
const IDENTITIES: [&str; 8] = [
    "keystore",
    "csr-service",
    "acme-agent",
    "notifier",
    "projection",
    "gateway",
    "provisioner",
    "nats",
];

/// Which service answers the methods of which package.
const SERVERS: [(&str, &str); 5] = [
    ("/chancery.keystore.", "keystore"),
    ("/chancery.csr.", "csr-service"),
    ("/chancery.acme.", "acme-agent"),
    ("/chancery.notifier.", "notifier"),
    ("/chancery.projection.", "projection"),
];

/// Lets each identity call each method with an empty message.
pub async fn tried(town: &Town) -> Table {
    let mut rows = Vec::new();
    for (package, server) in SERVERS {
        let channels = IDENTITIES.map(|caller| (caller, town.installation.channel(caller, server)));
        let methods = policy::all().filter(|(path, _)| path.starts_with(package));
        let mut methods = methods.collect::<Vec<_>>();
        methods.sort_unstable_by_key(|(path, _)| *path);
        for (path, policy) in methods {
            let mut may = Vec::new();
            for (caller, channel) in &channels {
                let answer = call::by_path(channel, path).await;
                let may_call = !is_shut_out(&answer, &["CALLER_NOT_ALLOWED"]);
                assert_eq!(
                    may_call,
                    policy.allows(caller),
                    "{caller} calls {path}: {answer:?}"
                );
                may.push(may_call);
            }
            rows.push((path.trim_start_matches('/').to_owned(), may));
        }
    }
    Table {
        title: "Between services",
        explained: "By the identity of the internal CA that a call comes with (mTLS). Declared by `callers` in `proto/`.",
        what: "method",
        who: IDENTITIES.map(str::to_owned).into(),
        rows,
    }
}
