//! Keys and passphrases that people bring and take along.

use base64::{Engine, engine::general_purpose::STANDARD};
use town::{Town, desk::Desk};

use super::search::Secret;

/// Every way in which a key comes and goes, with every passphrase right and wrong.
pub async fn done(town: &Town) -> Desk {
    let desk = Desk::of(town).await;
    for (file, passphrase) in PASSPHRASES {
        desk.lay(file, format!("{passphrase}\n"));
    }
    desk.root("root", "/CN=Paper CA").await;
    for stem in ["store", "lab", "bare"] {
        desk.issue("root", stem, &format!("{stem}.example")).await;
    }
    desk.done(
        "openssl pkcs12 -export -in store.pem -inkey store.key -passout file:in -out store.p12 && \
         openssl pkcs8 -topk8 -in lab.key -passout file:in -out lab.p8",
    )
    .await;
    let wrong = "chancery certs import store.p12 lab.p8 --passphrase-file";
    desk.refused(1, &format!("{wrong} wrong")).await;
    desk.done(&format!("{wrong} in")).await;
    desk.done("cat bare.pem bare.key | chancery certs import - lab.pem")
        .await;

    let export = "chancery certs export store.example --certificate --chain --private-key";
    for format in ["pem", "der", "pkcs12", "jks"] {
        desk.done(&format!(
            "{export} --format {format} --passphrase-file out --out store-{format}"
        ))
        .await;
    }
    desk.done("chancery certs self-sign intranet --dns intranet.example")
        .await;
    desk.done(&format!("{export} --unprotected --out store-open.pem"))
        .await;
    desk.done("chancery requests create shop --dns store.example > shop.csr")
        .await;
    let row = desk.json("chancery certs show intranet").await;
    let key = row["keyId"].as_str().unwrap();
    desk.done(&format!(
        "chancery keys export {key} --unprotected --out shredded.key && \
         chancery certs delete intranet --yes && chancery keys delete {key} --yes"
    ))
    .await;
    desk
}

/// All of them.
pub fn secrets(desk: &Desk) -> Vec<Secret> {
    let mut secrets = PASSPHRASES
        .map(|(file, passphrase)| Secret::text(&format!("the passphrase {file}"), passphrase))
        .into_iter()
        .collect::<Vec<_>>();
    for file in ["store.key", "lab.key", "bare.key", "shredded.key"] {
        let text = String::from_utf8(desk.read(file)).unwrap();
        let der = text.lines().filter(|line| !line.starts_with('-'));
        let der = STANDARD.decode(der.collect::<String>()).unwrap();
        secrets.push(Secret::private_key(file, &der));
    }
    secrets
}

/// Each in a file of its own.
const PASSPHRASES: [(&str, &str); 3] = [
    ("in", "what it came under, correct horse"),
    ("out", "what it left under, battery staple"),
    ("wrong", "what somebody tried, and was wrong"),
];
