//! What a page is asked for: its query string, where a name may stand several times.

use axum::{extract::FromRequestParts, http::request::Parts};
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// A query string, read into `T`; a list for what may be there several times.
#[derive(Debug, Clone)]
pub struct Asked<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Asked<T>, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let asked = serde_html_form::from_str(query);
        asked.map(Asked).map_err(|_| Problem::NotFound)
    }
}

/// A page of ours, asked for this; what is empty is left out.
pub fn asking(path: &str, given: &[(&str, &str)]) -> String {
    let given = given.iter().filter(|(_, value)| !value.is_empty());
    let given = given.collect::<Vec<_>>();
    // Pairs of texts have a form.
    let query = serde_html_form::to_string(given).unwrap_or_default();
    match query.as_str() {
        "" => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}
