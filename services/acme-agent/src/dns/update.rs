//! Changing a zone (RFC 2136), signed with a shared key (RFC 8945).

use std::{fmt, net::SocketAddr};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use hickory_proto::{
    op::{Message, ResponseCode, update_message},
    rr::{
        Name, RData, RecordSet, RecordType, TSigner,
        rdata::{
            TXT,
            tsig::{TsigAlgorithm, TsigError},
        },
    },
};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::{DnsError, exchange};

/// A shared key.
#[derive(Clone)]
pub struct TsigKey {
    signer: TSigner,
}

/// Nothing can be signed with what was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TsigKeyError {
    /// The key's name is none.
    #[error("it is not a key's name such as \"chancery\" or \"chancery.example.com\"")]
    Name,
    /// The secret is no base64.
    #[error("it is not base64: copy it as tsig-keygen shows it")]
    Secret,
    /// Another algorithm.
    #[error("it is not known here; use hmac-sha256, hmac-sha384 or hmac-sha512")]
    Algorithm,
}

impl TsigKey {
    /// From what is given to people: its name, its secret in base64, and what it signs with (empty: hmac-sha256).
    ///
    /// # Errors
    /// See [`TsigKeyError`].
    pub fn new(name: &str, secret: &str, algorithm: &str) -> Result<Self, TsigKeyError> {
        let algorithm = match algorithm.trim().to_ascii_lowercase().as_str() {
            "" | "hmac-sha256" => TsigAlgorithm::HmacSha256,
            "hmac-sha384" => TsigAlgorithm::HmacSha384,
            "hmac-sha512" => TsigAlgorithm::HmacSha512,
            _ => return Err(TsigKeyError::Algorithm),
        };
        let name = name.trim();
        let name = Some(name).filter(|name| !name.is_empty() && *name != ".");
        let name = name.and_then(|name| Name::from_ascii(name).ok());
        let name = name.ok_or(TsigKeyError::Name)?;
        let secret = BASE64.decode(secret.trim()).map(Zeroizing::new);
        let secret = secret.map_err(|_| TsigKeyError::Secret)?;
        if secret.is_empty() {
            return Err(TsigKeyError::Secret);
        }
        let signer = TSigner::new(secret.to_vec(), algorithm, name, FUDGE);
        let signer = signer.map_err(|_| TsigKeyError::Algorithm)?;
        Ok(Self { signer })
    }

    /// Its name, without the final dot.
    pub fn name(&self) -> String {
        super::resolver::written(self.signer.signer_name())
    }
}

impl fmt::Debug for TsigKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TsigKey")
    }
}

/// A zone was not changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// The server does not know the key.
    #[error("{server} does not know a TSIG key of this name and algorithm")]
    UnknownKey {
        /// Its address.
        server: String,
    },
    /// The server knows the key with another secret.
    #[error("{server} finds the signature wrong: its key has another secret")]
    WrongSecret {
        /// Its address.
        server: String,
    },
    /// Its clock and ours are too far apart.
    #[error("{server} finds the signature too old or too new: its clock or ours is wrong")]
    WrongTime {
        /// Its address.
        server: String,
    },
    /// The key may not do that.
    #[error("{server} does not let this key change TXT records of {zone}")]
    NotAllowed {
        /// Its address.
        server: String,
        /// The zone.
        zone: String,
    },
    /// It is not the zone's primary.
    #[error("{server} does not take changes of the zone {zone}")]
    NotPrimary {
        /// Its address.
        server: String,
        /// The zone.
        zone: String,
    },
    /// Something else.
    #[error("{server} answered the change of {zone} with {code}")]
    Other {
        /// Its address.
        server: String,
        /// The zone.
        zone: String,
        /// What it says.
        code: ResponseCode,
    },
    /// Somebody answered who does not have the key.
    #[error("the answer of {server} is not signed with the key")]
    Forged {
        /// Its address.
        server: String,
    },
    /// It could not be asked.
    #[error(transparent)]
    Dns(#[from] DnsError),
}

/// What is to be done with one TXT value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is to be there, beside others.
    Add,
    /// It is to be gone; others stay.
    Remove,
}

/// Has the primary server change one TXT value of a zone.
///
/// # Errors
/// Why it is not changed.
pub async fn change(
    server: SocketAddr,
    key: &TsigKey,
    zone: &Name,
    owner: &Name,
    value: &str,
    change: Change,
    now: OffsetDateTime,
) -> Result<(), UpdateError> {
    if !zone.zone_of(owner) {
        let name = super::resolver::written(owner);
        return Err(DnsError::NoZone { name }.into());
    }
    let mut records = RecordSet::with_ttl(owner.clone(), RecordType::TXT, TTL);
    records.add_rdata(RData::TXT(TXT::new(vec![value.to_owned()])));
    let mut message = match change {
        Change::Add => update_message::append(records, zone.clone(), false, false),
        Change::Remove => update_message::delete_by_rdata(records, zone.clone(), false),
    };
    let now = u64::try_from(now.unix_timestamp()).unwrap_or_default();
    let signed = key.signer.sign_message(&message, now);
    // An HMAC over a message that can be written does not fail.
    let (signature, verifier) = signed.map_err(|_| garbled(server))?;
    let sent_unsigned = message.clone();
    message.set_signature(signature);
    let octets = exchange::encode(&message, server)?;
    let answered = exchange::tell(server, &octets).await?;
    let answer = exchange::decode(&answered, &sent_unsigned, server)?;
    let at = server.to_string();
    let zone = super::resolver::written(zone);
    // A refusal for the key's sake cannot be signed with it (RFC 8945, section 5.3.2).
    match answer.metadata.response_code {
        ResponseCode::NoError => {
            let verified = verifier.map(|mut verifier| verifier.verify(&answered));
            match verified {
                Some(Ok(_)) => Ok(()),
                Some(Err(_)) | None => Err(UpdateError::Forged { server: at }),
            }
        }
        ResponseCode::NotAuth => Err(match tsig_error(&answer) {
            Some(TsigError::BadKey) => UpdateError::UnknownKey { server: at },
            Some(TsigError::BadSig | TsigError::BadTrunc) => {
                UpdateError::WrongSecret { server: at }
            }
            Some(TsigError::BadTime) => UpdateError::WrongTime { server: at },
            Some(TsigError::Unknown(_)) | None => UpdateError::NotPrimary { server: at, zone },
        }),
        ResponseCode::NotZone | ResponseCode::NotImp => {
            Err(UpdateError::NotPrimary { server: at, zone })
        }
        ResponseCode::Refused => Err(UpdateError::NotAllowed { server: at, zone }),
        code => Err(UpdateError::Other {
            server: at,
            zone,
            code,
        }),
    }
}

fn tsig_error(answer: &Message) -> Option<TsigError> {
    answer.signature.as_ref()?.data.error
}

fn garbled(server: SocketAddr) -> DnsError {
    DnsError::Garbled {
        server: server.to_string(),
    }
}

/// For how long a record may be kept by others: it is gone in minutes.
pub const TTL: u32 = 60;

/// How many seconds two clocks may be apart (RFC 8945, section 10).
const FUDGE: u16 = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_what_tsig_keygen_prints() {
        let key = |name, secret, algorithm| TsigKey::new(name, secret, algorithm).map(|_| ());
        let secret = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
        for algorithm in [
            "",
            "hmac-sha256",
            "hmac-sha384",
            "hmac-sha512",
            " HMAC-SHA512 ",
        ] {
            assert_eq!(key("chancery", secret, algorithm), Ok(()));
        }
        assert_eq!(
            key("chancery", secret, "hmac-md5"),
            Err(TsigKeyError::Algorithm)
        );
        assert_eq!(key("", secret, ""), Err(TsigKeyError::Name));
        assert_eq!(key(".", secret, ""), Err(TsigKeyError::Name));
        assert_eq!(
            key("chancery", "not base64!", ""),
            Err(TsigKeyError::Secret)
        );
        assert_eq!(key("chancery", "", ""), Err(TsigKeyError::Secret));
    }

    #[test]
    fn a_key_is_silent() {
        let key = TsigKey::new("chancery", "c2VjcmV0", "").unwrap();
        assert_eq!(format!("{key:?}"), "TsigKey");
        assert_eq!(key.name(), "chancery");
    }
}
