//! A PostgreSQL server: where it is, how it is connected to, and what must hold there.

use std::{fmt, str::FromStr as _, sync::Arc};

use sea_orm::{
    ConnectOptions, ConnectionTrait, DbBackend, DbErr, Statement,
    sqlx::{
        self, ConnectOptions as _, Executor,
        postgres::{PgConnectOptions, PgPoolOptions},
    },
};
use serde::Deserialize;

/// Where the server is and who we are to it: `postgresql://chancery:secret@db.example/chancery?sslmode=verify-full`.
/// `{service}` in it is the service's name, so that each may have a user or a database of its own.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ServerUrl(Arc<str>);

/// What was configured is not the URL of a PostgreSQL server. It may hold a password, so it is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ServerUrlError {
    /// It begins otherwise.
    #[error("it must begin with postgresql://")]
    Scheme,
    /// It begins well.
    #[error("it must look like postgresql://user:password@host:5432/database?sslmode=verify-full")]
    Form,
}

impl TryFrom<String> for ServerUrl {
    type Error = ServerUrlError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if !["postgresql://", "postgres://"]
            .iter()
            .any(|scheme| text.starts_with(scheme))
        {
            return Err(ServerUrlError::Scheme);
        }
        let url = Self(text.into());
        match url.options_of("keystore") {
            Some(options) if options.get_database().is_some() => Ok(url),
            _ => Err(ServerUrlError::Form),
        }
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerUrl")
    }
}

impl ServerUrl {
    fn options_of(&self, service: &str) -> Option<PgConnectOptions> {
        PgConnectOptions::from_str(&self.0.replace("{service}", service)).ok()
    }
}

/// A schema of a server's.
#[derive(Clone)]
pub(crate) struct Schema {
    server: PgConnectOptions,
    /// Its name: of small letters, digits and `_`.
    pub name: String,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// What is committed stays.
    Keep,
    /// All of it is read, in a transaction that waits for as long as that of others takes.
    Copy,
    /// What is committed stays, and as long as it is open the schema is not removed.
    Hold,
    /// It is held likewise, and a crash may take what was committed last: what comes after it is kept on another connection.
    Build,
}

impl Schema {
    /// The schema of this service.
    pub fn of(service: &str, url: &ServerUrl) -> Self {
        let name = service.replace('-', "_");
        // What was parsed with one name is parsed with another: their letters mean nothing in a URL.
        let server = url.options_of(&name).unwrap_or_default();
        Self { server, name }
    }

    /// Another one on the same server.
    pub fn beside(&self, name: String) -> Self {
        Self {
            server: self.server.clone(),
            name,
        }
    }

    /// How connections to it are made.
    pub fn options(&self, purpose: Purpose) -> ConnectOptions {
        let schema = self.clone();
        let server = self
            .server
            .clone()
            .options([("search_path", &self.name)])
            .disable_statement_logging();
        // No URL has all of it.
        let mut options = ConnectOptions::new("postgres://localhost");
        options
            .map_sqlx_postgres_opts(move |_| server.clone())
            .map_sqlx_postgres_pool_opts(move |pool| schema.pool(pool, purpose));
        options
    }

    fn pool(&self, pool: PgPoolOptions, purpose: Purpose) -> PgPoolOptions {
        let hold = match purpose {
            Purpose::Keep | Purpose::Copy => None,
            Purpose::Hold | Purpose::Build => {
                Some(format!("SELECT pg_advisory_lock_shared({})", self.lock()))
            }
        };
        let pool = match &hold {
            None => pool,
            // The lock is the connection's.
            Some(_) => pool.idle_timeout(None).max_lifetime(None),
        };
        pool.after_connect(move |connection, _| {
            let hold = hold.clone();
            Box::pin(async move {
                connection.execute(SESSION).await?;
                let further = match purpose {
                    Purpose::Keep | Purpose::Hold => None,
                    Purpose::Copy => Some("SET idle_in_transaction_session_timeout = 0"),
                    Purpose::Build => Some("SET synchronous_commit = off"),
                };
                if let Some(further) = further {
                    connection.execute(further).await?;
                }
                if let Some(hold) = hold {
                    connection.execute(sqlx::AssertSqlSafe(hold)).await?;
                }
                Ok(())
            })
        })
    }

    /// The two numbers of the lock that stands for the schema as a whole.
    pub fn lock(&self) -> String {
        format!("{WHOLE_SCHEMA}, hashtext('{}')", self.name)
    }
}

/// Where it is, without the password.
impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let database = self.server.get_database().unwrap_or_default();
        match self.server.get_socket() {
            Some(socket) => write!(f, "{}", socket.display())?,
            None => write!(f, "{}:{}", self.server.get_host(), self.server.get_port())?,
        }
        write!(f, "/{database}, schema {}", self.name)
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Has all text of the schema's tables compared octet by octet, as SQLite does, whatever language the server speaks.
/// Asked for whenever tables were made, before they have rows; on SQLite it is so.
///
/// # Errors
/// What the database says.
pub async fn octets(database: &impl ConnectionTrait) -> Result<(), DbErr> {
    if database.get_database_backend() == DbBackend::Postgres {
        database.execute_unprepared(OCTETS).await?;
    }
    Ok(())
}

/// Refuses a server that may lose what was committed, or cannot hold every text. Asked of a pool: what is refused while a
/// connection is made is tried again in silence.
pub(crate) async fn check(database: &impl ConnectionTrait) -> Result<(), DbErr> {
    let mut wrong = Vec::new();
    for (setting, wanted) in [
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("server_encoding", "UTF8"),
    ] {
        let show = Statement::from_string(DbBackend::Postgres, format!("SHOW {setting}"));
        let row = database.query_one_raw(show).await?;
        let found = row
            .map(|row| row.try_get_by_index::<String>(0))
            .transpose()?;
        let found = found.unwrap_or_default();
        if found != wanted {
            wrong.push(format!("{setting} is {found} and must be {wanted}"));
        }
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(DbErr::Custom(wrong.join(", "))),
    }
}

/// The turn of who writes: see [`crate::begin_write`]. The first number is ours, the second the schema's.
pub(crate) const TURN: &str =
    "SELECT pg_advisory_xact_lock(1128812099, hashtext(current_schema()))";

const WHOLE_SCHEMA: i32 = 1_128_812_100;

/// What a session is like, whatever the server's own settings say. That a table is there already is nobody's news.
const SESSION: &str = "SET synchronous_commit = on; SET client_min_messages = warning; SET default_transaction_isolation = 'read committed'; \
    SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '60s'";

const OCTETS: &str = r#"
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT format('ALTER TABLE %I ', class.relname) || string_agg(
            format('ALTER COLUMN %I TYPE %s COLLATE "C"', attname, format_type(atttypid, atttypmod)), ', '
        ) AS change
        FROM pg_attribute JOIN pg_class class ON class.oid = attrelid
        WHERE class.relnamespace = current_schema()::regnamespace AND class.relkind = 'r'
            AND attnum > 0 AND NOT attisdropped
            AND attcollation NOT IN (0, (
                SELECT oid FROM pg_collation WHERE collname = 'C' AND collnamespace = 'pg_catalog'::regnamespace
            ))
        GROUP BY class.relname
    LOOP
        EXECUTE found.change;
    END LOOP;
END $$
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_never_shows_its_password() {
        let url =
            ServerUrl::try_from("postgresql://{service}:hunter2@db.example/chancery".to_owned());
        let url = url.unwrap();
        let schema = Schema::of("acme-agent", &url);
        assert_eq!(
            schema.to_string(),
            "db.example:5432/chancery, schema acme_agent"
        );
        assert_eq!(schema.server.get_username(), "acme_agent");
        assert!(!format!("{url:?} {schema:?}").contains("hunter2"));
    }

    #[test]
    fn what_is_no_server_is_refused() {
        let refused = |text: &str| ServerUrl::try_from(text.to_owned()).unwrap_err();
        assert_eq!(refused("mysql://db/chancery"), ServerUrlError::Scheme);
        assert_eq!(refused("postgresql://db"), ServerUrlError::Form);
        assert_eq!(
            refused("postgresql://db:port/chancery"),
            ServerUrlError::Form
        );
    }
}
