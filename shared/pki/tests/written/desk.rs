//! A folder of its own in which the judges work, and the judges.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

pub struct Desk(TempDir);

impl Desk {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, name: &str, octets: impl AsRef<[u8]>) {
        fs::write(self.folder().join(name), octets).unwrap();
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder().join(name)).unwrap()
    }

    /// What the judge says to these arguments.
    ///
    /// # Panics
    /// Where it is not content.
    pub fn ask(&self, judge: &str, arguments: &[&str]) -> String {
        let output = self.run(judge, arguments);
        let said = said(&output);
        assert!(output.status.success(), "{judge} {arguments:?}\n{said}");
        said
    }

    /// What the judge says as it refuses.
    ///
    /// # Panics
    /// Where it is content.
    pub fn ask_in_vain(&self, judge: &str, arguments: &[&str]) -> String {
        let output = self.run(judge, arguments);
        let said = said(&output);
        assert!(!output.status.success(), "{judge} {arguments:?}\n{said}");
        said
    }

    fn run(&self, judge: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(judge_named(judge));
        if judge == "keytool" {
            // It starts in half the time so.
            command.args(["-J-XX:+UseSerialGC", "-J-XX:TieredStopAtLevel=1"]);
        }
        command
            .args(arguments)
            .current_dir(self.folder())
            // So that passphrases reach Java as they are, and no other settings reach anybody.
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            .env("HOME", self.folder());
        command.output().unwrap()
    }
}

fn said(output: &Output) -> String {
    let out = String::from_utf8_lossy(&output.stdout);
    format!("{out}{}", String::from_utf8_lossy(&output.stderr))
}

/// In `.tools/bin`, else on PATH.
fn judge_named(name: &str) -> PathBuf {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/bin");
    let path = env::var_os("PATH").unwrap_or_default();
    std::iter::once(ours)
        .chain(env::split_paths(&path))
        .find_map(|folder| {
            folder
                .join(name)
                .canonicalize()
                .ok()
                .filter(|f| f.is_file())
        })
        .unwrap_or_else(|| panic!("there is no {name} here: `make tools` gets it"))
}
