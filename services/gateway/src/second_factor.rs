//! The second factor: time-based one-time passwords (TOTP, RFC 6238), and recovery codes for who lost his device.
//!
//! What a device shares with us is sealed in the keystore ([`secret`]); which step was the last to be accepted,
//! and the hashes of recovery codes, are rows ([`row`]). [`factor`] puts them together.

pub mod base32;
pub mod factor;
pub mod recovery;
pub mod row;
pub mod secret;

use std::fmt;

use aws_lc_rs::{
    error::Unspecified,
    hmac::{self, HMAC_SHA1_FOR_LEGACY_USE_ONLY},
};
use subtle::ConstantTimeEq;
use time::OffsetDateTime;
use zeroize::{Zeroize, Zeroizing};

/// What a device and we share: 160 bits, the length of the hash (RFC 4226, section 4). Secret: `Debug` prints the
/// type's name only.
pub struct TotpSecret([u8; SECRET_BYTES]);

impl TotpSecret {
    /// A fresh one.
    ///
    /// # Errors
    /// When the machine gives no random bits.
    pub fn generate() -> Result<TotpSecret, Unspecified> {
        let mut secret = TotpSecret([0; SECRET_BYTES]);
        aws_lc_rs::rand::fill(&mut secret.0)?;
        Ok(secret)
    }

    /// The one with these octets; `None` where they are not as many.
    pub fn from_octets(octets: &[u8]) -> Option<TotpSecret> {
        octets.try_into().ok().map(TotpSecret)
    }

    /// What is sealed.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }

    /// As people type it into a device that has no camera: base32.
    pub fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(base32::encode(&self.0))
    }

    /// What a device's camera reads (the "Key URI Format" that authenticator apps share). Parameters that have the
    /// usual values are named all the same: some apps have other defaults.
    pub fn uri(&self, issuer: &str, account: &str) -> Zeroizing<String> {
        let (issuer, account) = (percent(issuer), percent(account));
        let secret = self.text();
        Zeroizing::new(format!(
            "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}",
            *secret
        ))
    }

    /// The step at which this is the code, where `now` lies in it or in one beside it, and no later one than `last` was
    /// accepted already (RFC 6238, section 5.2). `None`: it is no code of now.
    pub fn accepts(&self, code: &str, now: OffsetDateTime, last: Option<u64>) -> Option<u64> {
        let code = digits(code)?;
        let current = step(now);
        let mut accepted = None;
        // All three are looked at, however early one fits.
        for at in current.saturating_sub(1)..=current + 1 {
            let fits = self.code(at).as_bytes().ct_eq(&code);
            if bool::from(fits) && last.is_none_or(|last| at > last) {
                accepted = Some(at);
            }
        }
        accepted
    }

    /// The code that a device shows at this time.
    #[cfg(test)]
    pub fn shown_at(&self, at: OffsetDateTime) -> String {
        self.code(step(at))
    }

    /// The code of a step (RFC 4226, section 5.3).
    fn code(&self, step: u64) -> String {
        let key = hmac::Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let tag = tag.as_ref();
        // The last four bits say where in the 20 octets the four begin.
        let at = usize::from(tag[tag.len() - 1] & 0x0f);
        let mut four = [0; 4];
        four.copy_from_slice(&tag[at..at + 4]);
        let number = u32::from_be_bytes(four) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }
}

impl Drop for TotpSecret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret")
    }
}

/// The step that a time lies in.
fn step(at: OffsetDateTime) -> u64 {
    u64::try_from(at.unix_timestamp()).unwrap_or(0) / STEP_SECONDS
}

/// The six digits that a person typed, with or without blanks between them.
fn digits(typed: &str) -> Option<[u8; DIGITS]> {
    let digits = typed.bytes().filter(|byte| *byte != b' ');
    let digits = digits.take(DIGITS + 1).collect::<Vec<_>>();
    let digits = <[u8; DIGITS]>::try_from(digits).ok()?;
    digits.iter().all(u8::is_ascii_digit).then_some(digits)
}

/// Percent-encoded but for what is unreserved (RFC 3986, section 2.3).
fn percent(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// 160 bits.
const SECRET_BYTES: usize = 20;
const DIGITS: usize = 6;
const STEP_SECONDS: u64 = 30;

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    fn secret() -> TotpSecret {
        TotpSecret::from_octets(b"12345678901234567890").unwrap()
    }

    fn at(seconds: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(seconds).unwrap()
    }

    /// RFC 6238, appendix B (its codes have eight digits: ours are the last six), and RFC 4226, appendix D.
    #[test]
    fn the_codes_are_those_of_the_rfcs() {
        for (seconds, code) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            let code = &code[2..];
            assert_eq!(secret().code(step(at(seconds))), code, "{seconds}");
            assert!(secret().accepts(code, at(seconds), None).is_some());
        }
        let counted = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583",
            "399871", "520489",
        ];
        for (n, code) in (0..).zip(counted) {
            assert_eq!(secret().code(n), code);
        }
    }

    #[test]
    fn a_code_is_good_in_its_step_and_in_those_beside_it_and_once() {
        let (secret, now) = (secret(), at(1_000_000_000));
        let code = secret.code(step(now));
        for (beside, good) in [
            (-60, false),
            (-30, true),
            (0, true),
            (30, true),
            (60, false),
        ] {
            let then = now + Duration::seconds(beside);
            assert_eq!(
                secret.accepts(&code, then, None).is_some(),
                good,
                "{beside}"
            );
        }
        let used = secret.accepts(&code, now, None);
        assert_eq!(used, Some(step(now)));
        assert_eq!(secret.accepts(&code, now, used), None, "a replay");
        let earlier = secret.code(step(now) - 1);
        assert_eq!(secret.accepts(&earlier, now, used), None, "one before it");
        let next = secret.code(step(now) + 1);
        assert!(secret.accepts(&next, now, used).is_some());
    }

    #[test]
    fn what_is_no_code_is_none() {
        let (secret, now) = (secret(), at(59));
        assert!(secret.accepts("287 082", now, None).is_some());
        for typed in [
            "",
            "28708",
            "2870820",
            "287O82",
            "２８７０８２",
            "-87082",
            &" ".repeat(1 << 16),
        ] {
            assert_eq!(secret.accepts(typed, now, None), None, "{typed:.20}");
        }
    }

    #[test]
    fn the_uri_is_what_apps_read() {
        assert_eq!(
            *secret().uri("Chancery", "rosa+x@example.com"),
            "otpauth://totp/Chancery:rosa%2Bx%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Chancery&algorithm=SHA1&digits=6&period=30"
        );
    }

    #[test]
    fn a_secret_is_silent_and_each_is_another() {
        assert_eq!(format!("{:?}", secret()), "TotpSecret");
        let (a, b) = (
            TotpSecret::generate().unwrap(),
            TotpSecret::generate().unwrap(),
        );
        assert_ne!(a.octets(), b.octets());
        assert!(TotpSecret::from_octets(&[0; 19]).is_none());
    }
}
