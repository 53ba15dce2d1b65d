//! The questions over gRPC: request → question → answer. Alone knows tonic.

mod patience;
pub mod proof;

use std::{pin::Pin, time::Duration};

use api::{
    CertificateFilter,
    projection::v1::{
        self as answer, CountCertificatesRequest, GetRequest, ListRequest, WatchEventsRequest,
        query_service_server::QueryService,
    },
    refuse::Violations,
    x509::v1::SubjectAltNames,
};
use futures_util::{Stream, StreamExt};
use runtime::{Caller, Clock};
use sea_orm::DatabaseConnection;
use tonic::{Request, Response, Status, metadata::MetadataMap};

use crate::{
    position::Position,
    query::{
        alerts, automations, certificates, channels, dns_providers, events, keys,
        overview::{self, Glance},
        question::{List, Page, Question, Row},
        requests, servers, subjects,
    },
    refusal::Refusal,
    tables::instant::micros,
};

/// The largest request, in bytes: filter, sort and page token fit many times.
pub const MAX_REQUEST: usize = 64 * 1024;

/// The longest id, name or fingerprint, in characters.
const MAX_ID: usize = 300;

/// Answers from the tables.
#[derive(Debug, Clone)]
pub struct Questions {
    database: DatabaseConnection,
    position: Position,
    clock: Clock,
    patience: Duration,
    glance: Glance,
}

impl Questions {
    /// Answers from this database, which is as of `position`. A question waits for its `at_least`
    /// at most for `patience` where its caller sets no deadline.
    pub fn new(
        database: DatabaseConnection,
        position: Position,
        clock: Clock,
        patience: Duration,
    ) -> Self {
        Self {
            database,
            position,
            clock,
            patience,
            glance: Glance::default(),
        }
    }

    fn now(&self) -> i64 {
        micros(self.clock.now())
    }

    async fn reached(&self, at_least: u64, metadata: &MetadataMap) -> Result<u64, Refusal> {
        let patience = patience::of(metadata).unwrap_or(self.patience);
        self.position.reached(at_least, patience).await
    }

    /// A page of any list, and the position that it shows.
    async fn list<L: List>(
        &self,
        request: Request<ListRequest>,
    ) -> Result<(Page<Row<L>>, u64), Status> {
        let held_to = Caller::of(&request)?.certificates.clone();
        let question = Question::<L>::parse(request.get_ref()).map_err(Refusal::from)?;
        let question = question.held_to(held_to);
        let position = self
            .reached(request.get_ref().at_least, request.metadata())
            .await?;
        let page = question.ask(&self.database, self.now()).await;
        let page = page.map_err(Refusal::from)?;
        Ok((page, position))
    }

    /// What a get asks for, once the tables hold what it waits for.
    async fn wanted(&self, request: Request<GetRequest>) -> Result<String, Refusal> {
        let mut violations = Violations::new();
        let id = violations.check("id", id(&request.get_ref().id));
        let Some(id) = id else {
            return Err(violations.into());
        };
        self.reached(request.get_ref().at_least, request.metadata())
            .await?;
        Ok(id)
    }
}

#[tonic::async_trait]
impl QueryService for Questions {
    async fn get_overview(
        &self,
        request: Request<answer::GetOverviewRequest>,
    ) -> Result<Response<answer::Overview>, Status> {
        let at_least = request.get_ref().at_least;
        let position = self.reached(at_least, request.metadata()).await?;
        let now = self.now();
        let counted = self.glance.of(&self.database, position, now).await;
        let counted = counted.map_err(Refusal::from)?;
        let mut overview = overview::wanting(&self.database, counted, now).await?;
        overview.position = position;
        overview.projected = self.position.now();
        overview.set_following(self.position.following());
        Ok(Response::new(overview))
    }

    async fn list_certificates(
        &self,
        request: Request<ListRequest>,
    ) -> Result<Response<answer::ListCertificatesResponse>, Status> {
        let (page, position) = self.list::<certificates::Field>(request).await?;
        let rows = certificates::answered(&self.database, page.rows, self.now());
        Ok(Response::new(answer::ListCertificatesResponse {
            certificates: rows.await?,
            next_page_token: page.next_page_token,
            position,
        }))
    }

    async fn get_certificate(
        &self,
        request: Request<GetRequest>,
    ) -> Result<Response<answer::Certificate>, Status> {
        let held_to = Caller::of(&request)?.certificates.clone();
        let id = self.wanted(request).await?;
        let found = certificates::get(&self.database, &id, self.now()).await?;
        let leaf = found.certificate.as_ref();
        let names = leaf.and_then(|leaf| leaf.subject_alt_names.as_ref());
        within(&held_to, names, "certificate", id)?;
        Ok(Response::new(found))
    }

    async fn count_certificates(
        &self,
        request: Request<CountCertificatesRequest>,
    ) -> Result<Response<answer::CountCertificatesResponse>, Status> {
        let position = self
            .reached(request.get_ref().at_least, request.metadata())
            .await?;
        let counts = certificates::counts::counts(&self.database, self.now()).await;
        Ok(Response::new(answer::CountCertificatesResponse {
            position,
            ..counts.map_err(Refusal::from)?
        }))
    }

    async fn list_certificate_requests(
        &self,
        request: Request<ListRequest>,
    ) -> Result<Response<answer::ListCertificateRequestsResponse>, Status> {
        let (page, position) = self.list::<requests::Field>(request).await?;
        Ok(Response::new(answer::ListCertificateRequestsResponse {
            requests: requests::answered(&self.database, page.rows).await?,
            next_page_token: page.next_page_token,
            position,
        }))
    }

    async fn get_certificate_request(
        &self,
        request: Request<GetRequest>,
    ) -> Result<Response<answer::CertificateRequest>, Status> {
        let held_to = Caller::of(&request)?.certificates.clone();
        let id = self.wanted(request).await?;
        let found = requests::get(&self.database, &id).await?;
        let names = found.subject_alt_names.as_ref();
        within(&held_to, names, "certificate request", id)?;
        Ok(Response::new(found))
    }

    async fn list_keys(
        &self,
        request: Request<ListRequest>,
    ) -> Result<Response<answer::ListKeysResponse>, Status> {
        let (page, position) = self.list::<keys::Field>(request).await?;
        let keys = keys::answered(&self.database, page.rows).await;
        Ok(Response::new(answer::ListKeysResponse {
            keys: keys.map_err(Refusal::from)?,
            next_page_token: page.next_page_token,
            position,
        }))
    }

    async fn get_key(&self, request: Request<GetRequest>) -> Result<Response<answer::Key>, Status> {
        let id = self.wanted(request).await?;
        Ok(Response::new(keys::get(&self.database, &id).await?))
    }

    async fn list_servers(
        &self,
        request: Request<ListRequest>,
    ) -> Result<Response<answer::ListServersResponse>, Status> {
        let (page, position) = self.list::<servers::Field>(request).await?;
        Ok(Response::new(answer::ListServersResponse {
            servers: page.rows.into_iter().map(servers::answered).collect(),
            next_page_token: page.next_page_token,
            position,
        }))
    }

    async fn get_server(
        &self,
        request: Request<GetRequest>,
    ) -> Result<Response<answer::Server>, Status> {
        let id = self.wanted(request).await?;
        Ok(Response::new(servers::get(&self.database, &id).await?))
    }

    async fn list_automations(
        &self,
        request: Request<ListRequest>,
    ) -> Result<Response<answer::ListAutomationsResponse>, Status> {
        let (page, position) = self.list::<automations::Field>(request).await?;
        Ok(Response::new(answer::ListAutomationsResponse {
            automations: automations::answered(&self.database, page.rows, self.now()).await?,
            next_page_token: page.next_page_token,
            position,
        }))
    }

    async fn get_automation(
        &self,
        request: Request<GetRequest>,
    ) -> Result<Response<answer::Automation>, Status> {
        let held_to = Caller::of(&request)?.certificates.clone();
        let id = self.wanted(request).await?;
        let found = automations::get(&self.database, &id, self.now()).await?;
        let names = SubjectAltNames {
            dns_names: found.dns_names.clone(),
            ip_addresses: found.ip_addresses.clone(),
        };
        within(&held_to, Some(&names), "automated certificate", id)?;
        Ok(Response::new(found))
    }

    async fn list_events(
        &self,
        request: Request<ListRequest>,
    ) -> Result<Response<answer::ListEventsResponse>, Status> {
        let (page, position) = self.list::<events::Field>(request).await?;
        let subjects = subjects::of(&self.database, &page.rows).await;
        let subjects = subjects.map_err(Refusal::from)?;
        let rows = page.rows.into_iter().zip(subjects);
        let events = rows.map(|(row, subject)| {
            let mut event = events::answered(row)?;
            event.subject = Some(subject);
            Ok(event)
        });
        Ok(Response::new(answer::ListEventsResponse {
            events: events.collect::<Result<_, Refusal>>()?,
            next_page_token: page.next_page_token,
            position,
        }))
    }

    async fn list_dns_providers(
        &self,
        request: Request<ListRequest>,
    ) -> Result<Response<answer::ListDnsProvidersResponse>, Status> {
        let (page, position) = self.list::<dns_providers::Field>(request).await?;
        let rows = dns_providers::answered(&self.database, page.rows).await;
        Ok(Response::new(answer::ListDnsProvidersResponse {
            dns_providers: rows.map_err(Refusal::from)?,
            next_page_token: page.next_page_token,
            position,
        }))
    }

    async fn list_channels(
        &self,
        request: Request<ListRequest>,
    ) -> Result<Response<answer::ListChannelsResponse>, Status> {
        let (page, position) = self.list::<channels::Field>(request).await?;
        let rows = page.rows.into_iter().map(channels::answered);
        Ok(Response::new(answer::ListChannelsResponse {
            channels: rows.collect::<Result<_, _>>()?,
            next_page_token: page.next_page_token,
            position,
        }))
    }

    async fn list_alerts(
        &self,
        request: Request<ListRequest>,
    ) -> Result<Response<answer::ListAlertsResponse>, Status> {
        let (page, position) = self.list::<alerts::Field>(request).await?;
        Ok(Response::new(answer::ListAlertsResponse {
            alerts: page.rows.into_iter().map(alerts::answered).collect(),
            next_page_token: page.next_page_token,
            position,
        }))
    }

    type WatchEventsStream = Pin<Box<dyn Stream<Item = Result<answer::Event, Status>> + Send>>;

    async fn watch_events(
        &self,
        request: Request<WatchEventsRequest>,
    ) -> Result<Response<Self::WatchEventsStream>, Status> {
        let watch = events::Watch::parse(request.get_ref()).map_err(Refusal::from)?;
        let events = watch.follow(self.database.clone(), self.position.clone());
        let events = events.map(|event| event.map_err(Status::from));
        Ok(Response::new(Box::pin(events)))
    }
}

/// What is not the caller's affair is, for him, not there.
fn within(
    held_to: &CertificateFilter,
    names: Option<&SubjectAltNames>,
    what: &'static str,
    id: String,
) -> Result<(), Refusal> {
    match held_to.covers_all(names) {
        true => Ok(()),
        false => Err(Refusal::NotFound { what, id }),
    }
}

fn id(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    if text.is_empty() {
        Err("is empty: give an id, or what else the method says")
    } else if text.chars().count() > MAX_ID {
        Err("is longer than any id, name or fingerprint")
    } else if text.chars().any(char::is_control) {
        Err("has a control character in it")
    } else {
        Ok(text.to_owned())
    }
}
