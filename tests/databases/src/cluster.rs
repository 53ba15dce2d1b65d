//! The folder of a server: made once by `initdb`, which takes a while, and copied for each test.

use std::{
    env, fs,
    os::unix::{fs::chown, process::CommandExt as _},
    path::PathBuf,
    process::{Command, Stdio},
};

use tempfile::TempDir;

use crate::program;

/// A folder with an empty cluster in `data`.
pub(crate) fn copy() -> TempDir {
    let folder = folder();
    let status = Command::new("cp")
        .arg("-a")
        .arg(template())
        .arg(folder.path().join("data"))
        .status();
    assert!(status.expect("cp").success(), "the cluster is copied");
    folder
}

/// PostgreSQL does not run as root; and nobody else needs to own what a test leaves.
pub(crate) fn as_somebody(command: &mut Command) {
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
}

/// A cluster that speaks another order of letters than octets have, so that what relies on its default is found out.
fn template() -> PathBuf {
    // Beside the tests' own executables, where whoever runs them may write.
    let us = env::current_exe().expect("a test knows its own file");
    let version = program("postgres").display().to_string().replace('/', "-");
    let template = us.with_file_name(format!("postgresql-cluster{version}"));
    let lock = fs::File::create(template.with_extension("lock")).expect("a lock");
    lock.lock().expect("the lock is taken");
    if template.is_dir() {
        return template;
    }
    let folder = folder();
    let data = folder.path().join("data");
    let mut initdb = Command::new(program("initdb"));
    initdb
        .args([
            "--username=chancery",
            "--auth=trust",
            "--encoding=UTF8",
            "--no-sync",
            "--no-instructions",
        ])
        .args(["--locale=C", "--locale-provider=icu", "--icu-locale=en"])
        .arg("-D")
        .arg(&data)
        .current_dir(folder.path())
        .stdin(Stdio::null());
    as_somebody(&mut initdb);
    let made = initdb.output().expect("initdb starts");
    assert!(
        made.status.success(),
        "initdb: {}",
        String::from_utf8_lossy(&made.stderr)
    );
    let mut single = Command::new(program("postgres"));
    single
        .args(["--single", "-F", "-D"])
        .arg(&data)
        .arg("postgres")
        .current_dir(folder.path());
    as_somebody(&mut single);
    create_database(&mut single);
    let half = template.with_extension("half");
    let _ = fs::remove_dir_all(&half);
    let status = Command::new("cp").arg("-a").arg(&data).arg(&half).status();
    assert!(status.expect("cp").success(), "the cluster is kept");
    fs::rename(&half, &template).expect("the cluster is whole");
    template
}

fn create_database(single: &mut Command) {
    use std::io::Write as _;
    single
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut single = single.spawn().expect("postgres starts");
    let mut input = single.stdin.take().expect("its stdin");
    input
        .write_all(b"CREATE DATABASE chancery\n")
        .expect("postgres listens");
    drop(input);
    assert!(single.wait().expect("postgres ends").success());
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    if is_root() {
        chown(folder.path(), Some(NOBODY), Some(NOBODY)).expect("the folder is given away");
    }
    folder
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

const NOBODY: u32 = 65_534;
