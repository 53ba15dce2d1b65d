//! HTTP-01 (RFC 8555, section 8.3): every gateway answers it, from a bucket that is filled here.

use async_nats::jetstream::{self, kv};
use bytes::Bytes;

/// Why an answer is not in place.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// A CA's token that no gateway would look up (RFC 8555, section 8.1: base64url).
    #[error("the CA's token is not base64url of at most 128 characters")]
    Token,
    /// The bucket did not take it.
    #[error("the bucket of challenges did not take the answer")]
    Bucket(#[source] kv::PutError),
}

/// Where the gateways find the answers.
#[derive(Clone)]
pub struct Answers(kv::Store);

impl Answers {
    /// Opens the bucket, which `chancery init` makes.
    ///
    /// # Errors
    /// Where it is not there, or NATS does not answer.
    pub async fn open(nats: async_nats::Client) -> Result<Self, jetstream::context::KeyValueError> {
        let jetstream = jetstream::new(nats);
        let bucket = jetstream.get_key_value(api::challenge::BUCKET).await?;
        Ok(Self(bucket))
    }

    /// Puts an answer in place. It leaves by itself after [`api::challenge::LIFE`].
    ///
    /// # Errors
    /// See [`AnswerError`].
    pub async fn put(&self, token: &str, key_authorization: String) -> Result<(), AnswerError> {
        if !api::challenge::is_token(token) {
            return Err(AnswerError::Token);
        }
        let put = self.0.put(token, Bytes::from(key_authorization)).await;
        put.map(drop).map_err(AnswerError::Bucket)
    }
}
