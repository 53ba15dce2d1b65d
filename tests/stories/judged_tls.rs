//! What testssl.sh says of the edge: nothing above LOW.

use std::process::Command;

use serde::Deserialize;
use town::{Town, tools::tool, wait};

/// One line of its report.
#[derive(Debug, Deserialize)]
struct Finding {
    id: String,
    severity: String,
    // Shown where it is not fine.
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
    for id in LOOKED_AT {
        let looked = findings.iter().any(|found| found.id.ends_with(id));
        assert!(looked, "{id}: {findings:#?}");
    }
    let not_fine = findings
        .iter()
        .filter(|found| !["OK", "INFO", "LOW"].contains(&found.severity.as_str()))
        .filter(|found| !NOT_OF_THE_EDGE.iter().any(|(id, _)| found.id == *id))
        .collect::<Vec<_>>();
    assert!(not_fine.is_empty(), "{not_fine:#?}");
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
            "--fast",
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

/// One of each part of the report. "FS" is "PFS" in older versions.
const LOOKED_AT: [&str; 9] = [
    "TLS1_3",
    "cipherlist_LOW",
    "FS",
    "cipher_order",
    "TLS_session_ticket",
    "cert_trust",
    "HSTS_time",
    "ROBOT",
    "BREACH",
];

/// Findings that the edge has no part in, and why.
const NOT_OF_THE_EDGE: [(&str, &str); 4] = [
    (
        "cert_revocation",
        "the test CA writes into its certificates neither where its CRL nor where its OCSP is",
    ),
    (
        "engine_problem",
        "the openssl that testssl finds has no engines",
    ),
    (
        "sessionresumption_ticket",
        "with TLS 1.3 testssl leaves before the ticket comes, and then has none to come back with",
    ),
    (
        "RC4",
        "the openssl that testssl finds has no RC4 to ask with; its own hellos ask for cipherlist_LOW, which has it",
    ),
];
