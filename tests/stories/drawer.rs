//! A drawer full of files, taken in with one command.

use serde_json::{Value, json};
use town::{Town, desk::Desk};

use crate::issue::served;

/// What became of each file, by its name.
fn outcomes(answer: &Value) -> Vec<(&str, &str)> {
    let files = answer["files"].as_array().unwrap().iter();
    files
        .map(|file| {
            let outcome = file["outcome"].as_str().unwrap();
            (
                file["name"].as_str().unwrap(),
                outcome.strip_prefix("FILE_OUTCOME_").unwrap(),
            )
        })
        .collect()
}

/// The answer of an import that ends with this status.
async fn import(desk: &Desk, status: i32, words: &str) -> Value {
    let line = format!("chancery certs import {words} --output json");
    let ended = desk.shell(&line).await;
    assert_eq!(
        ended.status, status,
        "{line}\n{}{}",
        ended.stdout, ended.stderr
    );
    serde_json::from_str(&ended.stdout).expect("JSON")
}

async fn count(desk: &Desk, noun: &str) -> usize {
    let listed = desk
        .json(&format!("chancery {noun} list --limit 500"))
        .await;
    let rows = if noun == "keys" {
        "keys"
    } else {
        "certificates"
    };
    listed[rows].as_array().map_or(0, Vec::len)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_file_of_a_drawer_has_its_verdict_and_what_fits_is_linked() {
    let town = Town::start().await;
    let desk = Desk::of(&town).await;
    desk.root("root", "/CN=Drawer Root").await;
    desk.below("root", "middle", "/CN=Drawer CA").await;
    for name in ["a", "b", "c", "d", "e"] {
        desk.issue("middle", name, &format!("{name}.example")).await;
    }
    desk.done(
        "mkdir drawer folder && printf 'correct horse\\n' > pass && cd drawer && \
         openssl x509 -in ../root.pem -outform DER -out 01-root.der && \
         cat ../a.pem ../a.key > 02-a.pem && \
         openssl pkcs12 -export -in ../b.pem -inkey ../b.key -passout file:../pass -out 03-b.p12 && \
         openssl ec -in ../c.key -out 04-c-sec1.key 2>/dev/null && \
         openssl x509 -in ../c.pem -out 05-c.crt && \
         openssl pkcs8 -topk8 -in ../d.key -passout file:../pass -out 06-d.key && \
         cp ../d.pem 07-d.pem && \
         openssl crl2pkcs7 -nocrl -certfile ../middle.pem -outform DER -out 08-middle.p7b && \
         openssl pkcs12 -export -in ../e.pem -inkey ../e.key -passout file:../pass -name e -out e.p12 && \
         keytool -importkeystore -srckeystore e.p12 -srcstoretype PKCS12 -srcstorepass 'correct horse' \
            -destkeystore 09-e.jks -deststoretype JKS -deststorepass 'correct horse' 2>/dev/null && rm e.p12 && \
         openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out 10-lonely.key 2>/dev/null && \
         echo 'Remember to renew!' > 11-notes.txt && cp 02-a.pem 12-a-again.pem",
    )
    .await;
    let keys_before = count(&desk, "keys").await;

    let answer = import(
        &desk,
        1,
        "drawer/* folder missing.pem --passphrase-file pass",
    )
    .await;
    let expected = [
        ("drawer/01-root.der", "IMPORTED"),
        ("drawer/02-a.pem", "IMPORTED"),
        ("drawer/03-b.p12", "IMPORTED"),
        ("drawer/04-c-sec1.key", "IMPORTED"),
        ("drawer/05-c.crt", "IMPORTED"),
        ("drawer/06-d.key", "IMPORTED"),
        ("drawer/07-d.pem", "IMPORTED"),
        ("drawer/08-middle.p7b", "IMPORTED"),
        ("drawer/09-e.jks", "IMPORTED"),
        ("drawer/10-lonely.key", "IMPORTED"),
        ("drawer/11-notes.txt", "REFUSED"),
        // It came with the second file.
        ("drawer/12-a-again.pem", "ALREADY_HERE"),
        ("folder", "REFUSED"),
        ("missing.pem", "REFUSED"),
    ];
    assert_eq!(outcomes(&answer), expected);
    for refused in [10, 12, 13] {
        let file = &answer["files"][refused];
        assert!(file["reason"].is_string(), "{file}");
        assert!(file["message"].is_string(), "{file}");
    }
    // Whatever the order in the call, the verdict says how things are after it.
    for name in ["a", "b", "c", "d", "e"] {
        let row = desk
            .json(&format!("chancery certs show {name}.example"))
            .await;
        assert!(row["keyId"].is_string(), "{name} has its key");
        assert_eq!(row["chainComplete"], true, "{name}: {row}");
        let der = desk.der(&format!("{name}.pem")).await;
        served(&town, &format!("{name}.example"), &der).await;
    }
    let unused = desk.json("chancery keys list --filter used=false").await;
    assert_eq!(
        unused["keys"].as_array().unwrap().len(),
        1,
        "the lonely one is kept"
    );
    assert_eq!(unused["keys"][0]["algorithm"], "KEY_ALGORITHM_RSA_2048");
    assert_eq!(count(&desk, "keys").await - keys_before, 6);

    // All of it again is nothing new.
    let events = town.events("").await.len();
    let again = import(&desk, 0, "drawer/0* drawer/10* --passphrase-file pass").await;
    assert!(
        outcomes(&again)
            .iter()
            .all(|(_, outcome)| *outcome == "ALREADY_HERE"),
        "{again}"
    );
    assert_eq!(town.events("").await.len(), events);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_passphrase_takes_nothing_of_its_file_and_the_right_one_does_later() {
    let town = Town::start().await;
    let desk = Desk::of(&town).await;
    desk.root("ca", "/CN=Paper CA").await;
    desk.issue("ca", "shop", "shop.example").await;
    desk.issue("ca", "lab", "lab.example").await;
    desk.done(
        "printf 'right\\nsecond line\\n' > right && \
         openssl pkcs12 -export -in shop.pem -inkey shop.key -passout pass:right -out shop.p12 && \
         openssl pkcs8 -topk8 -in lab.key -passout pass:right -out lab.p8",
    )
    .await;
    let unsaid = import(&desk, 1, "shop.p12 lab.p8 lab.pem").await;
    assert_eq!(
        outcomes(&unsaid),
        [
            ("shop.p12", "PASSPHRASE_NEEDED"),
            ("lab.p8", "PASSPHRASE_NEEDED"),
            ("lab.pem", "IMPORTED")
        ]
    );
    let wrong = desk
        .refused(
            1,
            "echo wrong | chancery certs import shop.p12 lab.p8 --passphrase-stdin",
        )
        .await;
    assert_eq!(wrong.matches("PASSPHRASE_WRONG").count(), 2, "{wrong}");
    assert!(wrong.contains("2 of 2 files not taken in"), "{wrong}");
    desk.refused(1, "chancery certs show shop.example").await;

    // The first line of the file, without its end.
    let right = import(&desk, 0, "shop.p12 --passphrase-file right").await;
    assert_eq!(outcomes(&right), [("shop.p12", "IMPORTED")]);
    desk.done("printf right | chancery keys import lab.p8 --passphrase-stdin")
        .await;
    for name in ["shop", "lab"] {
        let row = desk
            .json(&format!("chancery certs show {name}.example"))
            .await;
        assert!(row["keyId"].is_string());
        served(
            &town,
            &format!("{name}.example"),
            &desk.der(&format!("{name}.pem")).await,
        )
        .await;
    }
    // Never as an argument.
    desk.refused(2, "chancery certs import shop.p12 --passphrase right")
        .await;
    let both = desk
        .refused(
            2,
            "cat shop.p12 | chancery certs import - --passphrase-stdin",
        )
        .await;
    assert!(both.contains("stdin"), "{both}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_through_a_pipe_and_names_that_are_taken() {
    let town = Town::start().await;
    let desk = Desk::of(&town).await;
    desk.root("ca", "/CN=Paper CA").await;
    for stem in ["one", "two", "three"] {
        desk.issue("ca", stem, "shop.example").await;
    }
    let piped = desk
        .done("cat one.pem two.pem | chancery certs import - three.pem")
        .await;
    for name in [
        "stdin",
        "shop.example",
        "shop.example (2)",
        "shop.example (3)",
    ] {
        assert!(piped.contains(name), "{name}: {piped}");
    }
    let third = desk.json("chancery certs show 'shop.example (3)'").await;
    assert!(third["keyId"].is_null(), "no key came with it");
    let served = third.get("serve").cloned();
    assert_eq!(
        served,
        Some(json!(true)),
        "it will be, once its key is here"
    );
}
