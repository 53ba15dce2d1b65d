//! What a browser finds on the https port: pages that work without script.
//!
//! A request walks [`visitor`] (who asks) → a page → [`headers`]. What a page changes comes as a form, and
//! [`form`] reads only our own. Templates are in `templates/`, the stylesheet in `assets/`; where there is no page,
//! [`problem`] says what to do.

mod account;
mod algorithm;
mod ask;
mod asked;
mod asset;
mod at;
mod audit;
mod automated;
mod certificates;
mod checkpoint;
mod compress;
mod confirm;
mod cookie;
mod counts;
mod create;
mod desk;
mod device;
mod dns_providers;
mod download;
mod event_words;
mod export;
mod factor;
mod filter;
mod form;
mod frame;
mod headers;
mod here;
mod import;
mod keys;
mod link;
mod live;
mod meanwhile;
mod next;
mod notifications;
mod overview;
mod page;
mod parts;
mod past;
mod problem;
mod qr;
mod queries;
mod refused;
mod requests;
mod review;
mod servers;
mod settings;
mod setup;
mod shortcuts;
mod sign_in;
mod start;
mod theme;
mod token;
mod upload;
mod visitor;
mod when;
mod wording;
mod wrong;

use std::net::SocketAddr;

use axum::{
    Router,
    body::Body as Content,
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use hyper::{Method, Request, body::Incoming};
use tokio_util::sync::CancellationToken;
use tonic::{body::Body, transport::Channel};
use tower::ServiceExt;
use tracing::Instrument;

use self::{counts::Tally, desk::Desk, problem::Problem, visitor::Peer};
pub use self::{live::Hub, settings::Facts};
use crate::{
    commands::{Commands, Refusals},
    follow::Progress,
    forward::Forwarder,
    second_factor::{factor::Factors, secret::Secrets},
    sign_in::SignIn,
};

/// All pages. Cheap to clone.
#[derive(Clone)]
pub struct Site {
    router: Router,
    factors: Factors,
    hub: Hub,
}

impl Site {
    /// Pages for these people, the secrets of whose second factors are in the keystore.
    pub fn new(
        commands: Commands,
        refusals: Refusals,
        keystore: Channel,
        forwarder: Forwarder,
        hub: Hub,
        facts: Facts,
    ) -> Site {
        let secrets = Secrets::new(keystore, commands.clock.clone());
        let factors = Factors::new(commands.clone(), secrets);
        let public = checkpoint::routes(forwarder.projection());
        let desk = Desk {
            sign_in: SignIn::new(commands.clone(), refusals, factors.clone()),
            factors: factors.clone(),
            commands,
            forwarder,
            tally: Tally::default(),
            uploads: upload::places(),
            hub: hub.clone(),
            facts,
        };
        let pages = Router::new()
            .route("/", get(start::page))
            .route("/sign-in", get(sign_in::page).post(sign_in::by_password))
            .route(
                "/sign-in/code",
                get(sign_in::code_page).post(sign_in::by_code),
            )
            .route("/sign-out", post(sign_in::out))
            .route("/link", get(link::page).post(link::follow))
            .route("/confirm", get(confirm::page).post(confirm::show))
            .route("/account", get(account::page))
            .route("/account/password", post(account::change_password))
            .route("/account/end-session", post(account::end_session))
            .route("/account/end-token", post(account::end_token))
            .route("/account/end-others", post(account::end_others))
            .route(
                "/account/second-factor",
                get(factor::page).post(factor::begin),
            )
            .route("/account/second-factor/add", post(factor::add))
            .route("/account/second-factor/remove", post(factor::remove))
            .route("/account/recovery-codes", post(factor::new_codes))
            .route("/device", get(device::page).post(device::ask))
            .route("/device/answer", post(device::answer))
            .route("/account/keys", post(shortcuts::choose))
            .route("/theme", post(theme::choose))
            .merge(past::routes())
            .merge(overview::routes())
            .merge(audit::routes())
            .merge(notifications::routes())
            .merge(certificates::routes())
            .merge(automated::routes())
            .merge(servers::routes())
            .merge(dns_providers::routes())
            .merge(setup::routes())
            .merge(create::routes())
            .merge(export::routes())
            .merge(import::routes())
            .merge(keys::routes())
            .merge(requests::routes())
            .merge(live::routes())
            .merge(settings::routes())
            .layer(middleware::from_fn_with_state(desk.clone(), past::enter))
            .layer(middleware::from_fn_with_state(desk.clone(), visitor::enter))
            .layer(middleware::from_fn_with_state(desk.clone(), live::enter))
            .with_state(desk);
        let router = Router::new()
            .merge(pages)
            .merge(public)
            .route("/assets/{name}", get(asset::get))
            .route("/favicon.ico", get(asset::icon_file))
            .fallback(async || Problem::NotFound)
            .method_not_allowed_fallback(async || Problem::MethodNotAllowed)
            .layer(middleware::from_fn(theme::enter))
            .layer(middleware::from_fn(shortcuts::enter))
            .layer(middleware::from_fn(compress::pages));
        Site {
            router,
            factors,
            hub,
        }
    }

    /// What is to be done beside pages, until `stopping`.
    pub async fn chores(&self, projection: Channel, rows: &Progress, stopping: &CancellationToken) {
        tokio::join!(
            self.factors.sweep(stopping),
            self.hub.follow(projection, rows),
        );
    }

    /// Answers a request that is not gRPC.
    ///
    /// `own_certificate`: see [`headers::put`].
    pub async fn answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        own_certificate: bool,
    ) -> Response<Body> {
        let mut response = match *request.method() {
            Method::GET | Method::HEAD | Method::POST => self.page(request, peer).await,
            _ => Problem::MethodNotAllowed.into_response(),
        };
        headers::put(response.headers_mut(), own_certificate);
        response.map(Body::new)
    }

    async fn page(&self, request: Request<Incoming>, peer: SocketAddr) -> Response {
        let mut request = request.map(Content::new);
        let address = peer.ip().to_canonical();
        request.extensions_mut().insert(Peer { address });
        // It goes on to its end although the browser goes away: what is in the database is then followed by its event.
        let page = self.router.clone().oneshot(request).in_current_span();
        match tokio::spawn(page).await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(error) => Problem::broken("making a page")(error).into_response(),
        }
    }
}

#[cfg(test)]
mod tests;
