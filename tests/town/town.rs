//! One installation with its CA, and what a story does with it.

use std::{fs, process::Stdio};

use api::{
    acme::v1::{RegisterServerRequest, RequestCertificateRequest},
    gateway::v1::{CreateTokenRequest, WhoAmIRequest},
    options::v1::Role,
    projection::v1::{Automation, Event, GetRequest, ListRequest, WatchEventsRequest},
};
use databases::Kind;
use tempfile::TempDir;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::{
    client::Client,
    command_line::{self, Ended},
    edge::Edge,
    installation::Installation,
    pebble::{self, Pebble},
    wait,
};

/// What a town is to be like.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Each service in a process of its own, in place of `chancery up`.
    pub services_apart: bool,
    /// The CA.
    pub ca: pebble::Custom,
    /// Lines of `chancery.toml` beside the town's own.
    pub configuration: String,
    /// What is in the services' environment.
    pub environment: Vec<(&'static str, String)>,
    /// Checks of requests look where the CA looks: at its DNS, and at the gateway's ports.
    pub checks: bool,
    /// What the services keep their rows in; `None`: as [`Kind::wanted`].
    pub databases: Option<Kind>,
}

/// A running installation, and its CA. Dropped, everything stops; a failed test prints the logs.
#[derive(Debug)]
pub struct Town {
    /// What runs, and on which folder.
    pub installation: Installation,
    /// The CA.
    pub ca: Pebble,
    folder: TempDir,
}

impl Town {
    /// `chancery up`, with a CA that knows nothing of it yet.
    pub async fn start() -> Self {
        Self::planned(Plan::default()).await
    }

    /// Each service in a process of its own.
    pub async fn with_services_apart() -> Self {
        Self::planned(Plan {
            services_apart: true,
            ..Plan::default()
        })
        .await
    }

    /// A town of one's own.
    pub async fn planned(plan: Plan) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("town-")
            .tempdir()
            .expect("a folder for the town");
        let kind = plan.databases.unwrap_or_else(Kind::wanted);
        let mut installation = Installation::on(kind, folder.path(), &plan.configuration);
        installation.environment = plan.environment;
        let ca = Pebble::start(
            &folder.path().join("ca"),
            [
                installation.edge.http.port(),
                installation.edge.https.port(),
            ],
            &plan.ca,
        )
        .await;
        if plan.checks {
            let Edge { https, http } = installation.edge;
            installation.configure(&format!(
                "[acme_agent]\nresolvers = [\"{}\"]\nhttp_port = {}\ntls_port = {}\n",
                ca.name_server,
                http.port(),
                https.port()
            ));
        }
        match plan.services_apart {
            false => installation.up().await,
            true => installation.services().await,
        }
        let this = Self {
            installation,
            ca,
            folder,
        };
        // The last event of a start: from here on, what is counted is the story's.
        this.until("default", "serving-granted").await;
        this
    }

    /// The gateway, as a stranger meets it.
    pub fn edge(&self) -> Edge {
        self.installation.edge
    }

    /// The public API, with the token that `init` made, or that of [`Town::keep_token`]; once it answers.
    pub async fn client(&self) -> Client {
        let kept = fs::read_to_string(self.kept_token());
        let token = kept.unwrap_or_else(|_| self.installation.bootstrap_token());
        self.client_with(&token).await
    }

    /// Makes a token of the town's own, which goes on where the one that `init` made ends: once somebody has used the
    /// set-up link.
    pub async fn keep_token(&self) {
        let request = CreateTokenRequest {
            name: "the town itself".to_owned(),
            role: Role::Admin.into(),
            key_export: true,
            ..CreateTokenRequest::default()
        };
        let made = self.client().await.tokens().create_token(request).await;
        let text = made.expect("a token is made").into_inner().text;
        fs::write(self.kept_token(), text).expect("the token is kept");
    }

    /// The public API with some token; once the gateway answers, be it with a refusal.
    pub async fn client_with(&self, token: &str) -> Client {
        wait::until("the public API answers", async || {
            let client = Client::connect(self.edge(), token).await.ok()?;
            match client.session().who_am_i(WhoAmIRequest {}).await {
                Err(status) if status.code() == tonic::Code::Unavailable => None,
                _ => Some(client),
            }
        })
        .await
    }

    /// Signs the town's people in, so that [`Town::command`] is heard.
    pub async fn sign_in(&self) {
        let leaf = wait::until("a handshake", async || self.edge().leaf(None).await).await;
        let fingerprint = pki::Certificate::parse(&leaf)
            .expect("a certificate")
            .sha256_fingerprint;
        let ended = self.login(&["login", &self.url(), "--fingerprint", &fingerprint]);
        assert_eq!(ended.status, 0, "login: {}", ended.stderr);
    }

    /// A command that reads the same token as [`Town::client`]'s from its stdin.
    pub fn login(&self, words: &[&str]) -> Ended {
        let token = fs::File::open(self.kept_token())
            .or_else(|_| fs::File::open(self.installation.data.join("bootstrap-token")))
            .expect("init made a token");
        command_line::run(
            command_line::command(self.installation.home()).args(words),
            token.into(),
        )
    }

    /// A command of the command line, run to its end, with JSON for its answer.
    pub async fn command(&self, words: &[&str]) -> Ended {
        self.command_with(words, &[]).await
    }

    /// [`Town::command`], with variables in its environment.
    pub async fn command_with(&self, words: &[&str], environment: &[(&str, &str)]) -> Ended {
        let mut command = command_line::command(self.installation.home());
        command
            .args(words)
            .args(["--output", "json"])
            .envs(environment.iter().copied());
        let running =
            tokio::task::spawn_blocking(move || command_line::run(&mut command, Stdio::null()));
        running.await.expect("the command runs")
    }

    /// The gateway's address, as people type it.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.edge().https.port())
    }

    /// What registers the town's CA under this name.
    pub fn registration(&self, name: &str) -> RegisterServerRequest {
        RegisterServerRequest {
            name: name.to_owned(),
            directory_url: self.ca.directory.clone(),
            contact_emails: vec!["ops@example.com".to_owned()],
            terms_of_service_agreed: true,
            external_account_binding: None,
            trusted_roots_pem: self.ca.https_root.clone(),
        }
    }

    /// Registers the town's CA as "pebble", and answers the server's id once the tables have it.
    pub async fn register_ca(&self) -> String {
        let registration = self.registration("pebble");
        let registered = self
            .client()
            .await
            .servers()
            .register_server(registration)
            .await;
        let id = registered
            .expect("the CA takes an account")
            .into_inner()
            .server_id;
        self.until(&id, "registered").await;
        id
    }

    /// Asks "pebble" for a certificate, and answers the automation's id once the tables have it. While the agent
    /// starts, it is asked again, as its refusal says.
    pub async fn request(&self, name: &str) -> String {
        let request_id = Uuid::new_v4().to_string();
        let client = self.client().await.with_request_id(&request_id);
        let id = wait::until("the request is taken", async || {
            match client.acme().request_certificate(request_for(name)).await {
                Ok(requested) => Some(requested.into_inner().automation_id),
                Err(status) if status.code() == Code::Unavailable => None,
                Err(status) => panic!("the request is refused: {status:?}"),
            }
        })
        .await;
        self.until(&id, "requested").await;
        id
    }

    /// Gets a certificate, from the request to the keystore; answers its automation.
    pub async fn issue(&self, name: &str) -> Automation {
        let id = self.request(name).await;
        let issued = self.until(&id, "certificate-issued").await;
        self.automation(&id, issued.sequence).await
    }

    /// An automation, as the tables have it at this position or later.
    pub async fn automation(&self, id: &str, at_least: u64) -> Automation {
        let request = GetRequest {
            id: id.to_owned(),
            at_least,
            ..GetRequest::default()
        };
        let answer = self.client().await.query().get_automation(request).await;
        answer.expect("the automation is there").into_inner()
    }

    /// Waits for an event of an aggregate; it may have happened already.
    ///
    /// # Panics
    /// When it does not happen, and at once when an order fails that the story does not expect to fail.
    pub async fn until(&self, aggregate_id: &str, event: &str) -> Event {
        self.until_past(aggregate_id, event, 0).await
    }

    /// [`Town::until`], for an event past this position of the log.
    pub async fn until_past(&self, aggregate_id: &str, event: &str, position: u64) -> Event {
        let what = format!("{event} of {aggregate_id} past {position}");
        wait::until(&what, async || {
            self.watch_for(aggregate_id, event, position)
                .await
                .ok()
                .flatten()
        })
        .await
    }

    /// Every event that a filter takes, oldest first, as the tables have them now.
    pub async fn events(&self, filter: &str) -> Vec<Event> {
        self.events_at(filter, 0).await
    }

    /// Every event that a filter takes, oldest first, once the tables are at this position.
    pub async fn events_at(&self, filter: &str, at_least: u64) -> Vec<Event> {
        let mut query = self.client().await.query();
        let mut request = ListRequest {
            filter: filter.to_owned(),
            sort: "sequence".to_owned(),
            page_size: 500,
            at_least,
            ..ListRequest::default()
        };
        let mut events = Vec::new();
        loop {
            let page = query
                .list_events(request.clone())
                .await
                .expect("the events are listed")
                .into_inner();
            events.extend(page.events);
            if page.next_page_token.is_empty() {
                return events;
            }
            request.page_token = page.next_page_token;
        }
    }

    /// How many events a filter takes, counted by name: [("order-placed", 1), …], in the order of their first.
    pub async fn tally(&self, filter: &str) -> Vec<(String, usize)> {
        let mut tally = Vec::<(String, usize)>::new();
        for event in self.events(filter).await {
            match tally.iter_mut().find(|(name, _)| *name == event.event) {
                Some((_, count)) => *count += 1,
                None => tally.push((event.event, 1)),
            }
        }
        tally
    }

    /// The folder of everything that the town keeps: data, logs, the CA's own.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    fn kept_token(&self) -> std::path::PathBuf {
        self.folder.path().join("kept-token")
    }

    /// Follows one aggregate's events until this one. `None` where the stream ends before.
    async fn watch_for(
        &self,
        aggregate_id: &str,
        event: &str,
        past: u64,
    ) -> Result<Option<Event>, Status> {
        let request = WatchEventsRequest {
            after_sequence: past,
            only_new: false,
            filter: format!("aggregate_id={aggregate_id}"),
        };
        let mut events = self
            .client()
            .await
            .query()
            .watch_events(request)
            .await?
            .into_inner();
        while let Some(next) = events.message().await? {
            if next.event == event {
                return Ok(Some(next));
            }
            let failed = next.event.ends_with("-failed");
            assert!(
                !failed,
                "waiting for {event}, but: {} {:?}",
                next.event, next.body
            );
        }
        Ok(None)
    }
}

/// What asks "pebble" for a certificate for one name.
pub fn request_for(name: &str) -> RequestCertificateRequest {
    RequestCertificateRequest {
        server: "pebble".to_owned(),
        dns_names: vec![name.to_owned()],
        ..RequestCertificateRequest::default()
    }
}
