//! A gRPC call: may this caller do that? Then on to the service that owns the [method](crate::method).
//!
//! Programs come in by [`Forwarder::answer`], with a bearer token; the gateway's own pages by
//! [`Forwarder::for_person`], with the person whose session it is. Behind both is the same door.

mod caller;
mod inside;
mod services;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use api::metadata::CORRELATION_ID;
use hyper::{HeaderMap, Method, Request, Response, Uri, Version, header::HeaderValue};
use runtime::{ChannelError, Clock, Runtime};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, body::Body, service::Routes, transport::Channel};
use tower::ServiceExt;
use tracing::{Instrument, debug, error, info_span, warn};

use self::caller::Caller;
pub use self::{inside::Inside, services::Standing};
use crate::{
    bearers::Bearers,
    call::{self, Call},
    connections::network,
    method::{Owner, PublicMethod},
    metrics,
    places::{Place, Places},
    principal::Principal,
    rate::Rate,
    refusal::Refusal,
    relay::{self, End, Relay, TooLong},
    tokens::TokenError,
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
    bearers: Bearers,
    calls: Places<String>,
    strangers: Rate<IpAddr>,
    strangers_calls: Places<String>,
    clock: Clock,
    stopping: CancellationToken,
    max_request_bytes: usize,
}

/// Where a call comes from.
enum Entrance {
    /// Outside: its headers say who calls.
    Outside(SocketAddr),
    /// A page of the gateway's own, for this person.
    Inside(Principal),
}

/// The address that a stranger calls from: in the requests that the gateway's own services get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source(pub IpAddr);

/// A call that may be made.
struct Admitted {
    path: String,
    method: PublicMethod,
    caller: Caller,
    call: Call,
}

impl Forwarder {
    /// Passes calls on to the runtime's peers, and the gateway's own methods to `own`.
    ///
    /// # Errors
    /// When a peer is not configured. None needs to be up.
    pub fn new(
        runtime: &Runtime,
        bearers: Bearers,
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
                bearers,
                calls: Places::new("calls at once", MAX_CALLS, MAX_CALLS_EACH),
                strangers: Rate::new(STRANGERS_BURST, STRANGERS_EVERY, MAX_STRANGERS),
                strangers_calls: Places::new("calls without a token at once", 64, 16),
                clock: runtime.clock().clone(),
                stopping: runtime.stopping(),
                max_request_bytes,
            }),
        })
    }

    /// Answers a gRPC call from outside: with what the service says, or with why it did not get that far.
    pub async fn answer(&self, request: Request<Body>, peer: SocketAddr) -> Response<Body> {
        let counted = metrics::call(request.uri().path());
        let answer = self.inner.forward(request, Entrance::Outside(peer)).await;
        let answer = answer.unwrap_or_else(|refusal| {
            debug!(%peer, reason = %refusal, "call refused");
            let refusal = Status::from(refusal);
            metrics::refused(&refusal);
            refusal.into_http()
        });
        counted.answered(answer)
    }

    /// The projection, for what the gateway gives out to anybody.
    pub fn projection(&self) -> Channel {
        self.inner.projection.clone()
    }

    /// A channel for the gateway's own pages: the calls on it are this person's, and go through the same door.
    pub fn for_person(&self, principal: Principal) -> Inside {
        Inside::new(self.clone(), principal)
    }
}

impl Inner {
    async fn forward(
        &self,
        request: Request<Body>,
        entrance: Entrance,
    ) -> Result<Response<Body>, Refusal> {
        // Step 1: what is not there is not there for anyone, so this tells a stranger nothing.
        let path = request.uri().path().to_owned();
        let method = PublicMethod::of(&path).ok_or(Refusal::MethodUnknown)?;
        // Step 2: who calls, and may he.
        let caller = self.caller(&method, entrance, request.headers()).await?;
        // Step 3: only a caller who may is told what else is wrong.
        let call = Call::of(request.headers(), &self.clock)?;
        let span = info_span!(
            "call",
            otel.kind = "server",
            otel.name = path,
            rpc.system = "grpc",
            service = "gateway",
            actor = caller.principal().map(|principal| &*principal.actor),
            request_id = call.request_id,
            correlation_id = %call.correlation_id,
        );
        let admitted = Admitted {
            path,
            method,
            caller,
            call,
        };
        self.pass_on(request, admitted).instrument(span).await
    }

    /// Who calls, where he may call this method.
    async fn caller(
        &self,
        method: &PublicMethod,
        entrance: Entrance,
        headers: &HeaderMap,
    ) -> Result<Caller, Refusal> {
        let principal = match entrance {
            Entrance::Outside(peer) if method.needs.is_none() => {
                let source = network(peer.ip());
                return match self.strangers.take(source) {
                    true => Ok(Caller::Stranger(source)),
                    false => Err(Refusal::TooOften),
                };
            }
            Entrance::Outside(_) => self.principal(headers).await?,
            Entrance::Inside(principal) => principal,
        };
        method.admit(&principal)?;
        Ok(Caller::Known(principal))
    }

    async fn pass_on(
        &self,
        request: Request<Body>,
        admitted: Admitted,
    ) -> Result<Response<Body>, Refusal> {
        let Admitted {
            method,
            caller,
            call,
            ..
        } = &admitted;
        let owner = method.owner;
        // Strangers have places and a patience of their own: whoever dawdles among them holds up nobody else.
        let (places, longest) = match caller {
            Caller::Known(_) => (&self.calls, LONGEST_WAIT),
            Caller::Stranger(_) => (&self.strangers_calls, STRANGERS_WAIT),
        };
        let place = places.take(caller.key()).ok_or(Refusal::TooManyCalls)?;

        // What a method must be able to take is not cut short by a setting for all the others.
        let declared = method.max_request_bytes.unwrap_or_default();
        let limit = self.max_request_bytes.max(declared);
        let too_long = TooLong::default();
        let request = request.map(|body| relay::bounded(body, limit, too_long.clone()));
        let onward = onward(request, &admitted)?;
        let begun = Instant::now();
        let wait = call.timeout.unwrap_or(longest).min(longest);
        let answer = tokio::time::timeout_at(begun + wait, self.send(owner, onward)).await;
        let response = match answer {
            // A service that lost half a request answers something: the cause is what counts.
            _ if too_long.get() => Err(Refusal::RequestTooLarge { limit }),
            Ok(Ok(response)) if !gave_up(&response) => Ok(response),
            Ok(Err(e)) if !timed_out(&e) => {
                let service = owner.service();
                let error = &e as &dyn std::error::Error;
                warn!(service, error, "service does not answer");
                Err(Refusal::ServiceUnavailable { service })
            }
            _ => Err(Refusal::DeadlineExceeded { after: wait }),
        };
        let deadline = call.timeout.map(|after| (begun + after, after));
        let end = self.end(caller.clone(), place, deadline);
        let mut response = response?.map(|body| Body::new(Relay::new(body, owner.service(), end)));
        if let Ok(id) = HeaderValue::try_from(call.correlation_id.to_string()) {
            response.headers_mut().insert(CORRELATION_ID, id);
        }
        Ok(response)
    }

    async fn principal(&self, headers: &HeaderMap) -> Result<Principal, Refusal> {
        let token = call::bearer(headers)?;
        self.bearers.holder(token).await.map_err(|e| match e {
            TokenError::Unknown => Refusal::TokenUnknown,
            TokenError::Unreadable { .. } | TokenError::Database(_) => {
                error!(error = &e as &dyn std::error::Error, "cannot check a token");
                Refusal::TokensUnreadable
            }
        })
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
        caller: Caller,
        place: Place<String>,
        deadline: Option<(Instant, Duration)>,
    ) -> End {
        let (bearers, stopping) = (self.bearers.clone(), self.stopping.clone());
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
                () = ended(&bearers, &caller) => Refusal::TokenUnknown,
            }
        })
    }
}

/// The request that the service gets: the same body, and headers of the gateway's own.
fn onward(request: Request<Body>, admitted: &Admitted) -> Result<Request<Body>, Refusal> {
    let (parts, body) = request.into_parts();
    let (caller, call) = (&admitted.caller, &admitted.call);
    let mut onward = Request::new(body);
    *onward.method_mut() = Method::POST;
    *onward.version_mut() = Version::HTTP_2;
    // A known method's path is a URI.
    *onward.uri_mut() = Uri::try_from(&*admitted.path).map_err(|_| Refusal::MethodUnknown)?;
    let trace = runtime::telemetry::traceparent();
    *onward.headers_mut() = call.onward(&parts.headers, caller.principal(), trace);
    // For the gateway's own services; nothing of it leaves the process.
    match caller {
        Caller::Known(principal) => drop(onward.extensions_mut().insert(principal.clone())),
        Caller::Stranger(source) => drop(onward.extensions_mut().insert(Source(*source))),
    }
    onward.extensions_mut().insert(runtime::Caller {
        service: Owner::Gateway.service().into(),
        actor: caller.key(),
        certificates: caller.certificates(),
        request_id: call.request_id.clone(),
        correlation_id: call.correlation_id,
        causation_id: None,
        unchanged_since: call.unchanged_since,
        method: admitted.path.clone(),
    });
    Ok(onward)
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

/// Waits until what let the caller in has ended, or lets him do less.
async fn ended(bearers: &Bearers, caller: &Caller) {
    let Caller::Known(principal) = caller else {
        return std::future::pending().await;
    };
    loop {
        tokio::time::sleep(HOLD_CHECK).await;
        if !bearers.still_hold(principal).await {
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

/// How often a long answer looks whether its caller still may: he shall not outlive a revocation by a second.
const HOLD_CHECK: Duration = Duration::from_millis(500);

/// Calls of one address (IPv6: one /64) without a token: health checks of load balancers, command lines that wait
/// for their person to sign in.
const STRANGERS_BURST: u32 = 100;
const STRANGERS_EVERY: Duration = Duration::from_millis(100);
const MAX_STRANGERS: usize = 10_000;
const STRANGERS_WAIT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
