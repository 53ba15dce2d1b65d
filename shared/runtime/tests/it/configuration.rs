//! Configuration: where it comes from, and what is an error in it.

use std::{fs, path::Path, process::Command};

use runtime::config::{ConfigError, LogFormat, Settings};
use serde::Deserialize;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Keystore {
    kek_file: String,
}

impl Default for Keystore {
    fn default() -> Self {
        Self {
            kek_file: "kek".into(),
        }
    }
}

fn read(toml: &str) -> Result<Settings, ConfigError> {
    let data = tempfile::tempdir().unwrap();
    fs::write(data.path().join("chancery.toml"), toml).unwrap();
    Settings::read(None, Some(data.path()))
}

fn why(error: ConfigError) -> String {
    let ConfigError::Wrong(error) = error else {
        panic!("{error:?}")
    };
    error.to_string()
}

#[test]
fn nothing_need_be_configured() {
    let data = tempfile::tempdir().unwrap();
    let settings = Settings::read(None, Some(data.path())).unwrap();
    let shared = settings.shared().unwrap();
    assert_eq!(shared.data_dir, data.path());
    assert_eq!(shared.nats.url, "tls://127.0.0.1:7422");
    assert_eq!(shared.peers.of("acme-agent"), Some("127.0.0.1:7402"));
    assert_eq!(shared.egress.allow, []);
    assert_eq!(
        settings.table::<Keystore>("keystore").unwrap(),
        Keystore::default()
    );
}

#[test]
fn the_file_is_read() {
    let settings = read(
        r#"
        [nats]
        url = "tls://nats-1:4222,tls://nats-2:4222"
        [peers]
        acme-agent = "acme:9000"
        [egress]
        allow = ["127.0.0.0/8", "fd00::/8"]
        [telemetry]
        log = "warn,keystore=debug"
        log_format = "json"
        [keystore]
        listen = "0.0.0.0:7401"
        kek_file = "/run/kek"
        "#,
    )
    .unwrap();
    let shared = settings.shared().unwrap();
    assert_eq!(shared.peers.acme_agent, "acme:9000");
    assert_eq!(shared.peers.keystore, "127.0.0.1:7401");
    assert_eq!(shared.egress.allow.len(), 2);
    assert_eq!(shared.telemetry.log_format, LogFormat::Json);
    assert_eq!(shared.listen["keystore"], "0.0.0.0:7401");
    let keystore: Keystore = settings.table("keystore").unwrap();
    assert_eq!(keystore.kek_file, "/run/kek");
}

#[test]
fn a_typo_is_an_error_that_names_it() {
    for (toml, named) in [
        ("nast = 1", "nast"),
        ("[nats]\nurll = 'x'", "urll"),
        ("[peers]\ngateway = 'x'", "gateway"),
        ("[egress]\nallow = ['10.0.0.0/99']", "10.0.0.0/99"),
        ("[telemetry]\nlog = 'keystore=loud'", "log"),
        ("[acme_agent]\nlisten = 7402", "acme_agent.listen"),
    ] {
        let error = why(read(toml).err().unwrap());
        assert!(error.contains(named), "{toml}: {error}");
    }
    let settings = read("[keystore]\nkek_flie = 'x'").unwrap();
    let error = why(settings.table::<Keystore>("keystore").unwrap_err());
    assert!(
        error.contains("kek_flie") && error.contains("keystore"),
        "{error}"
    );
}

#[test]
fn a_file_that_was_asked_for_must_be_there() {
    let missing = Settings::read(Some(Path::new("/nowhere/chancery.toml")), None);
    assert!(matches!(missing, Err(ConfigError::NotThere(_))));
}

#[test]
fn what_is_wrong_in_a_services_table_is_told_with_its_key_and_its_file() {
    let settings = read("[keystore]\nkek_file = 7").unwrap();
    let why = why(settings.table::<Keystore>("keystore").unwrap_err());
    assert!(
        why.contains("keystore.kek_file") && why.contains("chancery.toml"),
        "{why}"
    );
}

/// Run by the test below in a process of its own, whose environment is its own too.
#[test]
#[ignore = "needs an environment that the next test makes"]
fn environment_in_a_child() {
    let settings = Settings::read(None, None).unwrap();
    let shared = settings.shared().unwrap();
    assert_eq!(shared.nats.url, "tls://from-the-environment:1");
    assert_eq!(shared.peers.acme_agent, "acme:1");
    assert_eq!(shared.peers.projection, "from-the-file:1");
    assert_eq!(
        settings.table::<Keystore>("keystore").unwrap().kek_file,
        "env"
    );
}

#[test]
fn the_environment_goes_before_the_file() {
    let data = tempfile::tempdir().unwrap();
    let file = "[nats]\nurl = 'tls://from-the-file:1'\n[peers]\nacme-agent = 'file:1'\nprojection = 'from-the-file:1'\n";
    fs::write(data.path().join("chancery.toml"), file).unwrap();
    let child = |extra: Option<(&str, &str)>| {
        Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "configuration::environment_in_a_child",
                "--ignored",
            ])
            .env("CHANCERY_DATA_DIR", data.path())
            .env("CHANCERY_NATS__URL", "tls://from-the-environment:1")
            .env("CHANCERY_PEERS__ACME_AGENT", "acme:1")
            .env("CHANCERY_KEYSTORE__KEK_FILE", "env")
            // Not configuration, but the program's own.
            .env("CHANCERY_KEK", "c2VjcmV0")
            .envs(extra)
            .output()
            .unwrap()
    };
    let output = child(None);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    assert!(!child(Some(("CHANCERY_NATS__URLL", "x"))).status.success());
}

#[test]
fn each_process_has_its_own_place_for_metrics() {
    let shared = read("").unwrap().shared().unwrap();
    assert_eq!(shared.metrics_of("keystore"), None);
    let settings = read(
        r#"
        [telemetry]
        metrics = "127.0.0.1:9464"
        [gateway]
        metrics = "127.0.0.1:9470"
        "#,
    );
    let settings = settings.unwrap();
    let shared = settings.shared().unwrap();
    let port = |service| shared.metrics_of(service).map(|address| address.port());
    assert_eq!(
        (port("keystore"), port("gateway")),
        (Some(9464), Some(9470))
    );
    // The service itself knows nothing of it.
    let own: std::collections::BTreeMap<String, String> = settings.table("gateway").unwrap();
    assert!(own.is_empty());
    assert!(read("[telemetry]\nmetrics = \"everywhere\"").is_err());
    let wrong = read("[projection]\nmetrics = 9464").err().unwrap();
    assert!(why(wrong).contains("metrics"));
}
