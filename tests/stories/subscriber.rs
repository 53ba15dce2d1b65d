//! An auditor's own program reads along: the one of `docs/audit.md`, as it stands there.

use std::{fs, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
    time::timeout,
};
use town::{Plan, Town, desk::Desk, tools, wait};

#[tokio::test(flavor = "multi_thread")]
async fn the_auditors_program_sees_what_happens_and_finds_the_checkpoints_root_itself() {
    let town = Town::planned(Plan {
        configuration: "[projection]\ncheckpoint_seconds = 0\n".to_owned(),
        ..Plan::default()
    })
    .await;
    let desk = Desk::of(&town).await;
    let text = fs::read_to_string(tools::workspace().join("docs/audit.md")).unwrap();
    let (_, code) = text.split_once("```python\n").unwrap();
    let (code, _) = code.split_once("```").unwrap();
    desk.lay("auditor.py", code);

    desk.done("chancery certs self-sign shop --dns shop.example")
        .await;
    desk.done("chancery events checkpoint sign").await;
    let key = desk.done("chancery events checkpoint show --key").await;
    let configured = fs::read_to_string(town.installation.data.join("chancery.toml")).unwrap();
    let (_, port) = configured.split_once("tls://127.0.0.1:").unwrap();
    let (port, _) = port.split_once('"').unwrap();
    let mut program = Command::new(tools::tool("python-with-nats-py"))
        .arg(desk.path("auditor.py"))
        .env("IDENTITY", town.installation.data.join("identity"))
        .env("NATS", format!("tls://localhost:{port}"))
        .env("VERIFIER_KEY", key.trim())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut said = BufReader::new(program.stdout.take().unwrap()).lines();
    let mut next = async || {
        let line = timeout(wait::PATIENCE, said.next_line()).await;
        line.expect("it says something")
            .unwrap()
            .expect("it goes on")
    };
    let first = next().await;
    assert!(first.contains("is over what was read here"), "{first}");

    // It goes on while things happen.
    let keys = desk.json("chancery keys list --filter used=true").await;
    let key = keys["keys"][0]["id"].as_str().unwrap();
    desk.done(&format!(
        "chancery keys export {key} --unprotected --out a.key"
    ))
    .await;
    let exported = next().await;
    assert!(exported.contains("token/"), "who: {exported}");
    assert!(
        exported.ends_with(&format!("key {key} exported")),
        "{exported}"
    );
    desk.done("chancery events checkpoint sign").await;
    let second = next().await;
    assert!(second.contains("is over what was read here"), "{second}");
    assert_ne!(first, second);
}
