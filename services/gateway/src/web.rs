//! What a browser finds on the https port: pages that work without script.
//!
//! A request walks [`visitor`] (who asks) → a page → [`headers`]. What a page changes comes as a form, and
//! [`form`] reads only our own. Templates are in `templates/`, the stylesheet in `assets/`; where there is no page,
//! [`problem`] says what to do.

mod asset;
mod cookie;
mod form;
mod headers;
mod next;
mod problem;
mod qr;
mod visitor;
