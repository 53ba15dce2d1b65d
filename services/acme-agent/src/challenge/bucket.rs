//! The bucket from which every gateway answers HTTP-01 (RFC 8555, section 8.3) and TLS-ALPN-01 (RFC 8737).

use api::challenge::{self, Proof};
use async_nats::jetstream::{self, kv};
use bytes::Bytes;

/// Why an answer is not in place.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// A CA's token that no gateway would look up (RFC 8555, section 8.1: base64url).
    #[error("the CA's token is not base64url of at most 128 characters")]
    Token,
    /// A CA's identifier that no gateway would look up.
    #[error("the CA's identifier is neither a host name nor an address")]
    Identifier,
    /// The bucket did not take it.
    #[error("the bucket of challenges did not take the answer")]
    Bucket(#[source] kv::PutError),
}

/// Where the gateways find the answers. They leave by themselves after [`challenge::LIFE`].
#[derive(Clone)]
pub struct Answers(kv::Store);

impl Answers {
    /// Opens the bucket, which `chancery init` makes.
    ///
    /// # Errors
    /// Where it is not there, or NATS does not answer.
    pub async fn open(nats: async_nats::Client) -> Result<Self, jetstream::context::KeyValueError> {
        let jetstream = jetstream::new(nats);
        let bucket = jetstream.get_key_value(challenge::BUCKET).await?;
        Ok(Self(bucket))
    }

    /// Puts the answer to HTTP-01 in place.
    ///
    /// # Errors
    /// See [`AnswerError`].
    pub async fn put_http_01(
        &self,
        token: &str,
        key_authorization: String,
    ) -> Result<(), AnswerError> {
        if !challenge::is_token(token) {
            return Err(AnswerError::Token);
        }
        self.put(token, key_authorization).await
    }

    /// Puts what gateways make the certificate of TLS-ALPN-01 from in place.
    ///
    /// # Errors
    /// See [`AnswerError`].
    pub async fn put_tls_alpn_01(
        &self,
        identifier: &str,
        key_authorization: &str,
    ) -> Result<(), AnswerError> {
        let key = challenge::tls_alpn_01_key(&challenge::server_name(identifier));
        let key = key.ok_or(AnswerError::Identifier)?;
        let proof = Proof {
            identifier: identifier.to_owned(),
            digest: super::digest(key_authorization),
        };
        self.put(&key, proof.to_text()).await
    }

    async fn put(&self, key: &str, text: String) -> Result<(), AnswerError> {
        let put = self.0.put(key, Bytes::from(text)).await;
        put.map(drop).map_err(AnswerError::Bucket)
    }
}
