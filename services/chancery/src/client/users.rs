//! `chancery users`

pub mod reset_admin;

use api::{
    gateway::v1::{
        ChangeRoleRequest, CreateUserRequest, DeleteUserRequest, DisableUserRequest,
        EnableUserRequest, Invitation, ListUsersRequest, ResetCredentialsRequest, User,
    },
    options::v1,
};
use clap::{Args, Subcommand, ValueEnum};

use self::reset_admin::ResetAdminArgs;
use super::{
    ClientError, Connection, answer,
    connection::RequestId,
    terminal::{self, Consent},
};
use crate::cli::Output;

/// `chancery users`
#[derive(Debug, Subcommand)]
pub enum UsersCommand {
    /// Everybody who may sign in, or might again.
    #[command(after_help = "Examples:
  chancery users list
  chancery users list --output json | jq -r '.users[].loginName'")]
    List,
    /// Make a user, and a link with which he chooses his password: used once, good for 24 hours.
    Create(CreateArgs),
    /// Change what a user may do, from his next call on.
    #[command(after_help = "Examples:\n  chancery users role anna operator")]
    Role {
        /// Login name or id.
        #[arg(value_name = "USER")]
        user: String,
        /// What he may do.
        #[arg(value_enum)]
        role: Role,
        #[command(flatten)]
        command: CommandArgs,
    },
    /// A user may do nothing any more; his sessions and tokens end.
    #[command(after_help = "Examples:\n  chancery users disable anna")]
    Disable {
        /// Login name or id.
        #[arg(value_name = "USER")]
        user: String,
        #[command(flatten)]
        command: CommandArgs,
    },
    /// A disabled user may sign in again, as before.
    #[command(after_help = "Examples:\n  chancery users enable anna")]
    Enable {
        /// Login name or id.
        #[arg(value_name = "USER")]
        user: String,
        #[command(flatten)]
        command: CommandArgs,
    },
    /// Erase a user's name and addresses; what he did stays in the log under his id.
    #[command(
        after_help = "Examples:\n  chancery users delete anna\n  chancery users delete anna --yes"
    )]
    Delete {
        /// Login name or id.
        #[arg(value_name = "USER")]
        user: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        command: CommandArgs,
    },
    /// For one who lost his password or second factor: both go, his sessions end, and a new link is made.
    #[command(after_help = "Examples:\n  chancery users reset anna")]
    Reset {
        /// Login name or id.
        #[arg(value_name = "USER")]
        user: String,
        #[command(flatten)]
        command: CommandArgs,
    },
    /// On the gateway's own machine: make a link for an administrator who cannot get in.
    ResetAdmin(ResetAdminArgs),
}

/// What goes with every command.
#[derive(Debug, Clone, Args)]
pub struct CommandArgs {
    /// The same id again is the same command, however late; a fresh one where it is left out.
    #[arg(long, value_name = "ID")]
    pub request_id: Option<String>,
}

/// `chancery users create`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chancery users create anna --role operator
  chancery users create anna --role admin --name 'Anna Schmidt' --email anna@example.com

The link is shown once: give it to him in a way that nobody else reads.")]
pub struct CreateArgs {
    /// What he types to sign in: letters, digits, and . _ - @ +; the same in upper and lower case.
    #[arg(value_name = "LOGIN")]
    pub login_name: String,
    /// What he may do.
    #[arg(long, value_enum)]
    pub role: Role,
    /// What others call him; his login name where it is left out.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    pub name: String,
    /// Where he is written to.
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "",
        hide_default_value = true
    )]
    pub email: String,
    #[command(flatten)]
    pub command: CommandArgs,
}

/// Roles, each with what the one before may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Reads everything that is not secret.
    Viewer,
    /// Gets, renews and manages certificates.
    Operator,
    /// Also servers, users, tokens, settings.
    Admin,
}

impl From<Role> for i32 {
    fn from(role: Role) -> i32 {
        let role = match role {
            Role::Viewer => v1::Role::Viewer,
            Role::Operator => v1::Role::Operator,
            Role::Admin => v1::Role::Admin,
        };
        role.into()
    }
}

/// `chancery users`, but for `reset-admin`, which asks no gateway.
pub async fn run(
    command: UsersCommand,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    let mut users = connection.users();
    match command {
        UsersCommand::List => list(connection, output).await,
        UsersCommand::Create(args) => create(args, connection, output).await,
        UsersCommand::Role {
            user,
            role,
            command,
        } => {
            let id = RequestId::new(command.request_id.as_deref())?;
            let request = ChangeRoleRequest {
                user_id: find(connection, &user).await?.user_id,
                role: role.into(),
                ..ChangeRoleRequest::default()
            };
            let send = async |request| users.change_role(request).await;
            done(
                &connection.command(request, &id, send).await?,
                "changed",
                output,
            )
        }
        UsersCommand::Disable { user, command } => {
            let id = RequestId::new(command.request_id.as_deref())?;
            let user_id = find(connection, &user).await?.user_id;
            let send = async |request| users.disable_user(request).await;
            let request = DisableUserRequest { user_id };
            done(
                &connection.command(request, &id, send).await?,
                "disabled",
                output,
            )
        }
        UsersCommand::Enable { user, command } => {
            let id = RequestId::new(command.request_id.as_deref())?;
            let user_id = find(connection, &user).await?.user_id;
            let send = async |request| users.enable_user(request).await;
            let request = EnableUserRequest { user_id };
            done(
                &connection.command(request, &id, send).await?,
                "enabled",
                output,
            )
        }
        UsersCommand::Delete { user, yes, command } => {
            let id = RequestId::new(command.request_id.as_deref())?;
            let user = find(connection, &user).await?;
            agreed(&user, yes)?;
            let send = async |request| users.delete_user(request).await;
            let request = DeleteUserRequest {
                user_id: user.user_id,
            };
            done(
                &connection.command(request, &id, send).await?,
                "deleted",
                output,
            )
        }
        UsersCommand::Reset { user, command } => {
            let id = RequestId::new(command.request_id.as_deref())?;
            let user_id = find(connection, &user).await?.user_id;
            let send = async |request| users.reset_credentials(request).await;
            let request = ResetCredentialsRequest { user_id };
            let answered = connection.command(request, &id, send).await?;
            match output {
                Output::Json => answer::json(&answered),
                Output::Table => invited(connection, answered.invitation.as_ref()),
            }
        }
        UsersCommand::ResetAdmin(_) => Err(ClientError::Usage {
            what: "reset-admin is for the gateway's own machine".into(),
        }),
    }
}

async fn list(connection: &Connection, output: Output) -> Result<(), ClientError> {
    let mut users = connection.users();
    let send = async |request| users.list_users(request).await;
    let listed = connection.ask(ListUsersRequest {}, send).await?;
    if output == Output::Json {
        return answer::json(&listed);
    }
    let rows = listed.users.into_iter().map(|user| {
        [
            user.login_name.clone(),
            user.display_name.clone(),
            answer::word(user.role().as_str_name(), "ROLE_"),
            standing(&user).to_owned(),
            if user.second_factor { "yes" } else { "no" }.to_owned(),
            answer::time(&user.last_signed_in),
            user.user_id,
        ]
    });
    let headings = [
        "login",
        "name",
        "role",
        "standing",
        "second factor",
        "last signed in",
        "id",
    ];
    answer::table(headings, rows, "no user yet: chancery users create")
}

fn standing(user: &User) -> &'static str {
    match (user.disabled, user.active) {
        (true, _) => "disabled",
        (false, true) => "active",
        (false, false) => "invited",
    }
}

async fn create(
    args: CreateArgs,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    let id = RequestId::new(args.command.request_id.as_deref())?;
    let request = CreateUserRequest {
        login_name: args.login_name,
        display_name: args.name,
        email: args.email,
        role: args.role.into(),
    };
    let mut users = connection.users();
    let send = async |request| users.create_user(request).await;
    let answered = connection.command(request, &id, send).await?;
    if output == Output::Json {
        return answer::json(&answered);
    }
    let user = answered.user.unwrap_or_default();
    answer::details([("login", user.login_name), ("id", user.user_id)])?;
    invited(connection, answered.invitation.as_ref())
}

/// Shows a link, once.
fn invited(connection: &Connection, invitation: Option<&Invitation>) -> Result<(), ClientError> {
    match invitation {
        Some(invitation) => answer::details([
            ("link", format!("{}{}", connection.url(), invitation.path)),
            ("until", answer::time(&invitation.expires)),
        ]),
        None => {
            eprintln!("his link was used since, or another one was made");
            Ok(())
        }
    }
}

fn done(answered: &impl serde::Serialize, what: &str, output: Output) -> Result<(), ClientError> {
    match output {
        Output::Json => answer::json(answered),
        Output::Table => {
            eprintln!("{what}");
            Ok(())
        }
    }
}

fn agreed(user: &User, yes: bool) -> Result<(), ClientError> {
    if yes {
        return Ok(());
    }
    if !terminal::can_ask() {
        let what = "nobody can be asked here: say --yes".into();
        return Err(ClientError::Usage { what });
    }
    let name = answer::visible(&user.login_name);
    match terminal::agrees(&format!("Erase the user {name} for good?"), Consent::InFull)? {
        true => Ok(()),
        false => Err(ClientError::Input {
            what: "nobody was deleted".into(),
        }),
    }
}

/// The user with this login name or id.
async fn find(connection: &Connection, asked: &str) -> Result<User, ClientError> {
    let mut users = connection.users();
    let send = async |request| users.list_users(request).await;
    let listed = connection.ask(ListUsersRequest {}, send).await?;
    let is = |user: &User| user.user_id == asked || user.login_name.eq_ignore_ascii_case(asked);
    let found = listed.users.into_iter().find(is);
    found.ok_or_else(|| ClientError::Input {
        what: format!("there is no user {asked:?}: chancery users list shows them"),
    })
}
