//! A gRPC call from outside: may this caller do that? Then on to the service that owns the method.
//!
//! Generic over methods: which there are, and which role each needs, is read from the descriptors of
//! `proto/`. A method that declares no role is, from here, not there.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use api::{CertificateFilter, metadata::CORRELATION_ID, options::v1::Role, policy};
use hyper::{
    HeaderMap, Method, Request, Response, Uri, Version, body::Incoming, header::HeaderValue,
};
use runtime::{Caller, ChannelError, Clock, Runtime};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, body::Body, service::Routes, transport::Channel};
use tower::ServiceExt;
use tracing::{Instrument, debug, error, info_span, warn};

use crate::{
    call::{self, Call},
    places::{Place, Places},
    refusal::Refusal,
    relay::{self, End, Relay, TooLong},
    tokens::{Principal, TokenError, Tokens},
};

/// Passes calls on. Cheap to clone.
#[derive(Clone)]
pub struct Forwarder {
    inner: Arc<Inner>,
}

struct Inner {
    keystore: Channel,
    csr_service: Channel,
    acme_agent: Channel,
    notifier: Channel,
    projection: Channel,
    own: Routes,
    tokens: Arc<Tokens>,
    calls: Places<String>,
    clock: Clock,
    stopping: CancellationToken,
    max_request_bytes: usize,
}

/// A call that may be made.
struct Admitted {
    path: String,
    owner: Owner,
    max_request_bytes: usize,
    principal: Principal,
    call: Call,
}

/// Who answers a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Keystore,
    CsrService,
    AcmeAgent,
    Notifier,
    Projection,
    Gateway,
}

impl Forwarder {
    /// Passes calls on to the runtime's peers, and to the gateway's `own` services.
    ///
    /// # Errors
    /// When a peer is not configured. None needs to be up.
    pub fn new(
        runtime: &Runtime,
        tokens: Arc<Tokens>,
        own: Routes,
        max_request_bytes: usize,
    ) -> Result<Forwarder, ChannelError> {
        Ok(Forwarder {
            inner: Arc::new(Inner {
                keystore: runtime.channel("keystore")?,
                csr_service: runtime.channel("csr-service")?,
                acme_agent: runtime.channel("acme-agent")?,
                notifier: runtime.channel("notifier")?,
                projection: runtime.channel("projection")?,
                own,
                tokens,
                calls: Places::new("calls at once", MAX_CALLS, MAX_CALLS_EACH),
                clock: runtime.clock().clone(),
                stopping: runtime.stopping(),
                max_request_bytes,
            }),
        })
    }

    /// Answers a gRPC call: with what the service says, or with why it did not get that far.
    pub async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Body> {
        self.inner.forward(request).await.unwrap_or_else(|refusal| {
            debug!(%peer, reason = %refusal, "call refused");
            Status::from(refusal).into_http()
        })
    }
}

impl Inner {
    async fn forward(&self, request: Request<Incoming>) -> Result<Response<Body>, Refusal> {
        // Step 1: what is not there is not there for anyone, so this tells a stranger nothing.
        let path = request.uri().path().to_owned();
        let policy = policy::of(&path).ok_or(Refusal::MethodUnknown)?;
        let needed = policy.role.ok_or(Refusal::MethodUnknown)?;
        let owner = Owner::of(&path).ok_or(Refusal::MethodUnknown)?;
        // Step 2: who calls, and may he.
        let principal = self.principal(request.headers()).await?;
        admit(&principal, needed)?;
        // Step 3: only a caller who may is told what else is wrong.
        let call = Call::of(request.headers(), &self.clock)?;
        let span = info_span!(
            "call",
            otel.kind = "server",
            otel.name = path,
            rpc.system = "grpc",
            actor = principal.actor,
            request_id = call.request_id,
            correlation_id = %call.correlation_id,
        );
        // What a method must be able to take is not cut short by a setting for all the others.
        let declared = policy.max_request_bytes.unwrap_or_default();
        let admitted = Admitted {
            path,
            owner,
            max_request_bytes: self.max_request_bytes.max(declared),
            principal,
            call,
        };
        self.pass_on(request, admitted).instrument(span).await
    }

    async fn pass_on(
        &self,
        request: Request<Incoming>,
        admitted: Admitted,
    ) -> Result<Response<Body>, Refusal> {
        let Admitted {
            owner,
            principal,
            call,
            ..
        } = &admitted;
        let owner = *owner;
        let place = self.calls.take(principal.actor.clone());
        let place = place.ok_or(Refusal::TooManyCalls)?;

        let too_long = TooLong::default();
        let onward = self.onward(request, &admitted, too_long.clone())?;
        let begun = Instant::now();
        let wait = call
            .timeout
            .map_or(LONGEST_WAIT, |timeout| timeout.min(LONGEST_WAIT));
        let answer = tokio::time::timeout_at(begun + wait, self.send(owner, onward)).await;
        let response = match answer {
            // A service that lost half a request answers something: the cause is what counts.
            _ if too_long.get() => Err(Refusal::RequestTooLarge {
                limit: admitted.max_request_bytes,
            }),
            Ok(Ok(response)) if !gave_up(&response) => Ok(response),
            Ok(Err(e)) if !timed_out(&e) => {
                let service = owner.service();
                let error = &e as &dyn std::error::Error;
                warn!(service, error, "service does not answer");
                Err(Refusal::ServiceUnavailable { service })
            }
            _ => Err(Refusal::DeadlineExceeded { after: wait }),
        };
        let end = self.end(
            principal.clone(),
            place,
            call.timeout.map(|after| (begun + after, after)),
        );
        let mut response = response?.map(|body| Body::new(Relay::new(body, owner.service(), end)));
        if let Ok(id) = HeaderValue::try_from(call.correlation_id.to_string()) {
            response.headers_mut().insert(CORRELATION_ID, id);
        }
        Ok(response)
    }

    async fn principal(&self, headers: &HeaderMap) -> Result<Principal, Refusal> {
        let token = call::bearer(headers)?;
        self.tokens.holder(token).await.map_err(|e| match e {
            TokenError::Unknown => Refusal::TokenUnknown,
            TokenError::Unreadable { .. } => {
                error!(error = &e as &dyn std::error::Error, "cannot check a token");
                Refusal::TokensUnreadable
            }
        })
    }

    /// The request that the service gets: the same body, and headers of the gateway's own.
    fn onward(
        &self,
        request: Request<Incoming>,
        admitted: &Admitted,
        too_long: TooLong,
    ) -> Result<Request<Body>, Refusal> {
        let Admitted {
            path,
            principal,
            call,
            max_request_bytes,
            ..
        } = admitted;
        let (parts, body) = request.into_parts();
        let body = relay::bounded(body, *max_request_bytes, too_long);
        let mut onward = Request::new(body);
        *onward.method_mut() = Method::POST;
        *onward.version_mut() = Version::HTTP_2;
        // A known method's path is a URI.
        *onward.uri_mut() = Uri::try_from(path.as_str()).map_err(|_| Refusal::MethodUnknown)?;
        *onward.headers_mut() =
            call.onward(&parts.headers, principal, runtime::telemetry::traceparent());
        if admitted.owner == Owner::Gateway {
            // What another service learns from the headers, through its own runtime.
            onward.extensions_mut().insert(Caller {
                service: Owner::Gateway.service().to_owned(),
                actor: principal.actor.clone(),
                certificates: CertificateFilter::default(),
                request_id: call.request_id.clone(),
                correlation_id: call.correlation_id,
                causation_id: None,
                method: path.clone(),
            });
            onward.extensions_mut().insert(principal.clone());
        }
        Ok(onward)
    }

    async fn send(
        &self,
        owner: Owner,
        request: Request<Body>,
    ) -> Result<Response<Body>, tonic::transport::Error> {
        let channel = match owner {
            Owner::Keystore => &self.keystore,
            Owner::CsrService => &self.csr_service,
            Owner::AcmeAgent => &self.acme_agent,
            Owner::Notifier => &self.notifier,
            Owner::Projection => &self.projection,
            Owner::Gateway => {
                let answer = self.own.clone().oneshot(request).await;
                return Ok(answer.unwrap_or_else(|never| match never {}));
            }
        };
        channel.clone().oneshot(request).await
    }

    /// When an answer that is still under way has to end: a stream lives as long as the right to it.
    /// The call keeps its place until then.
    fn end(
        &self,
        principal: Principal,
        place: Place<String>,
        deadline: Option<(Instant, Duration)>,
    ) -> End {
        let (tokens, stopping) = (self.tokens.clone(), self.stopping.clone());
        Box::pin(async move {
            let _place = place;
            let late = async {
                match deadline {
                    Some((deadline, after)) => {
                        tokio::time::sleep_until(deadline).await;
                        Refusal::DeadlineExceeded { after }
                    }
                    None => std::future::pending().await,
                }
            };
            let stopped = async {
                stopping.cancelled().await;
                // What is only short of its last byte may finish.
                tokio::time::sleep(LAST_WORDS).await;
            };
            tokio::select! {
                late = late => late,
                () = stopped => Refusal::Stopping,
                () = ended(&tokens, &principal) => Refusal::TokenUnknown,
            }
        })
    }
}

impl Owner {
    /// Who answers the method at a gRPC path: each proto package belongs to one service.
    fn of(path: &str) -> Option<Owner> {
        let (package, _) = path.strip_prefix("/chancery.")?.split_once('.')?;
        match package {
            "keystore" => Some(Owner::Keystore),
            "csr" => Some(Owner::CsrService),
            "acme" => Some(Owner::AcmeAgent),
            "notifier" => Some(Owner::Notifier),
            "projection" => Some(Owner::Projection),
            "gateway" => Some(Owner::Gateway),
            _ => None,
        }
    }

    /// The service's name, for people.
    fn service(self) -> &'static str {
        match self {
            Owner::Keystore => "keystore",
            Owner::CsrService => "csr-service",
            Owner::AcmeAgent => "acme-agent",
            Owner::Notifier => "notifier",
            Owner::Projection => "projection",
            Owner::Gateway => "gateway",
        }
    }
}

/// Whether the caller's role includes the one that a method needs.
fn admit(principal: &Principal, needed: Role) -> Result<(), Refusal> {
    let has = principal.role;
    let rank = |role: Role| match role {
        Role::Unspecified => 0,
        Role::Viewer => 1,
        Role::Operator => 2,
        Role::Admin => 3,
    };
    // What needs no role is not reached from outside at all.
    if needed == Role::Unspecified || rank(has) < rank(needed) {
        return Err(Refusal::RoleRequired { needed, has });
    }
    Ok(())
}

/// Whether the service gave up: nobody here has cancelled, so it was its own clock that ran out.
fn gave_up(response: &Response<Body>) -> bool {
    let status = Status::from_header_map(response.headers());
    status.is_some_and(|status| status.code() == Code::Cancelled)
}

/// Whether it was the deadline that ended a call: the channel keeps it too, and may be first.
fn timed_out(error: &tonic::transport::Error) -> bool {
    let mut cause = Some(error as &dyn std::error::Error);
    while let Some(error) = cause {
        if error.is::<tonic::TimeoutExpired>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Waits until the principal's token has ended.
async fn ended(tokens: &Tokens, principal: &Principal) {
    loop {
        tokio::time::sleep(TOKEN_CHECK).await;
        if !tokens.still_hold(principal).await {
            return;
        }
    }
}

/// How long a service may take to begin its answer; where the client sets a later deadline, a stream may
/// go on until then.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// Calls at once, of one caller and of all: below what a service takes on one connection (256), so that
/// callers who open streams and leave them open do not shut out the others.
const MAX_CALLS_EACH: usize = 128;
const MAX_CALLS: usize = 240;

/// How long an answer under way goes on when the gateway stops.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How often a long answer looks whether its token still opens.
const TOKEN_CHECK: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
