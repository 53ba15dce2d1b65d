//! The desk of somebody of the town: a folder with files, a shell in it, and a CA that is run by hand.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    Town,
    command_line::{self, Ended},
    tools::chancery,
    wait,
};

/// A folder, and a shell that knows `chancery`, `openssl` and `$EDGE` (where the gateway listens).
#[derive(Debug)]
pub struct Desk {
    folder: PathBuf,
    home: PathBuf,
    edge: String,
}

impl Desk {
    /// The desk of somebody who is signed in.
    pub async fn of(town: &Town) -> Self {
        town.sign_in().await;
        let folder = town.folder().join("desk");
        fs::create_dir_all(&folder).expect("a folder for the desk");
        Self {
            folder,
            home: town.installation.home().to_owned(),
            edge: format!("localhost:{}", town.edge().https.port()),
        }
    }

    /// Runs a line as it is typed, to its end.
    pub async fn shell(&self, line: &str) -> Ended {
        let environment = command_line::command(&self.home);
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).current_dir(&self.folder);
        for (name, value) in environment.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        let program = chancery();
        let program = program.parent().expect("a program is in a folder");
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = [program.to_owned()]
            .into_iter()
            .chain(env::split_paths(&path));
        shell
            .env("PATH", env::join_paths(folders).expect("folders of a PATH"))
            .env("EDGE", &self.edge);
        let running =
            tokio::task::spawn_blocking(move || command_line::run(&mut shell, Stdio::null()));
        running.await.expect("the shell runs")
    }

    /// Runs a line that ends well: what it printed.
    ///
    /// # Panics
    /// Where it does not.
    pub async fn done(&self, line: &str) -> String {
        let ended = self.shell(line).await;
        assert_eq!(ended.status, 0, "{line}\n{}{}", ended.stdout, ended.stderr);
        ended.stdout
    }

    /// Runs a line that ends with this status: all that it printed.
    ///
    /// # Panics
    /// Where it ends otherwise.
    pub async fn refused(&self, status: i32, line: &str) -> String {
        let ended = self.shell(line).await;
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert_eq!(ended.status, status, "{line}\n{said}");
        said
    }

    /// The answer of a command of `chancery`.
    ///
    /// # Panics
    /// Where it is not done.
    pub async fn json(&self, line: &str) -> Value {
        let answer = self.done(&format!("{line} --output json")).await;
        serde_json::from_str(&answer).expect("JSON")
    }

    /// The answer of a command of `chancery`, once it holds.
    pub async fn until(&self, line: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let line = format!("{line} --output json");
        wait::until(&line, async || {
            let ended = self.shell(&line).await;
            let answer = serde_json::from_str(&ended.stdout).ok()?;
            (ended.status == 0 && holds(&answer)).then_some(answer)
        })
        .await
    }

    /// Where a file of this name is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What is in a file.
    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// Lays a file there.
    pub fn lay(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).expect("the file is written");
    }

    /// Makes a CA with openssl: `<stem>.pem` and `<stem>.key`. `subject` is as openssl takes it: "/CN=Paper CA".
    pub async fn root(&self, stem: &str, subject: &str) {
        self.lay("ca.cnf", CA_EXTENSIONS);
        self.done(&format!(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
             -config ca.cnf -extensions ca -subj '{subject}' -keyout {stem}.key -out {stem}.pem"
        ))
        .await;
    }

    /// Makes a CA that another vouches for.
    pub async fn below(&self, above: &str, stem: &str, subject: &str) {
        self.done(&format!(
            "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config ca.cnf \
             -subj '{subject}' -keyout {stem}.key -out {stem}.csr && \
             openssl x509 -req -in {stem}.csr -CA {above}.pem -CAkey {above}.key -days 1825 \
             -extfile ca.cnf -extensions ca -out {stem}.pem"
        ))
        .await;
    }

    /// Lets a CA grant a request all that it asks for.
    pub async fn grant(&self, ca: &str, request: &str, certificate: &str) {
        self.done(&format!(
            "openssl x509 -req -in {request} -CA {ca}.pem -CAkey {ca}.key -days 90 \
             -copy_extensions copy -extfile ca.cnf -extensions granted -out {certificate}"
        ))
        .await;
    }

    /// Lets a CA make a key (`<stem>.key`) and its certificate (`<stem>.pem`) for one name.
    pub async fn issue(&self, ca: &str, stem: &str, name: &str) {
        self.done(&format!(
            "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config ca.cnf \
             -subj '/CN={name}' -addext 'subjectAltName=DNS:{name}' -keyout {stem}.key -out {stem}.csr"
        ))
        .await;
        self.grant(ca, &format!("{stem}.csr"), &format!("{stem}.pem"))
            .await;
    }

    /// The certificate in a PEM file, DER.
    pub async fn der(&self, file: &str) -> Vec<u8> {
        self.done(&format!(
            "openssl x509 -in {file} -outform DER -out {file}.der"
        ))
        .await;
        self.read(&format!("{file}.der"))
    }
}

/// The mode of a file, in octal.
pub fn mode(file: &Path) -> String {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(file).expect("the file is there").permissions();
    format!("{:o}", mode.mode() & 0o777)
}

const CA_EXTENSIONS: &str = "\
[req]
distinguished_name = subject
[subject]
[ca]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[granted]
authorityKeyIdentifier = keyid
";
