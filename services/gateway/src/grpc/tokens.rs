//! Tokens, with which programs call.

use api::{
    convert::timestamp,
    gateway::v1::{
        ApiToken, CreateTokenRequest, CreateTokenResponse, ListTokensRequest, ListTokensResponse,
        RevokeTokenRequest, RevokeTokenResponse, token_service_server::TokenService,
    },
};
use tonic::{Request, Response, Status};

use super::{origin, principal, to_its_end};
use crate::{
    commands::{Commands, Whose},
    instant, parse,
    principal::{Principal, Who},
    rows::token::Token,
};

/// The token service.
pub struct Tokens {
    /// What commands do.
    pub commands: Commands,
}

#[tonic::async_trait]
impl TokenService for Tokens {
    async fn create_token(
        &self,
        request: Request<CreateTokenRequest>,
    ) -> Result<Response<CreateTokenResponse>, Status> {
        let origin = origin(&request)?;
        let new = parse::tokens::create(request.get_ref())?;
        if new.key_export {
            // Nobody gives what he has not: that would be a way past his own bounds.
            principal(&request)?.may_export_keys()?;
        }
        let commands = self.commands.clone();
        let work = async move { commands.create_token(&origin, &new, None, None).await };
        let created = to_its_end(work).await?;
        Ok(Response::new(CreateTokenResponse {
            token: Some(shown(created.token)),
            text: created.text.text().to_owned(),
            position: created.position,
        }))
    }

    async fn list_tokens(
        &self,
        request: Request<ListTokensRequest>,
    ) -> Result<Response<ListTokensResponse>, Status> {
        let tokens = self.commands.tokens(whose(principal(&request)?)).await?;
        Ok(Response::new(ListTokensResponse {
            tokens: tokens.into_iter().map(shown).collect(),
        }))
    }

    async fn revoke_token(
        &self,
        request: Request<RevokeTokenRequest>,
    ) -> Result<Response<RevokeTokenResponse>, Status> {
        let whose = whose(principal(&request)?);
        let origin = origin(&request)?;
        let id = parse::one("token_id", &request.get_ref().token_id)?;
        let commands = self.commands.clone();
        let work = async move { commands.revoke_token(&origin, id, whose).await };
        Ok(Response::new(RevokeTokenResponse {
            position: to_its_end(work).await?,
        }))
    }
}

fn whose(principal: &Principal) -> Whose {
    if principal.administers() {
        return Whose::Anybodys;
    }
    Whose::Own {
        token: match principal.who {
            Who::Token { id, .. } => Some(id),
            Who::Bootstrap | Who::Session { .. } => None,
        },
        // A token that does less than its person ends itself, and no other of his.
        user: principal
            .user_id()
            .filter(|_| principal.certificates.is_open()),
    }
}

/// A token as people see it: all but what opens it.
pub(super) fn shown(token: Token) -> ApiToken {
    let certificates = token.certificates().unwrap_or_default();
    let time = |micros| timestamp(instant::time(micros));
    ApiToken {
        token_id: token.id.to_string(),
        role: token.role().into(),
        certificate_filter: certificates.names().to_vec(),
        key_export: token.key_export,
        created: Some(time(token.created)),
        expires: Some(time(token.expires)),
        last_used: token.last_used.map(time),
        user_id: token
            .user_id
            .map(|user| user.to_string())
            .unwrap_or_default(),
        name: token.name,
    }
}
