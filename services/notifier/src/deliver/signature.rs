//! How a webhook's receiver knows that a message is ours, and not an old one: HMAC-SHA256 over its time and body.

use aws_lc_rs::hmac;
use time::OffsetDateTime;

/// The header that carries it: `t=<seconds since 1970>,v1=<hex>`.
pub const HEADER: &str = "chancery-signature";

/// The value of [`HEADER`] for this body, at this time: the MAC covers `<t>.<body>`.
pub fn sign(key: &str, body: &[u8], now: OffsetDateTime) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    let time = now.unix_timestamp().to_string();
    let mut context = hmac::Context::with_key(&key);
    context.update(time.as_bytes());
    context.update(b".");
    context.update(body);
    let mac = pki::fingerprint::hex(context.sign().as_ref());
    format!("t={time},v1={mac}")
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn it_is_what_openssl_computes() {
        // printf '%s' '1795593600.{"a":1}' | openssl dgst -sha256 -hmac 'a secret of ours'
        let now = datetime!(2026-11-25 08:00 UTC);
        assert_eq!(now.unix_timestamp(), 1_795_593_600);
        let signature = sign("a secret of ours", br#"{"a":1}"#, now);
        let known =
            "t=1795593600,v1=bc469195cefcf9443332fc09d6f3a045649f9c539280eb4528eb1b1985bf95be";
        assert_eq!(signature, known);
    }
}
