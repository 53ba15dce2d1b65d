//! A real edge for calls: TLS outside, the runtime's mTLS inside, tonic at both ends.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use api::{
    acme::v1::{
        acme_service_client::AcmeServiceClient, acme_service_server::*,
        server_service_client::ServerServiceClient, server_service_server::*, *,
    },
    gateway::v1::{
        CreateTokenRequest, CreateTokenResponse, WhoAmIRequest,
        token_service_client::TokenServiceClient,
    },
    options::v1::Role,
    projection::v1::query_service_client::QueryServiceClient,
    refuse::{self, Violations},
};
use tonic::{
    Code, Status,
    service::Routes,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};
use town::{nats::Nats, wait};

use crate::{
    bearers::Bearers,
    challenges::Challenges,
    commands::Commands,
    config::Config,
    fixture::{Ca, House},
    forward::Forwarder,
    grpc, https,
    people::People,
    serving,
    tls::{self, Issuers, Policy, ServingIndex},
    tokens::{Bootstrap, Token},
    web::{Facts, Hub, Site},
};

/// Answers with the metadata that reached it.
#[derive(Clone, Copy)]
pub struct Echo;

impl Echo {
    /// As an acme-agent.
    pub fn routes() -> Routes {
        let acme_agent = Routes::new(AcmeServiceServer::new(Echo));
        acme_agent.add_service(ServerServiceServer::new(Echo))
    }
}

#[tonic::async_trait]
impl ServerService for Echo {
    async fn get_server_contact(
        &self,
        request: tonic::Request<GetServerContactRequest>,
    ) -> Result<tonic::Response<GetServerContactResponse>, Status> {
        let caller = runtime::Caller::of(&request)?.clone();
        let headers = request.metadata().clone().into_headers();
        let headers = headers
            .iter()
            .map(|(name, value)| format!("{name}={}", value.to_str().unwrap()));
        let mut contact_emails = headers.collect::<Vec<_>>();
        contact_emails.push(format!("caller={} for {}", caller.service, caller.actor));
        Ok(tonic::Response::new(GetServerContactResponse {
            contact_emails,
        }))
    }

    async fn register_server(
        &self,
        _: tonic::Request<RegisterServerRequest>,
    ) -> Result<tonic::Response<RegisterServerResponse>, Status> {
        Ok(tonic::Response::new(RegisterServerResponse::default()))
    }

    async fn list_presets(
        &self,
        _: tonic::Request<ListPresetsRequest>,
    ) -> Result<tonic::Response<ListPresetsResponse>, Status> {
        Ok(tonic::Response::new(ListPresetsResponse::default()))
    }

    async fn preview_directory(
        &self,
        _: tonic::Request<PreviewDirectoryRequest>,
    ) -> Result<tonic::Response<PreviewDirectoryResponse>, Status> {
        Ok(tonic::Response::new(PreviewDirectoryResponse::default()))
    }

    async fn update_server_contact(
        &self,
        _: tonic::Request<UpdateServerContactRequest>,
    ) -> Result<tonic::Response<UpdateServerContactResponse>, Status> {
        Ok(tonic::Response::new(UpdateServerContactResponse::default()))
    }

    async fn roll_account_key(
        &self,
        _: tonic::Request<RollAccountKeyRequest>,
    ) -> Result<tonic::Response<RollAccountKeyResponse>, Status> {
        Ok(tonic::Response::new(RollAccountKeyResponse::default()))
    }

    async fn deactivate_server(
        &self,
        _: tonic::Request<DeactivateServerRequest>,
    ) -> Result<tonic::Response<DeactivateServerResponse>, Status> {
        Ok(tonic::Response::new(DeactivateServerResponse::default()))
    }
}

#[tonic::async_trait]
impl AcmeService for Echo {
    type CheckRequestStream = tokio_stream::Empty<Result<Check, Status>>;

    /// Refuses, in detail.
    async fn request_certificate(
        &self,
        _: tonic::Request<RequestCertificateRequest>,
    ) -> Result<tonic::Response<RequestCertificateResponse>, Status> {
        let mut violations = Violations::new();
        violations.add("dns_names[0]", "ä is not a host name");
        Err(violations.into_status())
    }

    /// Takes for ever.
    async fn renew_now(
        &self,
        _: tonic::Request<RenewNowRequest>,
    ) -> Result<tonic::Response<RenewNowResponse>, Status> {
        std::future::pending().await
    }

    async fn pause_automation(
        &self,
        _: tonic::Request<PauseAutomationRequest>,
    ) -> Result<tonic::Response<PauseAutomationResponse>, Status> {
        Ok(tonic::Response::new(PauseAutomationResponse::default()))
    }

    async fn resume_automation(
        &self,
        _: tonic::Request<ResumeAutomationRequest>,
    ) -> Result<tonic::Response<ResumeAutomationResponse>, Status> {
        Ok(tonic::Response::new(ResumeAutomationResponse::default()))
    }

    /// The position says to how many names the caller is held.
    async fn cancel_automation(
        &self,
        request: tonic::Request<CancelAutomationRequest>,
    ) -> Result<tonic::Response<CancelAutomationResponse>, Status> {
        let held_to = runtime::Caller::of(&request)?.certificates.names().len();
        Ok(tonic::Response::new(CancelAutomationResponse {
            position: held_to as u64,
        }))
    }

    async fn revoke_certificate(
        &self,
        _: tonic::Request<RevokeCertificateRequest>,
    ) -> Result<tonic::Response<RevokeCertificateResponse>, Status> {
        Ok(tonic::Response::new(RevokeCertificateResponse::default()))
    }

    async fn check_request(
        &self,
        _: tonic::Request<CheckRequestRequest>,
    ) -> Result<tonic::Response<Self::CheckRequestStream>, Status> {
        Ok(tonic::Response::new(tokio_stream::empty()))
    }
}

/// A gateway's https port, and a client's connection to it.
pub struct Edge {
    pub address: SocketAddr,
    endpoint: Endpoint,
    pub channel: Channel,
    pub token: String,
    pub token_file: PathBuf,
    pub house: House,
    /// The same door, as the gateway's own pages have it.
    pub door: Forwarder,
    pub commands: Commands,
    pub bearers: Bearers,
    _log: Option<Nats>,
}

/// The edge in front of what is up in the house, with a token of this role. Without an event log nothing is changed.
pub async fn edge(role: Role, house: House) -> Edge {
    edge_on(role, house, None).await
}

/// The same, on an event log.
pub async fn edge_with_log(role: Role, house: House) -> Edge {
    let folder = house.path("nats");
    std::fs::create_dir(&folder).unwrap();
    let nats = Nats::with_log(&folder).await;
    edge_on(role, house, Some(nats)).await
}

async fn edge_on(role: Role, house: House, nats: Option<Nats>) -> Edge {
    let ca = Ca::new("web CA");
    let index = Arc::new(ServingIndex::new(runtime::Clock::system()));
    let shown = ca.credential("edge", 1, &["edge.example"]);
    index.replace([serving::credential(shown, &Issuers::default()).unwrap()]);

    let token = Token::generate().unwrap();
    let token_file = house.path("digest");
    std::fs::write(&token_file, token.digest().to_hex()).unwrap();
    let runtime = house.gateway();
    let people = People::open(&runtime, &Config::default()).await.unwrap();
    let bootstrap = Bootstrap::in_file(token_file.clone(), role);
    let bearers = Bearers::new(bootstrap, people.commands.clone());
    let own = grpc::routes(&people.commands, runtime.stopping()).unwrap();
    let forwarder = Forwarder::new(&runtime, bearers.clone(), own, 64 << 10).unwrap();
    let door = forwarder.clone();
    let site = Site::new(
        people.commands.clone(),
        people.refusals.clone(),
        runtime.channel("keystore").unwrap(),
        forwarder.clone(),
        Hub::new(runtime.stopping()),
        Facts {
            https: 443,
            http: 80,
            public_https: 443,
            policy: Policy::default(),
        },
    );
    let (commands, stopping) = (people.commands.clone(), runtime.stopping());
    if let Some(nats) = &nats {
        let log = nats.log("gateway").await;
        let work = people.work(
            move || std::future::ready(Ok(log.clone())),
            Vec::new(),
            stopping,
        );
        tokio::spawn(work);
        wait::until("the log is there", async || commands.log().ok()).await;
    }

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tls = tls::Edge::new(Policy::Intermediate, index).unwrap();
    tokio::spawn(async move {
        https::serve(
            listener,
            tls.into(),
            Arc::new(Challenges::new()),
            https::Doors { forwarder, site },
            &Config::default(),
            &runtime.stopping(),
        )
        .await;
    });
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(ca.pem()))
        .domain_name("edge.example");
    let endpoint = Endpoint::from_shared(format!("https://{address}"))
        .unwrap()
        .tls_config(tls)
        .unwrap();
    Edge {
        address,
        channel: endpoint.connect().await.unwrap(),
        endpoint,
        token: token.text().to_owned(),
        token_file,
        house,
        door,
        commands,
        bearers,
        _log: nats,
    }
}

/// The edge in front of an acme-agent that is an [`Echo`].
pub async fn edge_with_echo(role: Role) -> Edge {
    let mut house = House::new();
    house.open("acme-agent", Echo::routes());
    edge(role, house).await
}

impl Edge {
    pub fn acme(&self) -> AcmeServiceClient<Channel> {
        AcmeServiceClient::new(self.channel.clone())
    }

    pub fn servers(&self) -> ServerServiceClient<Channel> {
        ServerServiceClient::new(self.channel.clone())
    }

    /// A further connection.
    pub async fn connect(&self) -> Channel {
        self.endpoint.connect().await.unwrap()
    }

    pub fn query(&self) -> QueryServiceClient<Channel> {
        QueryServiceClient::new(self.channel.clone())
    }

    /// A message with the token, and these headers.
    pub fn with<M>(&self, message: M, headers: &[(&'static str, &str)]) -> tonic::Request<M> {
        let mut request = tonic::Request::new(message);
        let bearer = format!("Bearer {}", self.token);
        for (name, value) in std::iter::once(&("authorization", bearer.as_str())).chain(headers) {
            request.metadata_mut().append(*name, value.parse().unwrap());
        }
        request
    }

    pub async fn echo(&self, headers: &[(&'static str, &str)]) -> Result<Vec<String>, Status> {
        let request = self.with(GetServerContactRequest::default(), headers);
        Ok(self
            .servers()
            .get_server_contact(request)
            .await?
            .into_inner()
            .contact_emails)
    }

    /// Tokens, as the edge's own token makes them.
    pub fn tokens(&self) -> TokenServiceClient<Channel> {
        TokenServiceClient::new(self.channel.clone())
    }

    /// Makes a token.
    pub async fn create(&self, request: CreateTokenRequest) -> CreateTokenResponse {
        let created = self.tokens().create_token(self.with(request, &[])).await;
        created.unwrap().into_inner()
    }

    /// Calls a method by its path, with or without the token.
    pub async fn call(&self, path: &'static str, with_token: bool) -> Status {
        let mut client = tonic::client::Grpc::new(self.channel.clone());
        client.ready().await.unwrap();
        let mut request = self.with(WhoAmIRequest {}, &[]);
        if !with_token {
            request.metadata_mut().remove("authorization");
        }
        let codec = tonic_prost::ProstCodec::<WhoAmIRequest, WhoAmIRequest>::default();
        client
            .unary(
                request,
                hyper::http::uri::PathAndQuery::from_static(path),
                codec,
            )
            .await
            .unwrap_err()
    }
}

/// The status has this code and this reason.
pub fn is(status: &Status, code: Code, reason: &str) {
    assert_eq!(status.code(), code, "{status:?}");
    assert_eq!(
        refuse::reason(status).as_deref(),
        Some(reason),
        "{status:?}"
    );
}
