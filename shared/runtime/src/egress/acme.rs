//! The same way out for ACME.

use std::{pin::Pin, time::Duration};

use bytes::Bytes;
use http::{
    Request, Response,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use http_body_util::{BodyExt, Full};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};

use super::{Client, EgressError, client};

impl HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let client = self.clone();
        Box::pin(async move {
            let answer = client.ask(request).await;
            let answer = answer.map_err(|error| Error::Other(Box::new(error)))?;
            Ok(BytesResponse::from(answer.map(Full::new)))
        })
    }
}

impl Client {
    async fn ask(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Result<Response<Bytes>, EgressError> {
        let (parts, body) = request.into_parts();
        let url = client::parse(&parts.uri.to_string())?;
        // RFC 8555, section 6.1: always HTTPS.
        if url.scheme() != "https" {
            return Err(client::wrong(
                url.as_str(),
                "an ACME server's URLs begin with https://",
            ));
        }
        let body = match body.collect().await {
            Ok(body) => body.to_bytes(),
            Err(never) => match never {},
        };
        let host = client::host_of(&url);
        let answer = self.send(Request::from_parts(parts, body)).await?;
        let status = answer.status();
        if (status.is_client_error() || status.is_server_error()) && !is_problem(&answer) {
            let retry_after = retry_after(&answer);
            return Err(EgressError::NotAcme {
                host,
                status,
                retry_after,
            });
        }
        // A problem document goes on whole: it is the CA's own reason.
        Ok(answer)
    }
}

/// RFC 7807; some servers label it as plain JSON.
fn is_problem(answer: &Response<Bytes>) -> bool {
    let label = answer
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|label| label.to_str().ok());
    let json = label.is_some_and(|label| {
        label.starts_with("application/problem+json") || label.starts_with("application/json")
    });
    json && serde_json::from_slice::<serde_json::Map<_, serde_json::Value>>(answer.body()).is_ok()
}

fn retry_after(answer: &Response<Bytes>) -> Option<Duration> {
    let seconds = answer.headers().get(RETRY_AFTER)?.to_str().ok()?;
    Some(Duration::from_secs(seconds.trim().parse().ok()?))
}
