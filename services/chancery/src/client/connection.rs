//! gRPC over TLS to the gateway, with the bearer token on each call.

use std::{io, sync::Arc, time::Duration};

use api::{
    acme::v1::{
        acme_service_client::AcmeServiceClient,
        dns_provider_service_client::DnsProviderServiceClient,
        server_service_client::ServerServiceClient,
    },
    csr::v1::csr_service_client::CsrServiceClient,
    gateway::v1::{
        device_login_service_client::DeviceLoginServiceClient,
        session_service_client::SessionServiceClient, token_service_client::TokenServiceClient,
        user_service_client::UserServiceClient,
    },
    keystore::v1::certificate_service_client::CertificateServiceClient,
    metadata::IDEMPOTENCY_KEY,
    notifier::v1::notifier_service_client::NotifierServiceClient,
    projection::v1::{
        proof_service_client::ProofServiceClient, query_service_client::QueryServiceClient,
        tables_service_client::TablesServiceClient,
    },
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::timeout;
use tonic::{
    Request, Response, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, ClientTlsConfig, Endpoint},
};

use super::{
    credentials::Credentials,
    error::{self, ClientError},
    settled::Positioned,
    trust::{Fingerprint, Seen, Trust},
};

/// A channel whose calls carry the token.
pub type SignedIn = InterceptedService<Channel, Bearer>;

/// The gateway, connected.
#[derive(Debug, Clone)]
pub struct Connection {
    url: String,
    channel: Channel,
    bearer: Bearer,
}

/// Puts the token on each call, where there is one.
#[derive(Clone)]
pub struct Bearer(Option<MetadataValue<Ascii>>);

impl std::fmt::Debug for Bearer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bearer")
    }
}

impl Bearer {
    /// For this token.
    ///
    /// # Errors
    /// When it has characters that no token has.
    pub fn new(token: &SecretString) -> Result<Self, ClientError> {
        let value = format!("Bearer {}", token.expose_secret());
        let mut value = MetadataValue::try_from(value).map_err(|_| ClientError::Input {
            what: "the token has characters that no token has: is it the right file?".into(),
        })?;
        value.set_sensitive(true);
        Ok(Self(Some(value)))
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(bearer) = &self.0 {
            let metadata = request.metadata_mut();
            metadata.insert("authorization", bearer.clone());
        }
        Ok(request)
    }
}

impl Connection {
    /// Connects, and checks that the gateway is the one that is meant, before anything is sent.
    pub async fn open(credentials: &Credentials) -> Result<Self, ClientError> {
        let bearer = Bearer::new(&credentials.token)?;
        let open = Self::open_without_token(&credentials.url, credentials.fingerprint);
        Ok(Self {
            bearer,
            ..open.await?
        })
    }

    /// The same, for who has no token yet.
    ///
    /// # Errors
    /// Likewise.
    pub async fn open_without_token(
        url: &str,
        fingerprint: Option<Fingerprint>,
    ) -> Result<Self, ClientError> {
        let url = url.to_owned();
        let trust = Arc::new(Trust::new(fingerprint).map_err(ClientError::Roots)?);
        let not_a_gateway = || ClientError::Url { url: url.clone() };
        if !url.starts_with("https://") {
            return Err(not_a_gateway());
        }
        let endpoint = Endpoint::from_shared(url.clone()).map_err(|_| not_a_gateway())?;
        let endpoint = endpoint
            // A gateway that has gone is noticed while events are awaited.
            .http2_keep_alive_interval(Duration::from_secs(20))
            .keep_alive_while_idle(true)
            .tls_config_with_verifier(ClientTlsConfig::new(), trust.clone())
            .map_err(|_| not_a_gateway())?;
        // Not the endpoint's own `connect_timeout`, which ends with TCP: the handshake is waited for no longer either.
        let connected = timeout(CONNECT, endpoint.connect()).await;
        match trust.seen() {
            Some(Seen::Other(seen)) => {
                let pinned = fingerprint.unwrap_or(seen);
                return Err(ClientError::NotPinned { url, pinned, seen });
            }
            Some(Seen::Unknown(seen, error)) => {
                let why = error.to_string();
                return Err(ClientError::Untrusted { url, seen, why });
            }
            // Trusted, or nobody answered.
            Some(Seen::Trusted) | None => {}
        }
        let unreachable = |source| ClientError::Unreachable {
            url: url.clone(),
            source,
        };
        let channel = connected
            .map_err(|_| {
                let silence = format!("no answer within {} s", CONNECT.as_secs());
                unreachable(io::Error::new(io::ErrorKind::TimedOut, silence).into())
            })?
            .map_err(|error| unreachable(error.into()))?;
        Ok(Self {
            url,
            channel,
            bearer: Bearer(None),
        })
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Queries.
    pub fn queries(&self) -> QueryServiceClient<SignedIn> {
        QueryServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
            // A page of 500 certificates with their DER.
            .max_decoding_message_size(LARGEST_ANSWER)
    }

    /// The log as proof.
    pub fn proofs(&self) -> ProofServiceClient<SignedIn> {
        ProofServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
            // Some hundred events with their certificates.
            .max_decoding_message_size(LARGEST_ANSWER)
    }

    /// Commands about the tables.
    pub fn tables(&self) -> TablesServiceClient<SignedIn> {
        TablesServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    /// Commands about ACME servers.
    pub fn servers(&self) -> ServerServiceClient<SignedIn> {
        ServerServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    /// Commands about DNS providers.
    pub fn dns_providers(&self) -> DnsProviderServiceClient<SignedIn> {
        DnsProviderServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    /// Commands about automated certificates.
    pub fn acme(&self) -> AcmeServiceClient<SignedIn> {
        AcmeServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    /// Commands about certificates and keys.
    pub fn certificates(&self) -> CertificateServiceClient<SignedIn> {
        CertificateServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
            // A hundred certificates, with their chains and keys.
            .max_decoding_message_size(LARGEST_ANSWER)
    }

    /// Commands about certificate requests and self-signed certificates.
    pub fn csr(&self) -> CsrServiceClient<SignedIn> {
        CsrServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    /// Commands about channels for notifications.
    pub fn notifier(&self) -> NotifierServiceClient<SignedIn> {
        NotifierServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    /// Who we are.
    pub fn session(&self) -> SessionServiceClient<SignedIn> {
        SessionServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    /// Tokens.
    pub fn tokens(&self) -> TokenServiceClient<SignedIn> {
        TokenServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    /// How a command line signs in that has no token.
    pub fn device_logins(&self) -> DeviceLoginServiceClient<SignedIn> {
        DeviceLoginServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    /// Commands about people.
    pub fn users(&self) -> UserServiceClient<SignedIn> {
        UserServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    /// Asks once.
    pub async fn ask<M, R>(
        &self,
        message: M,
        send: impl AsyncFnOnce(Request<M>) -> Result<Response<R>, Status>,
    ) -> Result<R, ClientError> {
        let mut request = Request::new(message);
        request.set_timeout(ANSWER);
        let answer = send(request).await.map_err(|status| self.explain(status))?;
        Ok(answer.into_inner())
    }

    /// Sends a command. When the answer is lost it is sent again under the same id, so that it takes effect once.
    /// It has ended when whoever asks next sees what it did.
    pub async fn command<M: Clone, R: Positioned>(
        &self,
        message: M,
        id: &RequestId,
        mut send: impl AsyncFnMut(Request<M>) -> Result<Response<R>, Status>,
    ) -> Result<R, ClientError> {
        let mut left = TRIES;
        loop {
            let mut request = Request::new(message.clone());
            request.set_timeout(ANSWER);
            request.metadata_mut().insert(IDEMPOTENCY_KEY, id.0.clone());
            left -= 1;
            match send(request).await {
                Ok(answer) => {
                    let answer = answer.into_inner();
                    self.settled(answer.position()).await;
                    return Ok(answer);
                }
                Err(status) if error::is_lost(&status) && left > 0 => {
                    tokio::time::sleep(PAUSE).await;
                }
                Err(status) => return Err(self.explain(status)),
            }
        }
    }

    /// What a status means for the person at the terminal.
    pub fn explain(&self, status: Status) -> ClientError {
        ClientError::from_status(&self.url, status)
    }
}

/// What a command is known by: the same id again is the same command.
#[derive(Debug, Clone)]
pub struct RequestId(MetadataValue<Ascii>);

impl RequestId {
    /// The given one, else a fresh one.
    ///
    /// # Errors
    /// When it is not 1 to 100 characters of printable ASCII.
    pub fn new(given: Option<&str>) -> Result<Self, ClientError> {
        let id = given
            .map(str::to_owned)
            .unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        let length = 1..=api::metadata::MAX_REQUEST_ID;
        let printable = id.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
        let value = MetadataValue::try_from(&id)
            .ok()
            .filter(|_| length.contains(&id.len()) && printable);
        let value = value.ok_or_else(|| ClientError::Input {
            what: format!(
                "--request-id is 1 to {} characters of printable ASCII",
                api::metadata::MAX_REQUEST_ID
            ),
        })?;
        Ok(Self(value))
    }
}

const CONNECT: Duration = Duration::from_secs(10);
/// A registration waits for the CA.
const ANSWER: Duration = Duration::from_secs(60);
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(500);
const LARGEST_ANSWER: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_gateway_that_takes_the_connection_and_says_nothing_is_not_waited_for_without_end() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let credentials = Credentials {
            url: format!("https://{}", silent.local_addr().unwrap()),
            token: "chancery_x".into(),
            fingerprint: None,
        };
        let error = Connection::open(&credentials).await.unwrap_err();
        assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
    }
}
