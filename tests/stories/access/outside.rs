//! Each caller from outside and each method, through the gateway.

use api::{options::v1::Role, policy};
use town::{Town, call};

use super::{Table, is_shut_out};

/// What a gateway says to who may not call a method.
const SHUT_OUT: [&str; 4] = [
    "TOKEN_REQUIRED",
    "TOKEN_UNKNOWN",
    "ROLE_REQUIRED",
    "METHOD_UNKNOWN",
];

/// Somebody outside.
struct Outsider {
    name: &'static str,
    /// Empty for nobody.
    token: String,
    role: Role,
}

/// Lets each of them call each method with an empty message.
pub async fn tried(town: &Town) -> Table {
    let outsiders = [
        Outsider {
            name: "nobody",
            token: String::new(),
            role: Role::Unspecified,
        },
        Outsider {
            name: "admin",
            token: town.installation.bootstrap_token(),
            role: Role::Admin,
        },
    ];
    let mut callers = Vec::new();
    for outsider in outsiders {
        let client = town.client_with(&outsider.token).await;
        callers.push((outsider, client));
    }
    let mut methods = policy::all().collect::<Vec<_>>();
    methods.sort_unstable_by_key(|(path, _)| *path);
    let mut rows = Vec::new();
    for (path, policy) in methods {
        let mut may = Vec::new();
        for (outsider, client) in &callers {
            let answer = call::from_outside(client, path).await;
            let may_call = !is_shut_out(&answer, &SHUT_OUT);
            let declared = policy.role.is_some_and(|needed| outsider.role >= needed);
            assert_eq!(
                may_call, declared,
                "{} calls {path}: {answer:?}",
                outsider.name
            );
            may.push(may_call);
        }
        if may.contains(&true) {
            rows.push((path.trim_start_matches('/').to_owned(), may));
        }
    }
    Table {
        title: "From outside",
        explained: "By who calls the public API. Declared by `role` in `proto/`. Methods that are not here cannot be reached by anybody.",
        what: "method",
        who: callers
            .iter()
            .map(|(outsider, _)| outsider.name.to_owned())
            .collect(),
        rows,
    }
}
