//! What an installation keeps in its databases, whichever they are; and what is left when its machine is lost.

use std::{
    fs,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use databases::Postgresql;
use runtime::database::Home;
use sea_orm::{ConnectionTrait as _, Statement};

use crate::installation::Installation;

impl Installation {
    /// How many rows a table of a service's has, as far as they are committed.
    pub async fn rows(&self, service: &'static str, table: &str) -> i64 {
        let database = self.database(service).writer().await.expect("a database");
        let count = Statement::from_string(
            database.get_database_backend(),
            format!("SELECT COUNT(*) FROM {table}"),
        );
        let row = database.query_one_raw(count).await.expect("a count");
        let rows = row.and_then(|row| row.try_get_by_index(0).ok());
        database.close().await.expect("it is closed");
        rows.expect("a number")
    }

    /// Removes the tables that are made from the log. Nothing may run.
    pub async fn forget_tables(&self) {
        let home = self.database("projection");
        let Some(_server) = self.postgresql() else {
            for file in fs::read_dir(self.data.join("db")).expect("databases") {
                let file = file.expect("a file");
                if file
                    .file_name()
                    .to_string_lossy()
                    .starts_with("projection.")
                {
                    fs::remove_file(file.path()).expect("it is removed");
                }
            }
            return;
        };
        for place in home.places().all().await.expect("places") {
            home.places().remove(place).await.expect("it is removed");
        }
        let database = home.writer().await.expect("a database");
        let drop = "DROP SCHEMA projection CASCADE";
        database.execute_unprepared(drop).await.expect("it is gone");
        database.close().await.expect("it is closed");
    }

    /// The machine is lost with all that is on it. On another one, which looks the same to others, are the key-encryption
    /// key and the configuration, and nothing else.
    pub fn lost(&mut self) {
        self.running.clear();
        let mut lost = (1..).map(|time| self.data.with_extension(format!("lost-{time}")));
        let lost = lost.find(|lost| !lost.exists()).expect("a free name");
        fs::rename(&self.data, &lost).expect("the data folder");
        let mut private = fs::DirBuilder::new();
        private.mode(0o700).create(&self.data).expect("a folder");
        for file in ["kek", "chancery.toml"] {
            fs::copy(lost.join(file), self.data.join(file)).expect("a file that was kept");
        }
        let owner_alone = fs::Permissions::from_mode(0o600);
        fs::set_permissions(self.data.join("kek"), owner_alone).expect("its mode");
        if let Some(server) = &mut self.postgresql {
            let old = server.url_text();
            *server = Postgresql::start();
            let file = self.data.join("chancery.toml");
            let text = fs::read_to_string(&file).expect("the configuration");
            let text = text.replace(&old, &server.url_text());
            fs::write(file, text).expect("the configuration");
        }
    }

    /// The server that keeps its databases is killed, and comes back.
    pub fn crash_postgresql(&mut self) {
        let server = self.postgresql.as_mut().expect("it has one");
        server.crash_and_restart();
    }

    /// Folders in which there is something that is kept, beside the town's own.
    pub fn elsewhere(&self) -> Vec<PathBuf> {
        let server = self.postgresql().into_iter();
        server.map(|server| server.folder().to_owned()).collect()
    }

    /// Where the rows of a service are.
    pub fn database(&self, service: &'static str) -> Home {
        match self.postgresql() {
            None => Home::sqlite(service, self.data.join("db")),
            Some(server) => Home::postgresql(service, &server.url()),
        }
    }
}

/// Copies a folder with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from)
        .expect("a folder that is there")
        .flatten()
    {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        match from.is_dir() {
            true => copy(&from, &to),
            false => drop(fs::copy(&from, &to).expect("a file that is there")),
        }
    }
}
