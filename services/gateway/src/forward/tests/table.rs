//! Every kind of caller at every method: let through or refused as the contracts declare, and for no other reason.

use api::{
    gateway::v1::{CreateTokenRequest, WhoAmIRequest},
    options::v1::Role,
    policy, refuse,
};
use tonic_prost::ProstCodec;

use super::edge::{Edge, edge_with_log};
use crate::{fixture::House, principal::rank};

/// A caller: his token, what he may do, whether he is held to some certificates, whether he exports keys.
struct Somebody {
    token: String,
    role: Role,
    held: bool,
    exports: bool,
}

/// Why the door does not let a call through; `None`: it does.
async fn refused(edge: &Edge, path: &'static str, token: Option<&str>) -> Option<String> {
    let mut client = tonic::client::Grpc::new(edge.channel.clone());
    client.ready().await.unwrap();
    let mut request = tonic::Request::new(WhoAmIRequest {});
    if let Some(token) = token {
        let bearer = format!("Bearer {token}").parse().unwrap();
        request.metadata_mut().insert("authorization", bearer);
    }
    // Every message can be empty, so any type will do; that an answer is none of it does not matter.
    let codec = ProstCodec::<WhoAmIRequest, WhoAmIRequest>::default();
    let path = hyper::http::uri::PathAndQuery::from_static(path);
    let status = client.server_streaming(request, path, codec).await.err()?;
    let door = [
        "METHOD_UNKNOWN",
        "TOKEN_REQUIRED",
        "TOKEN_UNKNOWN",
        "ROLE_REQUIRED",
        "OUTSIDE_OF_FILTER",
        "KEY_EXPORT_NOT_ALLOWED",
    ];
    refuse::reason(&status).filter(|reason| door.contains(&reason.as_str()))
}

#[tokio::test]
async fn every_caller_at_every_method() {
    // No service is up: what the door lets through comes back as that.
    let edge = edge_with_log(Role::Admin, House::new()).await;
    let mut callers = Vec::new();
    for role in [Role::Viewer, Role::Operator, Role::Admin] {
        for (held, exports) in [(false, false), (true, false), (false, true)] {
            if exports && role == Role::Viewer {
                continue;
            }
            let request = CreateTokenRequest {
                name: format!("{} {held} {exports}", role.as_str_name()),
                role: role.into(),
                certificate_filter: held
                    .then(|| "*.shop.example".to_owned())
                    .into_iter()
                    .collect(),
                key_export: exports,
                days: 1,
            };
            let token = edge.create(request).await.text;
            callers.push(Somebody {
                token,
                role,
                held,
                exports,
            });
        }
    }
    let (mut let_through, mut kept_out) = (0, 0);
    for (path, policy) in policy::all() {
        let nobody = refused(&edge, path, None).await;
        let expected = match (policy.role, policy.anonymous) {
            (None, true) => None,
            (None, false) => Some("METHOD_UNKNOWN"),
            (Some(_), _) => Some("TOKEN_REQUIRED"),
        };
        assert_eq!(nobody.as_deref(), expected, "{path} for nobody");
        for somebody in &callers {
            let expected = match policy.role {
                None if policy.anonymous => None,
                None => Some("METHOD_UNKNOWN"),
                Some(needed) if rank(somebody.role) < rank(needed) => Some("ROLE_REQUIRED"),
                Some(_) if somebody.held && !policy.keeps_to_filter => Some("OUTSIDE_OF_FILTER"),
                Some(_) if policy.exports_key && !somebody.exports => {
                    Some("KEY_EXPORT_NOT_ALLOWED")
                }
                Some(_) => None,
            };
            let found = refused(&edge, path, Some(&somebody.token)).await;
            let (role, held) = (somebody.role, somebody.held);
            assert_eq!(
                found.as_deref(),
                expected,
                "{path} for {role:?}, held: {held}"
            );
            match expected {
                None => let_through += 1,
                Some(_) => kept_out += 1,
            }
        }
    }
    assert!(
        let_through > 100 && kept_out > 100,
        "{let_through}, {kept_out}"
    );
}
