//! The contract that scripts rely on: what `--help` says, and the exit statuses.

#![allow(clippy::unwrap_used)] // A panic is how a test fails.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

/// How a command ended.
struct Ended {
    status: i32,
    stdout: String,
    stderr: String,
}

/// Runs `chancery` with a home of its own and nothing of ours in the environment.
fn chancery(home: &Path, words: &[&str], variables: &[(&str, &str)]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chancery"));
    for (name, _) in
        std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CHANCERY_"))
    {
        command.env_remove(name);
    }
    let output = command
        .args(words)
        .env("HOME", home)
        .env("XDG_CONFIG_HOME", home.join("config"))
        .env("COLUMNS", "100")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Ended {
        status: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn help_is_pinned() {
    let home = tempfile::tempdir().unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/help");
    let mut changed = Vec::new();
    for words in [
        "",
        "up",
        "init",
        "service",
        "backup",
        "restore",
        "migrate-database",
        "health",
        "rotate-kek",
        "doctor",
        "login",
        "whoami",
        "certs",
        "certs list",
        "certs show",
        "certs served",
        "certs self-sign",
        "certs import",
        "certs export",
        "certs rename",
        "certs set-default",
        "certs delete",
        "certs revoke",
        "certs restore",
        "requests",
        "requests create",
        "requests list",
        "requests show",
        "requests delete",
        "keys",
        "keys list",
        "keys show",
        "keys import",
        "keys export",
        "keys disclosures",
        "keys delete",
        "acme",
        "acme servers",
        "acme servers presets",
        "acme servers preview",
        "acme servers register",
        "acme servers list",
        "acme servers show",
        "acme servers contact",
        "acme servers roll-key",
        "acme servers deactivate",
        "acme dns-providers",
        "acme dns-providers kinds",
        "acme dns-providers add",
        "acme dns-providers list",
        "acme dns-providers test",
        "acme dns-providers remove",
        "acme check",
        "acme request",
        "acme list",
        "acme show",
        "acme retry",
        "acme pause",
        "acme resume",
        "acme cancel",
        "notify",
        "notify channels",
        "notify channels list",
        "notify channels add",
        "notify channels show",
        "notify channels update",
        "notify channels test",
        "notify channels remove",
        "notify alerts",
        "notify alerts list",
        "users",
        "users list",
        "users create",
        "users role",
        "users disable",
        "users enable",
        "users delete",
        "users reset",
        "users reset-admin",
        "tokens",
        "tokens list",
        "tokens create",
        "tokens revoke",
        "events",
        "events tail",
        "events list",
        "events export",
        "events verify",
        "events prove",
        "events checkpoint",
        "events checkpoint show",
        "events checkpoint sign",
        "events checkpoint cosign",
        "events checkpoint compare",
        "projection",
        "projection rebuild",
        "projection verify",
        "projection skip",
    ] {
        let mut arguments = words.split_whitespace().collect::<Vec<_>>();
        arguments.push("--help");
        let help = chancery(home.path(), &arguments, &[]);
        assert_eq!(help.status, 0, "{words}: {}", help.stderr);
        let name = format!("chancery {words}").trim().replace(' ', "-");
        let pinned = folder.join(format!("{name}.txt"));
        if fs::read_to_string(&pinned).ok().as_deref() != Some(&help.stdout) {
            // The new text is left where the old one was, for `git diff` to show.
            fs::write(&pinned, &help.stdout).unwrap();
            changed.push(name);
        }
    }
    assert!(
        changed.is_empty(),
        "help has changed; look at `git diff`, commit it if it is meant: {changed:?}"
    );
}

#[test]
fn wrong_usage_ends_with_2() {
    let home = tempfile::tempdir().unwrap();
    for words in [
        &["nonsense"][..],
        &["acme", "request"],
        &["certs", "list", "--limit", "501"],
        &["whoami", "--output", "xml"],
        &[
            "acme",
            "servers",
            "register",
            "x",
            "--directory",
            "https://ca.test",
            "--eab-key-id",
            "kid",
        ],
        &[
            "acme",
            "request",
            "a.b",
            "--server",
            "s",
            "--challenge",
            "smtp",
        ],
        &[
            "acme",
            "dns-providers",
            "add",
            "x",
            "--kind",
            "rfc2136",
            "--set",
            "server",
        ],
        &["acme", "dns-providers", "test", "x"],
        &["login", "https://localhost", "--fingerprint", "short"],
        &["certs", "self-sign", "shop"],
        &[
            "certs",
            "self-sign",
            "shop",
            "--dns",
            "shop.example",
            "--days",
            "3651",
        ],
        &[
            "certs",
            "self-sign",
            "shop",
            "--dns",
            "a.b",
            "--key",
            "k",
            "--key-algorithm",
            "ed25519",
        ],
        &["certs", "import"],
        &[
            "certs",
            "import",
            "a",
            "--passphrase-file",
            "f",
            "--passphrase-stdin",
        ],
        &["certs", "import", "a", "--passphrase", "secret"],
        &[
            "certs",
            "export",
            "shop",
            "--unprotected",
            "--passphrase-file",
            "f",
        ],
        &["certs", "export", "shop", "--one-file", "--zip"],
        &["certs", "set-default"],
        &["certs", "set-default", "shop", "--clear"],
        &["certs", "delete"],
        &["certs", "delete", "shop", "--yes", "--dry-run"],
        &["requests", "create", "shop"],
        &["requests", "create", "--dns", "shop.example"],
        &[
            "requests",
            "create",
            "shop",
            "--renew",
            "a",
            "--copy-from",
            "b",
        ],
        &["keys", "export", "k", "--format", "pkcs12"],
    ] {
        let ended = chancery(home.path(), words, &[]);
        assert_eq!(ended.status, 2, "{words:?}: {}", ended.stderr);
        assert!(ended.stdout.is_empty() && !ended.stderr.is_empty());
    }
    let token = [("CHANCERY_TOKEN", "chancery_x")];
    let ended = chancery(home.path(), &["whoami", "--url", "ftp://localhost"], &token);
    assert_eq!(ended.status, 2, "{}", ended.stderr);
}

#[test]
fn who_is_not_signed_in_is_refused_with_1_and_told_how_to_sign_in() {
    let home = tempfile::tempdir().unwrap();
    let ended = chancery(home.path(), &["certs", "list"], &[]);
    assert_eq!(ended.status, 1);
    assert!(ended.stderr.contains("chancery login"), "{}", ended.stderr);
}

#[test]
fn a_gateway_that_is_not_there_ends_with_3_and_what_to_check() {
    let home = tempfile::tempdir().unwrap();
    let url = format!("https://127.0.0.1:{}", ports::free_port());
    let ended = chancery(
        home.path(),
        &["whoami", "--url", &url],
        &[("CHANCERY_TOKEN", "chancery_x")],
    );
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    assert!(
        ended.stderr.contains(&url) && ended.stderr.contains("chancery up"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_typo_in_the_configuration_is_refused_by_its_name() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(
        data.join("chancery.toml"),
        "[natz]\nurl = \"tls://127.0.0.1:7422\"\n",
    )
    .unwrap();
    let ended = chancery(
        home.path(),
        &["up", "--data-dir", data.to_str().unwrap()],
        &[],
    );
    assert_eq!(ended.status, 1);
    assert!(ended.stderr.contains("natz"), "{}", ended.stderr);
}
