//! The questions over gRPC: request → question → answer. Alone knows tonic.

mod patience;
pub mod proof;
pub mod tables;
mod view;

use std::{pin::Pin, time::Duration};

use api::{
    CertificateFilter,
    projection::v1::{
        self as answer, CountCertificatesRequest, GetRequest, ListRequest, WatchEventsRequest,
        WhatServedRequest, query_service_server::QueryService,
    },
    refuse::Violations,
    x509::v1::SubjectAltNames,
};
use futures_util::{Stream, StreamExt};
use runtime::{Caller, Clock};
use tonic::{Request, Response, Status};

use self::view::View;
use crate::{
    moments::Moments,
    query::{
        alerts, automations, certificates, channels, dns_providers, events,
        grams::Common,
        keys,
        overview::Glance,
        question::{List, Page, Question, Row},
        requests, served_name, servers, subjects,
    },
    refusal::Refusal,
    served::Served,
};

/// The largest request, in bytes: filter, sort and page token fit many times.
pub const MAX_REQUEST: usize = 64 * 1024;

/// The longest id, name or fingerprint, in characters.
const MAX_ID: usize = 300;

/// Answers from the tables.
#[derive(Clone)]
pub struct Questions {
    served: Served,
    /// None: of the past nothing is answered.
    moments: Option<Moments>,
    clock: Clock,
    patience: Duration,
    glance: Glance,
    common: Common,
}

impl Questions {
    /// Answers from the tables that are served, and from those of moments. A question waits for its `at_least`
    /// at most for `patience` where its caller sets no deadline.
    pub fn new(served: Served, moments: Option<Moments>, clock: Clock, patience: Duration) -> Self {
        Self {
            served,
            moments,
            clock,
            patience,
            glance: Glance::default(),
            common: Common::default(),
        }
    }

    /// A page of any list, and what it was asked of.
    async fn list<L: List>(
        &self,
        request: Request<ListRequest>,
    ) -> Result<(Page<Row<L>>, View), Status> {
        let held_to = Caller::of(&request)?.certificates.clone();
        let list = request.get_ref();
        let question = Question::<L>::parse(list).map_err(Refusal::from)?;
        let question = question.held_to(held_to);
        let view = self.view(list.as_of.as_ref(), list.at_least, request.metadata());
        let view = view.await?;
        let page = question.ask(&view.tables, &self.common, view.now).await;
        let page = page.map_err(Refusal::from)?;
        Ok((page, view))
    }

    /// What a get asks for, and of what, once that is there.
    async fn wanted(&self, request: Request<GetRequest>) -> Result<(String, View), Refusal> {
        let get = request.get_ref();
        let mut violations = Violations::new();
        let id = violations.check("id", id(&get.id));
        let Some(id) = id else {
            return Err(violations.into());
        };
        let view = self.view(get.as_of.as_ref(), get.at_least, request.metadata());
        Ok((id, view.await?))
    }
}

#[tonic::async_trait]
impl QueryService for Questions {
    async fn get_overview(
        &self,
        request: Request<answer::GetOverviewRequest>,
    ) -> Result<Response<answer::Overview>, Status> {
        let ask = request.get_ref();
        let view = self.view(ask.as_of.as_ref(), ask.at_least, request.metadata());
        let view = view.await?;
        let mut overview = view.overview(self).await?;
        overview.position = view.position;
        overview.projected = self.served.position().now();
        overview.set_following(self.served.position().following());
        Ok(Response::new(overview))
    }

    async fn list_certificates(
        &self,
        request: Request<ListRequest>,
    ) -> Result<Response<answer::ListCertificatesResponse>, Status> {
        let (page, view) = self.list::<certificates::Field>(request).await?;
        let rows = certificates::answered(&view.tables, page.rows, view.now);
        Ok(Response::new(answer::ListCertificatesResponse {
            certificates: rows.await?,
            next_page_token: page.next_page_token,
            position: view.position,
        }))
    }

    async fn get_certificate(
        &self,
        request: Request<GetRequest>,
    ) -> Result<Response<answer::Certificate>, Status> {
        let held_to = Caller::of(&request)?.certificates.clone();
        let (id, view) = self.wanted(request).await?;
        let found = certificates::get(&view.tables, &id, view.now).await?;
        let leaf = found.certificate.as_ref();
        let names = leaf.and_then(|leaf| leaf.subject_alt_names.as_ref());
        within(&held_to, names, "certificate", id)?;
        Ok(Response::new(found))
    }

    async fn count_certificates(
        &self,
        request: Request<CountCertificatesRequest>,
    ) -> Result<Response<answer::CountCertificatesResponse>, Status> {
        let ask = request.get_ref();
        let view = self.view(ask.as_of.as_ref(), ask.at_least, request.metadata());
        let view = view.await?;
        let counts = certificates::counts::counts(&view.tables, view.now).await;
        Ok(Response::new(answer::CountCertificatesResponse {
            position: view.position,
            ..counts.map_err(Refusal::from)?
        }))
    }

    async fn list_certificate_requests(
        &self,
        request: Request<ListRequest>,
    ) -> Result<Response<answer::ListCertificateRequestsResponse>, Status> {
        let (page, view) = self.list::<requests::Field>(request).await?;
        Ok(Response::new(answer::ListCertificateRequestsResponse {
            requests: requests::answered(&view.tables, page.rows).await?,
            next_page_token: page.next_page_token,
            position: view.position,
        }))
    }

    async fn get_certificate_request(
        &self,
        request: Request<GetRequest>,
    ) -> Result<Response<answer::CertificateRequest>, Status> {
        let held_to = Caller::of(&request)?.certificates.clone();
        let (id, view) = self.wanted(request).await?;
        let found = requests::get(&view.tables, &id).await?;
        let names = found.subject_alt_names.as_ref();
        within(&held_to, names, "certificate request", id)?;
        Ok(Response::new(found))
    }

    async fn list_keys(
        &self,
        request: Request<ListRequest>,
    ) -> Result<Response<answer::ListKeysResponse>, Status> {
        let (page, view) = self.list::<keys::Field>(request).await?;
        let keys = keys::answered(&view.tables, page.rows).await;
        Ok(Response::new(answer::ListKeysResponse {
            keys: keys.map_err(Refusal::from)?,
            next_page_token: page.next_page_token,
            position: view.position,
        }))
    }

    async fn get_key(&self, request: Request<GetRequest>) -> Result<Response<answer::Key>, Status> {
        let (id, view) = self.wanted(request).await?;
        Ok(Response::new(keys::get(&view.tables, &id).await?))
    }

    async fn list_servers(
        &self,
        request: Request<ListRequest>,
    ) -> Result<Response<answer::ListServersResponse>, Status> {
        let (page, view) = self.list::<servers::Field>(request).await?;
        Ok(Response::new(answer::ListServersResponse {
            servers: page.rows.into_iter().map(servers::answered).collect(),
            next_page_token: page.next_page_token,
            position: view.position,
        }))
    }

    async fn get_server(
        &self,
        request: Request<GetRequest>,
    ) -> Result<Response<answer::Server>, Status> {
        let (id, view) = self.wanted(request).await?;
        Ok(Response::new(servers::get(&view.tables, &id).await?))
    }

    async fn list_automations(
        &self,
        request: Request<ListRequest>,
    ) -> Result<Response<answer::ListAutomationsResponse>, Status> {
        let (page, view) = self.list::<automations::Field>(request).await?;
        Ok(Response::new(answer::ListAutomationsResponse {
            automations: automations::answered(&view.tables, page.rows, view.now).await?,
            next_page_token: page.next_page_token,
            position: view.position,
        }))
    }

    async fn get_automation(
        &self,
        request: Request<GetRequest>,
    ) -> Result<Response<answer::Automation>, Status> {
        let held_to = Caller::of(&request)?.certificates.clone();
        let (id, view) = self.wanted(request).await?;
        let found = automations::get(&view.tables, &id, view.now).await?;
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
        let held_to = Caller::of(&request)?.certificates.clone();
        let list = request.get_ref();
        let question = Question::parse(list).map_err(Refusal::from)?;
        let question = question.held_to(held_to);
        let view = self.view(list.as_of.as_ref(), list.at_least, request.metadata());
        let view = view.await?;
        let question = match view.up_to {
            Some(up_to) => events::up_to(question, &view.tables, up_to).await,
            None => Ok(question),
        };
        let question = question.map_err(Refusal::from)?;
        let page = question.ask(&view.events, &self.common, view.now).await;
        let page = page.map_err(Refusal::from)?;
        let subjects = subjects::of(&view.tables, &page.rows).await;
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
            position: view.position,
        }))
    }

    async fn list_dns_providers(
        &self,
        request: Request<ListRequest>,
    ) -> Result<Response<answer::ListDnsProvidersResponse>, Status> {
        let (page, view) = self.list::<dns_providers::Field>(request).await?;
        let rows = dns_providers::answered(&view.tables, page.rows).await;
        Ok(Response::new(answer::ListDnsProvidersResponse {
            dns_providers: rows.map_err(Refusal::from)?,
            next_page_token: page.next_page_token,
            position: view.position,
        }))
    }

    async fn list_channels(
        &self,
        request: Request<ListRequest>,
    ) -> Result<Response<answer::ListChannelsResponse>, Status> {
        let (page, view) = self.list::<channels::Field>(request).await?;
        let rows = page.rows.into_iter().map(channels::answered);
        Ok(Response::new(answer::ListChannelsResponse {
            channels: rows.collect::<Result<_, _>>()?,
            next_page_token: page.next_page_token,
            position: view.position,
        }))
    }

    async fn list_alerts(
        &self,
        request: Request<ListRequest>,
    ) -> Result<Response<answer::ListAlertsResponse>, Status> {
        let (page, view) = self.list::<alerts::Field>(request).await?;
        Ok(Response::new(answer::ListAlertsResponse {
            alerts: page.rows.into_iter().map(alerts::answered).collect(),
            next_page_token: page.next_page_token,
            position: view.position,
        }))
    }

    async fn what_served(
        &self,
        request: Request<WhatServedRequest>,
    ) -> Result<Response<answer::WhatServedResponse>, Status> {
        let ask = request.get_ref();
        let mut violations = Violations::new();
        let name = violations.check("name", id(&ask.name));
        let Some(name) = name else {
            return Err(Refusal::Invalid(violations).into());
        };
        let view = self.view(ask.as_of.as_ref(), ask.at_least, request.metadata());
        let view = view.await?;
        let up_to = view.up_to.unwrap_or(view.position);
        let found = served_name::find(&view.tables, &view.events, &name, up_to, view.now);
        Ok(Response::new(answer::WhatServedResponse {
            position: view.position,
            ..found.await?
        }))
    }

    type WatchEventsStream = Pin<Box<dyn Stream<Item = Result<answer::Event, Status>> + Send>>;

    async fn watch_events(
        &self,
        request: Request<WatchEventsRequest>,
    ) -> Result<Response<Self::WatchEventsStream>, Status> {
        let watch = events::Watch::parse(request.get_ref()).map_err(Refusal::from)?;
        let events = watch.follow(self.served.clone());
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
