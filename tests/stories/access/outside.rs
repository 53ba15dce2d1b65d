//! Each caller from outside and each method, through the gateway.

use api::{
    gateway::v1::{CreateTokenRequest, token_service_client::TokenServiceClient},
    options::v1::Role,
    policy::{self, MethodPolicy},
};
use town::{Town, call, client::Client};

use super::{Table, is_shut_out};

/// What a gateway says to who may not call a method.
const SHUT_OUT: [&str; 6] = [
    "TOKEN_REQUIRED",
    "TOKEN_UNKNOWN",
    "ROLE_REQUIRED",
    "OUTSIDE_OF_FILTER",
    "KEY_EXPORT_NOT_ALLOWED",
    "METHOD_UNKNOWN",
];

/// Somebody outside.
#[derive(Debug, Clone, Copy)]
struct Outsider {
    name: &'static str,
    role: Role,
    /// He is held to one name.
    held: bool,
    key_export: bool,
}

const TOKENS: [Outsider; 5] = [
    Outsider::with("viewer", Role::Viewer),
    Outsider::with("operator", Role::Operator),
    Outsider {
        held: true,
        ..Outsider::with("operator, held to shop.example", Role::Operator)
    },
    Outsider {
        key_export: true,
        ..Outsider::with("operator with key export", Role::Operator)
    },
    Outsider::with("admin", Role::Admin),
];

impl Outsider {
    const fn with(name: &'static str, role: Role) -> Self {
        Self {
            name,
            role,
            held: false,
            key_export: false,
        }
    }

    /// Whether `proto/` lets him call the method.
    fn may(&self, policy: &MethodPolicy) -> bool {
        let has_rights = |needed| {
            self.role >= needed
                && (!self.held || policy.keeps_to_filter)
                && (!policy.exports_key || self.key_export)
        };
        policy.anonymous || policy.role.is_some_and(has_rights)
    }

    /// A client with a token of his.
    async fn client(&self, town: &Town) -> Client {
        let request = CreateTokenRequest {
            name: self.name.into(),
            role: self.role.into(),
            certificate_filter: self
                .held
                .then(|| "shop.example".to_owned())
                .into_iter()
                .collect(),
            key_export: self.key_export,
            days: 1,
        };
        let mut tokens = TokenServiceClient::new(town.client().await.connection());
        let made = tokens.create_token(request).await;
        town.client_with(&made.expect("a token").into_inner().text)
            .await
    }
}

/// Lets each of them call each method with an empty message.
pub async fn tried(town: &Town) -> Table {
    let nobody = Outsider::with("nobody", Role::Unspecified);
    let bootstrap = Outsider {
        key_export: true,
        ..Outsider::with("bootstrap token", Role::Admin)
    };
    let mut callers = vec![(nobody, town.client_with("").await)];
    for outsider in TOKENS {
        callers.push((outsider, outsider.client(town).await));
    }
    callers.push((bootstrap, town.client().await));

    let mut methods = policy::all().collect::<Vec<_>>();
    methods.sort_unstable_by_key(|(path, _)| *path);
    let mut rows = Vec::new();
    for (path, policy) in methods {
        let mut may = Vec::new();
        for (outsider, client) in &callers {
            let answer = call::from_outside(client, path).await;
            let may_call = !is_shut_out(&answer, &SHUT_OUT);
            let who = outsider.name;
            assert_eq!(
                may_call,
                outsider.may(policy),
                "{who} calls {path}: {answer:?}"
            );
            may.push(may_call);
        }
        if may.contains(&true) {
            rows.push((path.trim_start_matches('/').to_owned(), may));
        }
    }
    let who = callers.iter().map(|(outsider, _)| outsider.name.to_owned());
    Table {
        title: "From outside",
        explained: "By the token that a caller of the public API shows. Declared by `role`, `anonymous`, `keeps_to_filter` and `exports_key` in `proto/`. Methods that are not here cannot be reached by anybody.",
        what: "method",
        who: who.collect(),
        rows,
    }
}
