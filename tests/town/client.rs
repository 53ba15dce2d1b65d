//! The public API, as a program with a token calls it.

use api::{
    acme::v1::{
        acme_service_client::AcmeServiceClient,
        dns_provider_service_client::DnsProviderServiceClient,
        server_service_client::ServerServiceClient,
    },
    csr::v1::csr_service_client::CsrServiceClient,
    gateway::v1::{
        session_service_client::SessionServiceClient, token_service_client::TokenServiceClient,
        user_service_client::UserServiceClient,
    },
    keystore::v1::{
        FileVerdict, ImportFile, ImportRequest, ImportedCertificate,
        certificate_service_client::CertificateServiceClient, imported_item,
    },
    metadata,
    notifier::v1::notifier_service_client::NotifierServiceClient,
    projection::v1::{
        proof_service_client::ProofServiceClient, query_service_client::QueryServiceClient,
        tables_service_client::TablesServiceClient,
    },
};
use tonic::{
    Request, Status,
    metadata::{AsciiMetadataKey, AsciiMetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};

use crate::edge::Edge;

/// A connection to the gateway that sends the headers of [`Headers`] with each call.
pub type Connection = InterceptedService<Channel, Headers>;

/// A caller from outside.
#[derive(Debug, Clone)]
pub struct Client {
    channel: Channel,
    headers: Headers,
}

impl Client {
    /// Connects to the gateway with a bearer token. Trusts the certificate that the gateway now shows.
    ///
    /// # Errors
    /// Where there is no gateway, or none that can be talked to.
    pub async fn connect(edge: Edge, token: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let leaf = edge.leaf(None).await.ok_or("no handshake")?;
        let leaf = pki::Certificate::parse(&leaf)?;
        let name = leaf
            .dns_names
            .first()
            .ok_or("a certificate without a name")?
            .to_string();
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(pem(&leaf.der)))
            .domain_name(name);
        let endpoint = Endpoint::from_shared(format!("https://{}", edge.https))?.tls_config(tls)?;
        let channel = endpoint.connect().await?;
        let headers = Headers::default().with("authorization", &format!("Bearer {token}"));
        Ok(Self { channel, headers })
    }

    /// The same caller, who also sends this header.
    pub fn with(&self, name: &str, value: &str) -> Self {
        Self {
            channel: self.channel.clone(),
            headers: self.headers.clone().with(name, value),
        }
    }

    /// The same caller, whose commands carry this request id.
    pub fn with_request_id(&self, id: &str) -> Self {
        self.with(metadata::IDEMPOTENCY_KEY, id)
    }

    /// Commands about people.
    pub fn users(&self) -> UserServiceClient<Connection> {
        UserServiceClient::new(self.connection())
    }

    /// Commands about ACME servers.
    pub fn servers(&self) -> ServerServiceClient<Connection> {
        ServerServiceClient::new(self.connection())
    }

    /// Commands about automated certificates.
    pub fn acme(&self) -> AcmeServiceClient<Connection> {
        AcmeServiceClient::new(self.connection())
    }

    /// Commands about DNS providers.
    pub fn dns_providers(&self) -> DnsProviderServiceClient<Connection> {
        DnsProviderServiceClient::new(self.connection())
    }

    /// Commands about requests and self-signed certificates.
    pub fn csr(&self) -> CsrServiceClient<Connection> {
        CsrServiceClient::new(self.connection())
    }

    /// What people do with certificates and keys.
    pub fn certificates(&self) -> CertificateServiceClient<Connection> {
        CertificateServiceClient::new(self.connection())
    }

    /// Commands about channels for notifications.
    pub fn notifier(&self) -> NotifierServiceClient<Connection> {
        NotifierServiceClient::new(self.connection())
    }

    /// Queries.
    pub fn query(&self) -> QueryServiceClient<Connection> {
        QueryServiceClient::new(self.connection())
    }

    /// The tables themselves.
    pub fn tables(&self) -> TablesServiceClient<Connection> {
        TablesServiceClient::new(self.connection())
    }

    /// The log as proof.
    pub fn proofs(&self) -> ProofServiceClient<Connection> {
        ProofServiceClient::new(self.connection())
    }

    /// Who we are.
    pub fn session(&self) -> SessionServiceClient<Connection> {
        SessionServiceClient::new(self.connection())
    }

    /// Tokens.
    pub fn tokens(&self) -> TokenServiceClient<Connection> {
        TokenServiceClient::new(self.connection())
    }

    /// Imports one file that needs no passphrase: its verdict.
    ///
    /// # Panics
    /// Where there is none.
    pub async fn import(&self, content: impl Into<Vec<u8>>) -> FileVerdict {
        let file = ImportFile {
            name: "a-file".to_owned(),
            content: content.into().into(),
            passphrase: None,
        };
        let import = ImportRequest { files: vec![file] };
        let imported = self.certificates().import(import).await;
        imported.expect("an answer").into_inner().files.remove(0)
    }

    /// Imports a file with one certificate, which is taken in: what became of it.
    ///
    /// # Panics
    /// Where it is not taken in, or is no certificate.
    pub async fn import_certificate(&self, content: impl Into<Vec<u8>>) -> ImportedCertificate {
        let mut verdict = self.import(content).await;
        assert!(verdict.reason.is_empty(), "{verdict:?}");
        match verdict.items.remove(0).item {
            Some(imported_item::Item::Certificate(certificate)) => certificate,
            other => panic!("a certificate came in as {other:?}"),
        }
    }

    /// The bare connection, for methods that the gateway must not have.
    pub fn connection(&self) -> Connection {
        InterceptedService::new(self.channel.clone(), self.headers.clone())
    }
}

/// Headers that are sent with each call; of two with one name the later one is.
#[derive(Debug, Clone, Default)]
pub struct Headers(Vec<(AsciiMetadataKey, AsciiMetadataValue)>);

impl Headers {
    fn with(mut self, name: &str, value: &str) -> Self {
        let name = name.parse().expect("a header's name");
        self.0
            .push((name, value.parse().expect("a header's value")));
        self
    }
}

impl Interceptor for Headers {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        for (name, value) in &self.0 {
            request.metadata_mut().insert(name.clone(), value.clone());
        }
        Ok(request)
    }
}

/// A certificate as PEM.
pub fn pem(der: &[u8]) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let text = STANDARD.encode(der);
    let lines = text
        .as_bytes()
        .chunks(64)
        .map(String::from_utf8_lossy)
        .collect::<Vec<_>>();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    )
}
