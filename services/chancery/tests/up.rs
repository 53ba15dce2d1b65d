//! `chancery up` as a process: what it ends with, and what is left when it has ended.

#![allow(clippy::unwrap_used)] // A panic is how a test fails.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::net::UnixDatagram,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

/// `chancery up` on a folder, with ports of its own.
fn up(data: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chancery"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_ours(name)) {
        command.env_remove(name);
    }
    let free = || format!("127.0.0.1:{}", ports::free_port());
    command
        .args(["up", "--data-dir"])
        .arg(data)
        .args(more)
        .env("CHANCERY_GATEWAY__HTTPS", free())
        .env("CHANCERY_GATEWAY__HTTP", free())
        // Not the default, which others try for at the same time.
        .env("CHANCERY_NATS__URL", format!("tls://{}", free()))
        .stdin(Stdio::null());
    command
}

/// The command line, signed in by the environment to the gateway that showed this screen.
fn client(data: &Path, screen: &str, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chancery"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_ours(name)) {
        command.env_remove(name);
    }
    let token = fs::read_to_string(data.join("bootstrap-token")).unwrap();
    command
        .args(words)
        .env("CHANCERY_URL", after(screen, "Address"))
        .env("CHANCERY_FINGERPRINT", after(screen, "Fingerprint"))
        .env("CHANCERY_TOKEN", token.trim())
        .stdin(Stdio::null());
    command
}

fn is_ours(name: &std::ffi::OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("CHANCERY_") && name != "CHANCERY_TOOLS"
}

/// Runs until the screen is there, and answers it.
fn until_ready(command: &mut Command, log: &Path) -> (Child, String) {
    let stderr = File::create(log).unwrap();
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(stderr)
        .spawn()
        .unwrap();
    let mut screen = String::new();
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap());
    while !screen.contains("Ctrl-C stops everything") {
        let read = lines.read_line(&mut screen).unwrap();
        let said = || fs::read_to_string(log).unwrap();
        assert!(read > 0, "up ended before it was ready: {screen}{}", said());
    }
    (child, screen)
}

/// Ctrl-C, until it has ended.
fn stop(mut child: Child) -> i32 {
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    child.wait().unwrap().code().unwrap()
}

/// No child is left that holds this lock.
fn is_free(lock: &Path) -> bool {
    File::open(lock).unwrap().try_lock().is_ok()
}

fn after<'a>(screen: &'a str, label: &str) -> &'a str {
    let line = screen
        .lines()
        .find_map(|line| line.trim().strip_prefix(label));
    line.unwrap_or_else(|| panic!("no {label} in {screen}"))
        .trim()
}

#[test]
fn with_a_test_ca_a_first_certificate_is_served_and_the_second_start_goes_on_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let log = folder.path().join("log");
    let (child, first) = until_ready(&mut up(&data, &["--test-ca"]), &log);
    assert!(first.contains("hello.test, until "), "{first}");
    assert!(
        first.contains("key-encryption key") && first.contains("backups"),
        "{first}"
    );
    assert_eq!(stop(child), 0, "{}", fs::read_to_string(&log).unwrap());
    assert!(is_free(&data.join("nats/lock")) && is_free(&data.join("test-ca/pebble.lock")));

    let (child, second) = until_ready(&mut up(&data, &["--test-ca"]), &log);
    for same in ["Fingerprint", "hello.test,"] {
        assert_eq!(after(&first, same), after(&second, same));
    }
    let ordered = fs::read_to_string(&log).unwrap().contains("order placed");
    assert!(!ordered, "the second start ordered another certificate");

    // Another version, from the second start's root; and another certificate for the name.
    for words in [
        &["acme", "retry", "hello.test"][..],
        &[
            "acme",
            "request",
            "hello.test",
            "--server",
            "Test CA",
            "--name",
            "another",
        ],
    ] {
        let ended = client(&data, &second, words).output().unwrap();
        assert!(ended.status.success(), "{ended:?}");
    }
    assert_eq!(stop(child), 0);
    let (child, third) = until_ready(&mut up(&data, &["--test-ca"]), &log);
    assert!(third.contains("hello.test, until "), "{third}");
    assert_eq!(stop(child), 0);
}

#[test]
fn whoever_reads_the_events_goes_on_reading_when_up_was_killed_and_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let (data, log) = (folder.path().join("data"), folder.path().join("log"));
    let mut up = up(&data, &[]);
    let (mut child, screen) = until_ready(&mut up, &log);
    let mut tail = client(
        &data,
        &screen,
        &["events", "tail", "--since", "0", "-o", "json"],
    )
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    let mut events = BufReader::new(tail.stdout.take().unwrap()).lines();
    // Each start grants the gateway a serving session, last of all.
    let mut until_granted = || {
        events
            .by_ref()
            .any(|line| line.unwrap().contains("serving-granted"))
    };
    assert!(until_granted());

    child.kill().unwrap();
    child.wait().unwrap();
    let (child, _) = until_ready(&mut up, &log);
    let went_on = until_granted();
    tail.kill().unwrap();
    let said = tail.wait_with_output().unwrap().stderr;
    assert!(went_on, "{}", String::from_utf8_lossy(&said));
    assert_eq!(stop(child), 0);
}

#[test]
fn a_new_passphrase_is_asked_for_twice_where_there_is_a_terminal_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (child, screen) = until_ready(&mut up(&data, &[]), &folder.path().join("log"));
    let words = ["certs", "export", "Chancery", "--private-key"];
    let export = client(&data, &screen, &words);
    let differs = [
        ("new passphrase: ", "one\n"),
        ("again: ", "another\n"),
        ("once more", ""),
        ("new passphrase: ", "\n"),
        ("again: ", "\n"),
    ];
    let (status, said) = on_a_terminal(&export, &differs);
    assert_eq!(status, 2, "{said}");
    assert!(said.contains("the passphrase is empty"), "{said}");

    let ended = client(&data, &screen, &words).output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(2), "{said}");
    assert!(
        said.contains("--passphrase-file") && said.contains("--unprotected"),
        "{said}"
    );
    assert_eq!(stop(child), 0);
}

/// Runs a command on a terminal of its own, types each answer once its question is there, and says how it ended.
fn on_a_terminal(command: &Command, answers: &[(&str, &str)]) -> (i32, String) {
    let words = [command.get_program()]
        .into_iter()
        .chain(command.get_args());
    let words = words.map(|word| format!("'{}'", word.to_str().unwrap()));
    let line = words.collect::<Vec<_>>().join(" ");
    let mut terminal = Command::new("script");
    terminal.args(["-qec", &line, "/dev/null"]);
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => terminal.env(name, value),
            None => terminal.env_remove(name),
        };
    }
    let mut child = terminal
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut typed, mut shown) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (mut said, mut seen) = (String::new(), 0);
    for (question, answer) in answers {
        let mut octet = [0];
        while !said[seen..].contains(question) {
            assert!(
                shown.read(&mut octet).unwrap() > 0,
                "no {question:?}: {said}"
            );
            // What is shown up to here is ASCII.
            said.push(char::from(octet[0]));
        }
        seen = said.len();
        typed.write_all(answer.as_bytes()).unwrap();
    }
    shown.read_to_string(&mut said).unwrap();
    (child.wait().unwrap().code().unwrap(), said)
}

/// What systemd does before it starts us: two sockets that listen become the descriptors 3 and 4.
const ACTIVATE: &str = "
import os, socket, sys
made = [socket.create_server(('127.0.0.1', int(port))) for port in sys.argv[1:3]]
# Out of the way first: one may be 3 or 4 itself.
apart = [os.dup2(one.fileno(), 10 + index) for index, one in enumerate(made)]
for index, one in enumerate(apart):
    os.dup2(one, 3 + index)
    os.close(one)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='2')
os.execv(sys.argv[3], sys.argv[3:])
";

#[test]
fn sockets_of_the_service_manager_are_served_and_it_hears_when() {
    let folder = tempfile::tempdir().unwrap();
    let (data, log) = (folder.path().join("data"), folder.path().join("log"));
    let notify = folder.path().join("notify");
    let heard = UnixDatagram::bind(&notify).unwrap();
    heard
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let word = || {
        let mut octets = [0; 32];
        let length = heard.recv(&mut octets).unwrap();
        String::from_utf8(octets[..length].to_vec()).unwrap()
    };
    let (https, http) = (ports::free_port(), ports::free_port());
    let usual = up(&data, &[]);
    let mut activated = Command::new("python3");
    activated
        .args(["-c", ACTIVATE])
        .args([https, http].map(|port| port.to_string()))
        .arg(usual.get_program())
        .args(usual.get_args())
        .envs(
            usual
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .env("NOTIFY_SOCKET", &notify)
        .stdin(Stdio::null());
    let (child, screen) = until_ready(&mut activated, &log);
    assert_eq!(word(), "READY=1");
    let address = after(&screen, "Address");
    assert!(address.ends_with(&format!(":{https}")), "{screen}");
    let ended = client(&data, &screen, &["whoami"]).output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
    // A nats-server that outlives a crash of ours must not keep the ports.
    let socket = fs::read_link(format!("/proc/{}/fd/3", child.id())).unwrap();
    assert!(
        socket.to_str().unwrap().starts_with("socket:"),
        "{socket:?}"
    );
    assert_eq!(holders(&socket), [child.id()]);
    assert_eq!(stop(child), 0);
    assert_eq!(word(), "STOPPING=1");
}

/// The processes that have this open.
fn holders(file: &Path) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let holds = |id: &u32| {
        let descriptors = fs::read_dir(format!("/proc/{id}/fd")).into_iter().flatten();
        descriptors
            .flatten()
            .any(|entry| fs::read_link(entry.path()).is_ok_and(|target| target == file))
    };
    ids.filter(holds).collect()
}

#[test]
fn a_service_that_cannot_go_on_stops_everything_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("db/projection.sqlite");
    fs::create_dir(folder.path().join("db")).unwrap();
    fs::write(
        &database,
        "this is no database, but long enough to be looked at".repeat(100),
    )
    .unwrap();

    let mut child = up(folder.path(), &[])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{said}");
    assert!(
        said.contains("projection has ended") && said.contains(database.to_str().unwrap()),
        "{said}"
    );
    assert!(is_free(&folder.path().join("nats/lock")));
}

#[test]
fn a_nats_server_that_is_too_old_is_refused_by_its_version() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let old = folder.path().join("nats-server");
    fs::write(&old, "#!/bin/sh\necho 'nats-server: v2.9.25'\n").unwrap();
    fs::set_permissions(&old, fs::Permissions::from_mode(0o755)).unwrap();
    let data = folder.path().join("data");
    let ended = up(&data, &["--nats-server", old.to_str().unwrap()])
        .output()
        .unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(said.contains("v2.9.25") && said.contains("2.12"), "{said}");
}

#[test]
fn a_key_encryption_key_in_the_environment_is_not_passed_on_to_children() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let (server, seen) = (
        folder.path().join("nats-server"),
        folder.path().join("seen"),
    );
    let script = format!(
        "#!/bin/sh\necho 'nats-server: v2.99.0'\necho \"asked: $1\" >> {0}\nenv >> {0}\n",
        seen.display()
    );
    fs::write(&server, script).unwrap();
    fs::set_permissions(&server, fs::Permissions::from_mode(0o755)).unwrap();
    let kek = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0MTI=";
    let data = folder.path().join("data");
    let ended = up(&data, &["--nats-server", server.to_str().unwrap()])
        .env("CHANCERY_KEK", kek)
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(1), "this server ends at once");
    let seen = fs::read_to_string(&seen).unwrap();
    assert!(seen.contains("asked: --version"), "{seen}");
    assert!(seen.contains("asked: -c"), "it was started too: {seen}");
    assert!(!seen.contains(kek));
}
