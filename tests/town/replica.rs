//! More than one of a service.

use std::{fs, path::Path};

use crate::{child::Child, command_line, installation::Installation};

impl Installation {
    /// Starts one more acme-agent beside the first, on the same folder; it goes by this name.
    pub fn start_acme_agent(&mut self, replica: &str) {
        let data = self.data.clone();
        let name = ("CHANCERY_ACME_AGENT__REPLICA", replica);
        self.start_replica(replica, "acme-agent", &data, Some(name));
    }

    /// Starts one more projection, as on another machine: in a folder of its own, to which the first's identities are
    /// copied when it is started first. It goes by this name.
    pub fn start_projection(&mut self, replica: &str) {
        let data = self.data.with_file_name(replica);
        if !data.exists() {
            fs::create_dir_all(data.join("identity")).expect("a folder of the town");
            for part in [".", "identity"] {
                let files = fs::read_dir(self.data.join(part)).expect("the first's folder");
                for file in files.map(|file| file.expect("a file")) {
                    if file.path().is_file() {
                        let to = data.join(part).join(file.file_name());
                        fs::copy(file.path(), to).expect("a copy");
                    }
                }
            }
        }
        self.start_replica(replica, "projection", &data, None);
    }

    fn start_replica(
        &mut self,
        replica: &str,
        service: &str,
        data: &Path,
        name: Option<(&str, &str)>,
    ) {
        let listen = format!(
            "CHANCERY_{}__LISTEN",
            service.replace('-', "_").to_ascii_uppercase()
        );
        let mut command = command_line::command(&self.home);
        command
            .args(["service", service, "--data-dir"])
            .arg(data)
            .envs(name)
            .env(listen, format!("127.0.0.1:{}", ports::free_port()));
        self.running.insert(
            replica.to_owned(),
            Child::start(replica, &mut command, &self.logs),
        );
    }
}
