//! People: who may sign in, and what they may do.

use api::{
    convert::timestamp,
    gateway::v1::{
        ChangeRoleRequest, ChangeRoleResponse, CreateUserRequest, CreateUserResponse,
        DeleteUserRequest, DeleteUserResponse, DisableUserRequest, DisableUserResponse,
        EnableUserRequest, EnableUserResponse, Invitation, ListUsersRequest, ListUsersResponse,
        ResetCredentialsRequest, ResetCredentialsResponse, User, user_service_server::UserService,
    },
};
use tonic::{Request, Response, Status};

use super::{origin, to_its_end};
use crate::{
    commands::{CommandError, Commands, Invited, NewUser},
    instant, parse,
    rows::user,
    set_up::link_path,
};

/// The user service.
pub struct Users {
    /// What commands do.
    pub commands: Commands,
}

#[tonic::async_trait]
impl UserService for Users {
    async fn list_users(
        &self,
        _: Request<ListUsersRequest>,
    ) -> Result<Response<ListUsersResponse>, Status> {
        let users = user::all(&self.commands.database).await;
        let users = users.map_err(CommandError::Database)?;
        Ok(Response::new(ListUsersResponse {
            users: users.into_iter().map(shown).collect(),
        }))
    }

    async fn create_user(
        &self,
        request: Request<CreateUserRequest>,
    ) -> Result<Response<CreateUserResponse>, Status> {
        let origin = origin(&request)?;
        let (names, role) = parse::create(request.get_ref())?;
        let commands = self.commands.clone();
        let new = NewUser { names, role };
        let work = async move { commands.create_user(&origin, &new).await };
        let created = to_its_end(work).await?;
        let gone = || User {
            user_id: created.id.to_string(),
            ..User::default()
        };
        Ok(Response::new(CreateUserResponse {
            user: Some(created.user.map_or_else(gone, shown)),
            position: created.invited.position,
            invitation: invitation(created.invited),
        }))
    }

    async fn change_role(
        &self,
        request: Request<ChangeRoleRequest>,
    ) -> Result<Response<ChangeRoleResponse>, Status> {
        let origin = origin(&request)?;
        let (user, role, from) = parse::change_role(request.get_ref())?;
        let commands = self.commands.clone();
        let work = async move { commands.change_role(&origin, user, role, from).await };
        Ok(Response::new(ChangeRoleResponse {
            position: to_its_end(work).await?,
        }))
    }

    async fn disable_user(
        &self,
        request: Request<DisableUserRequest>,
    ) -> Result<Response<DisableUserResponse>, Status> {
        let origin = origin(&request)?;
        let user = parse::one("user_id", &request.get_ref().user_id)?;
        let commands = self.commands.clone();
        let work = async move { commands.disable_user(&origin, user).await };
        Ok(Response::new(DisableUserResponse {
            position: to_its_end(work).await?,
        }))
    }

    async fn enable_user(
        &self,
        request: Request<EnableUserRequest>,
    ) -> Result<Response<EnableUserResponse>, Status> {
        let origin = origin(&request)?;
        let user = parse::one("user_id", &request.get_ref().user_id)?;
        let commands = self.commands.clone();
        let work = async move { commands.enable_user(&origin, user).await };
        Ok(Response::new(EnableUserResponse {
            position: to_its_end(work).await?,
        }))
    }

    async fn delete_user(
        &self,
        request: Request<DeleteUserRequest>,
    ) -> Result<Response<DeleteUserResponse>, Status> {
        let origin = origin(&request)?;
        let user = parse::one("user_id", &request.get_ref().user_id)?;
        let commands = self.commands.clone();
        let work = async move { commands.delete_user(&origin, user).await };
        Ok(Response::new(DeleteUserResponse {
            position: to_its_end(work).await?,
        }))
    }

    async fn reset_credentials(
        &self,
        request: Request<ResetCredentialsRequest>,
    ) -> Result<Response<ResetCredentialsResponse>, Status> {
        let origin = origin(&request)?;
        let user = parse::one("user_id", &request.get_ref().user_id)?;
        let commands = self.commands.clone();
        let work = async move { commands.reset_credentials(&origin, user).await };
        let invited = to_its_end(work).await?;
        Ok(Response::new(ResetCredentialsResponse {
            position: invited.position,
            invitation: invitation(invited),
        }))
    }
}

fn shown(user: user::User) -> User {
    User {
        user_id: user.id.to_string(),
        role: user.role,
        login_name: user.login_name,
        display_name: user.display_name,
        email: user.email.unwrap_or_default(),
        disabled: user.disabled,
        active: user.password.is_some(),
        second_factor: user.second_factor,
        created: Some(timestamp(instant::time(user.created))),
        last_signed_in: user.last_signed_in.map(|at| timestamp(instant::time(at))),
    }
}

fn invitation(invited: Invited) -> Option<Invitation> {
    invited.link.map(|(code, expires)| Invitation {
        path: link_path(code.text()),
        expires: Some(timestamp(expires)),
    })
}
