//! Files that pages need: the stylesheet, the script and the seal. Their paths have their hash, so that browsers keep them for ever.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    extract::Path,
    http::{
        HeaderMap,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use bytes::Bytes;

use super::{compress, page::see_other, problem::Problem};

/// The stylesheet's path.
pub fn stylesheet() -> &'static str {
    &STYLESHEET.path
}

/// The script's path.
pub fn script() -> &'static str {
    &SCRIPT.path
}

/// The path of the icon that a browser shows beside the title.
pub fn icon() -> &'static str {
    &ICON.path
}

/// Gives a file out.
pub async fn get(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let asset = [&*STYLESHEET, &*SCRIPT, &*ICON]
        .into_iter()
        .find(|asset| asset.path[PREFIX.len()..] == name);
    match asset {
        Some(asset) => {
            let kept = [
                (CONTENT_TYPE, asset.media_type),
                (CACHE_CONTROL, "public, max-age=31536000, immutable"),
            ];
            match compress::is_understood(&headers) {
                true => (kept, compress::GZIP, asset.compressed.clone()).into_response(),
                false => (kept, compress::VARY, asset.content).into_response(),
            }
        }
        None => Problem::NotFound.into_response(),
    }
}

/// The icon, for browsers that look for it where it always was.
pub async fn icon_file() -> Response {
    see_other(icon())
}

struct Asset {
    path: String,
    media_type: &'static str,
    content: &'static str,
    /// The same, as small as it gets: once, at the first request.
    compressed: Bytes,
}

impl Asset {
    fn new(stem: &str, extension: &str, media_type: &'static str, content: &'static str) -> Asset {
        let digest = digest(&SHA256, content.as_bytes());
        let hash = digest.as_ref()[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"));
        let path = format!("{PREFIX}{stem}.{}.{extension}", hash.collect::<String>());
        Asset {
            path,
            media_type,
            content,
            compressed: compress::well(content.as_bytes()).into(),
        }
    }
}

static STYLESHEET: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "chancery",
        "css",
        "text/css; charset=utf-8",
        include_str!("../../assets/chancery.css"),
    )
});

static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "chancery",
        "js",
        "text/javascript; charset=utf-8",
        &LEAN_SCRIPT,
    )
});

/// The script without its comments and indents, which are for who reads it here.
static LEAN_SCRIPT: LazyLock<String> = LazyLock::new(|| {
    let lines = include_str!("../../assets/chancery.js")
        .lines()
        .map(str::trim_start);
    let mut lean = lines
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    lean.push('\n');
    lean
});

static ICON: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "seal",
        "svg",
        "image/svg+xml",
        include_str!("../../assets/seal.svg"),
    )
});

const PREFIX: &str = "/assets/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_small() {
        let bytes = SCRIPT.content.len();
        assert!(bytes < 8_000, "{bytes} bytes");
    }
}
