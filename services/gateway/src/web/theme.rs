//! Light or dark: what a browser's person chose, in a cookie; without one, what his system says.

use std::future::Future;

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, header::SET_COOKIE},
    middleware::Next,
    response::Response,
};
use serde::Deserialize;

use super::{cookie::Cookie, form::Posted, page::see_other};

/// What was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// The choice in a form.
#[derive(Deserialize)]
pub struct Choose {
    theme: Theme,
    #[serde(default)]
    next: Option<String>,
}

tokio::task_local! {
    /// That of the request that this task answers.
    static CHOSEN: Option<Theme>;
}

/// `POST /theme`
pub async fn choose(Posted(form): Posted<Choose>) -> Response {
    let mut response = see_other(form.next.as_deref().unwrap_or("/"));
    if let Ok(field) = HeaderValue::try_from(Cookie::Theme.keep_text(form.theme.word())) {
        response.headers_mut().append(SET_COOKIE, field);
    }
    response
}

/// Answers a request in its browser's theme.
pub async fn enter(request: Request, next: Next) -> Response {
    in_theme(Theme::of(request.headers()), next.run(request)).await
}

/// The attribute of the page that is made now: empty where nothing was chosen.
pub fn attribute() -> &'static str {
    let chosen = CHOSEN.try_with(|theme| *theme).ok().flatten();
    match chosen {
        None => "",
        Some(Theme::Light) => r#" data-theme="light""#,
        Some(Theme::Dark) => r#" data-theme="dark""#,
    }
}

/// The one that is offered instead.
pub fn offered() -> &'static str {
    match CHOSEN.try_with(|theme| *theme).ok().flatten() {
        Some(Theme::Dark) => Theme::Light.word(),
        Some(Theme::Light) | None => Theme::Dark.word(),
    }
}

fn in_theme<F: Future>(theme: Option<Theme>, page: F) -> impl Future<Output = F::Output> {
    CHOSEN.scope(theme, page)
}

impl Theme {
    fn of(headers: &HeaderMap) -> Option<Theme> {
        match Cookie::Theme.text(headers)? {
            "light" => Some(Theme::Light),
            "dark" => Some(Theme::Dark),
            _ => None,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_page_is_in_its_own_browsers_theme() {
        assert_eq!(attribute(), "");
        let dark = in_theme(Some(Theme::Dark), async { attribute() }).await;
        assert_eq!(dark, r#" data-theme="dark""#);
        for (cookie, theme) in [
            ("__Host-chancery-theme=dark", Some(Theme::Dark)),
            ("__Host-chancery-theme=light", Some(Theme::Light)),
            ("__Host-chancery-theme=\"><script>", None),
            ("other=dark", None),
        ] {
            let headers = HeaderMap::from_iter([(
                axum::http::header::COOKIE,
                HeaderValue::from_static(cookie),
            )]);
            assert_eq!(Theme::of(&headers), theme, "{cookie}");
        }
    }
}
