//! Who asks for a page: a person who is signed in, or a stranger; from where, and with which browser.

use std::net::IpAddr;

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{
        HeaderMap, HeaderValue, Method,
        header::{CONTENT_TYPE, SET_COOKIE, USER_AGENT},
        request::Parts,
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Desk, cookie::Cookie, counts::Counts, form, live, page::to, past::Past, problem::Problem,
};
use crate::{
    code::{Code, CodeDigest},
    commands::{OpenSession, Visit},
    connections::network,
    sign_in::Whence,
};

/// Who is at the other end of the connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// His address.
    pub address: IpAddr,
}

/// Who asks.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The session of a person who is signed in.
    pub session: Option<OpenSession>,
    /// What the browser's forms are bound to.
    pub form: CodeDigest,
    /// A sign-in that is half way.
    pub half_way: Option<CodeDigest>,
    /// Where he is, and with what.
    pub whence: Whence,
    /// For the sidebar of his page.
    pub counts: Option<Counts>,
    /// The moment that his page is of, where it is not of now.
    pub past: Option<Past>,
    /// The page, whatever its moment, where it may be one of the past.
    pub place: Option<String>,
}

/// A person who is signed in; who is not is sent to sign in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// All of him.
    pub visitor: Visitor,
    /// His session.
    pub session: OpenSession,
}

/// A person who has shown his password lately; who has not is asked for it.
#[derive(Debug, Clone)]
pub struct Fresh(pub SignedIn);

impl Visitor {
    /// The token of this browser's forms, as it is now.
    pub fn token(&self) -> String {
        form::token(self.form, self.session_id())
    }

    /// Which session, where there is one.
    pub fn session_id(&self) -> Option<Uuid> {
        self.session.as_ref().map(|session| session.id)
    }
}

/// Finds out who asks, and gives his browser the cookies that it is to have from now on.
pub async fn enter(State(desk): State<Desk>, mut request: Request, next: Next) -> Response {
    let headers = request.headers();
    let Some(peer) = request.extensions().get::<Peer>().copied() else {
        return Problem::NotFound.into_response();
    };
    let visit = Visit {
        address: peer.address,
        user_agent: user_agent(headers),
        by_itself: live::is_by_itself(&request),
    };
    let mut session = match Cookie::Session.text(headers) {
        Some(cookie) => match desk.commands.session(cookie, &visit).await {
            Ok(session) => session,
            Err(error) => return Problem::from(error).into_response(),
        },
        None => None,
    };
    let renewed = session.as_mut().and_then(|session| session.renewed.take());
    let known = Cookie::Form.digest(headers);
    let fresh = match known.map_or_else(|| Code::generate().map(Some), |_| Ok(None)) {
        Ok(fresh) => fresh,
        Err(error) => return Problem::broken("making a form's cookie")(error).into_response(),
    };
    let Some(form) = known.or(fresh.as_ref().map(Code::digest)) else {
        return Problem::Stale.into_response();
    };
    let mut visitor = Visitor {
        session,
        form,
        half_way: Cookie::HalfWay.digest(headers),
        whence: Whence {
            visit,
            network: network(peer.address),
            browser: Cookie::Browser.digest(headers),
        },
        counts: None,
        past: None,
        place: None,
    };
    if let Some(session) = visitor.session.clone()
        && request.method() == Method::GET
    {
        let person = SignedIn {
            visitor: visitor.clone(),
            session,
        };
        visitor.counts = desk.tally.now(&desk, &person).await;
    }
    request.extensions_mut().insert(visitor);
    let mut response = next.run(request).await;
    let shows_form = response.headers().get(CONTENT_TYPE).is_some_and(is_page);
    // What a page says of its session comes later, and counts.
    if let Some(cookie) = renewed.and_then(|code| Cookie::Session.keep(&code))
        && !says_session(response.headers())
    {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    if let Some(cookie) = fresh.and_then(|code| Cookie::Form.keep(&code))
        && shows_form
    {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

impl SignedIn {
    /// The time for which his page is told.
    pub fn now(&self, desk: &Desk) -> OffsetDateTime {
        let past = self.visitor.past.as_ref();
        past.map_or_else(|| desk.commands.clock.now(), |past| past.at)
    }
}

impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Visitor, Problem> {
        // Every page is behind `enter`.
        let visitor = parts.extensions.get::<Visitor>().cloned();
        visitor.ok_or(Problem::NotFound)
    }
}

impl<S: Sync> FromRequestParts<S> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<SignedIn, Response> {
        let visitor = Visitor::from_request_parts(parts, state).await;
        let visitor = visitor.map_err(Problem::into_response)?;
        match visitor.session.clone() {
            Some(session) => Ok(SignedIn { visitor, session }),
            None => Err(to("/sign-in", back(parts))),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Fresh {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Fresh, Response> {
        let person = SignedIn::from_request_parts(parts, state).await?;
        match person.session.fresh {
            true => Ok(Fresh(person)),
            false => Err(to("/confirm", back(parts))),
        }
    }
}

/// Where he wanted to go, if it can be gone to: a form is sent again by himself, from its page.
fn back(parts: &Parts) -> Option<&str> {
    let path = parts.uri.path_and_query().map(|path| path.as_str());
    match parts.method {
        Method::GET => path,
        _ => [
            "/account",
            "/automated",
            "/device",
            "/dns-providers",
            "/servers",
            "/setup/ca",
            "/settings/users",
            "/settings/tokens",
            "/settings/sign-in",
        ]
        .into_iter()
        .find(|place| parts.uri.path().starts_with(place)),
    }
}

fn user_agent(headers: &HeaderMap) -> String {
    let text = headers
        .get(USER_AGENT)
        .and_then(|agent| agent.to_str().ok());
    text.unwrap_or_default().to_owned()
}

fn is_page(media_type: &HeaderValue) -> bool {
    media_type.as_bytes().starts_with(b"text/html")
}

fn says_session(headers: &HeaderMap) -> bool {
    let name = format!("{}=", Cookie::Session.name());
    let mut cookies = headers.get_all(SET_COOKIE).iter();
    cookies.any(|cookie| cookie.as_bytes().starts_with(name.as_bytes()))
}
