//! What testssl.sh says of the edge.

use std::process::Command;

use serde::Deserialize;
use town::{Town, tools::tool, wait};

/// One line of its report.
#[derive(Debug, Deserialize)]
struct Finding {
    id: String,
    severity: String,
    // Shown where it is too much.
    #[allow(dead_code)]
    finding: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn testssl_finds_nothing_above_low() {
    let town = Town::start().await;
    town.register_ca().await;
    town.issue("shop.example").await;
    wait::until("the certificate is served", async || {
        let leaf = pki::Certificate::parse(&town.edge().leaf(Some("shop.example")).await?).unwrap();
        (!leaf.self_signed).then_some(())
    })
    .await;
    let findings = report(&town).await;
    // It has looked at everything.
    for id in [
        "TLS1_3",
        "cipher_order",
        "cipherlist_STRONG",
        "FS",
        "ROBOT",
        "BREACH",
        "HSTS",
        "cert_trust",
    ] {
        assert!(
            findings.iter().any(|found| found.id == id),
            "{id}: {findings:#?}"
        );
    }
    let above_low = findings
        .iter()
        .filter(|found| !["OK", "INFO", "LOW", "DEBUG"].contains(&found.severity.as_str()))
        .filter(|found| !OF_THE_TEST_CA.iter().any(|(id, _)| found.id == *id))
        .collect::<Vec<_>>();
    assert!(above_low.is_empty(), "{above_low:#?}");
}

async fn report(town: &Town) -> Vec<Finding> {
    let folder = tempfile::tempdir().unwrap();
    let (json, root) = (
        folder.path().join("report.json"),
        folder.path().join("root.pem"),
    );
    std::fs::write(&root, town.ca.issuing_root().await).unwrap();
    let mut command = Command::new(tool("testssl"));
    command
        .args([
            "--quiet",
            "--color",
            "0",
            "--warnings",
            "off",
            "--nodns",
            "none",
        ])
        .args(["--ip", "127.0.0.1", "--add-ca"])
        .arg(&root)
        .arg("--jsonfile")
        .arg(&json)
        // Protocols, categories of ciphers, forward secrecy, preferences, defaults and certificate, headers, vulnerabilities.
        .args(["-p", "-s", "-f", "-P", "-S", "-h", "-U"])
        .arg(format!("shop.example:{}", town.edge().https.port()));
    let ended = tokio::task::spawn_blocking(move || command.output().unwrap());
    let said = ended.await.unwrap();
    let report = std::fs::read_to_string(&json).unwrap_or_default();
    serde_json::from_str(&report)
        .unwrap_or_else(|e| panic!("{e}: {report}\n{}", String::from_utf8_lossy(&said.stdout)))
}

/// Findings about the certificate that are the test CA's doing, and not the edge's.
const OF_THE_TEST_CA: [(&str, &str); 0] = [];
