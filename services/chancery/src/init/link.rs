//! The set-up link: with it the first person makes himself the first administrator.

use std::{fs, net::SocketAddr, path::PathBuf};

use gateway::set_up::{self, Known, SetUpCode};
use runtime::Layout;
use time::OffsetDateTime;

use super::{InitError, failed};
use crate::{files, up::screen::Screen};

/// Where the link is for the operator (0600).
pub fn file(layout: &Layout) -> PathBuf {
    layout.data_dir().join("set-up-link")
}

/// Makes a link where there is none that is good, as long as the set-up is not done; `true` where it did.
pub fn make_if_due(
    layout: &Layout,
    config: &gateway::Config,
    now: OffsetDateTime,
    not_set_up: bool,
) -> Result<bool, InitError> {
    let (digest, link) = (set_up::digest_file(layout), file(layout));
    if !digest.exists() && !not_set_up {
        // Nobody needs what is left of it.
        return match fs::remove_file(&link) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(&link)(error)),
            Ok(()) | Err(_) => Ok(false),
        };
    }
    // One that cannot be read is made anew.
    let known = Known::read(&digest).ok().flatten();
    if known.is_some_and(|known| known.until > now) && link.exists() {
        return Ok(false);
    }
    // Step 1: what the gateway compares. A crash after this leaves the digest of a link that nobody has: the next
    // run makes both anew, for the old link is gone.
    let code = SetUpCode::generate(now).map_err(|_| InitError::Random)?;
    let _ = fs::remove_file(&link);
    files::write_private(&digest, code.file_text().as_bytes()).map_err(failed(&digest))?;
    // Step 2: the link itself.
    let url = url(address(config), code.text());
    files::write_private(&link, format!("{url}\n").as_bytes()).map_err(failed(&link))?;
    Ok(true)
}

/// Writes the link with the address that the gateway has now; `None` where there is no link.
pub fn at(layout: &Layout, https: SocketAddr) -> Result<Option<String>, InitError> {
    let link = file(layout);
    if !set_up::digest_file(layout).exists() {
        return Ok(None);
    }
    let Ok(text) = fs::read_to_string(&link) else {
        return Ok(None);
    };
    let Some((_, code)) = text.trim().split_once("code=") else {
        return Ok(None);
    };
    let url = url(https, code);
    files::write_private(&link, format!("{url}\n").as_bytes()).map_err(failed(&link))?;
    Ok(Some(url))
}

/// A link with this code.
pub fn url(https: SocketAddr, code: &str) -> String {
    Screen::url(https) + &set_up::link_path(code)
}

/// Where the gateway is to be reached, as it is configured.
pub fn address(config: &gateway::Config) -> SocketAddr {
    let port = config.public_https_port.unwrap_or(config.https.port());
    (config.https.ip(), port).into()
}
