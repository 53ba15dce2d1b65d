//! The bootstrap token: an administrator's, until the first person is set up.

use std::fs;

use gateway::tokens::{self, Token};
use runtime::Layout;

use super::{InitError, failed};
use crate::files;

/// Whether the gateway still takes it: the set-up is not done.
pub fn is_there(layout: &Layout, config: &gateway::Config) -> bool {
    let configured = config.bootstrap_token_sha256_file.clone();
    configured
        .unwrap_or_else(|| tokens::digest_file(layout))
        .exists()
}

/// Makes the token where there is none; `true` where it did.
pub fn make_if_missing(layout: &Layout, config: &gateway::Config) -> Result<bool, InitError> {
    let text = layout.bootstrap_token();
    let configured = config.bootstrap_token_sha256_file.clone();
    let digest = configured.unwrap_or_else(|| tokens::digest_file(layout));
    if text.exists() && digest.exists() {
        return Ok(false);
    }
    // Step 1: what the gateway compares. A crash after this leaves a digest of a token that nobody has: the next
    // run makes both anew.
    let token = Token::generate().map_err(|_| InitError::Random)?;
    files::write_private(&digest, token.digest().to_hex().as_bytes()).map_err(failed(&digest))?;
    // Step 2: the token itself.
    let _ = fs::remove_file(&text);
    files::write_private(&text, format!("{}\n", token.text()).as_bytes()).map_err(failed(&text))?;
    Ok(true)
}
