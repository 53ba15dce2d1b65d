//! Certificates and keys leave, in every form, and the log says so first.

use town::{
    Town,
    desk::{Desk, mode},
};

/// A town with the shop and the lab from one CA below a root, keys and all.
async fn shop_and_lab() -> (Town, Desk) {
    let town = Town::start().await;
    let desk = Desk::of(&town).await;
    desk.root("root", "/CN=Example Root").await;
    desk.below("root", "ca", "/CN=Example CA").await;
    for name in ["shop", "lab"] {
        desk.issue("ca", name, &format!("{name}.example")).await;
    }
    desk.done("chancery certs import *.pem shop.key lab.key && printf 'correct horse\\n' > pass")
        .await;
    (town, desk)
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_and_keytool_read_each_form_of_one_certificate() {
    let (_town, desk) = shop_and_lab().await;
    let export = async |words: &str| {
        desk.done(&format!("chancery certs export shop.example {words}"))
            .await
    };
    let said = export("").await;
    assert_eq!(said.trim(), "shop.example.pem");
    assert_eq!(mode(&desk.path("shop.example.pem")), "644");
    let pem = String::from_utf8(desk.read("shop.example.pem")).unwrap();
    assert_eq!(
        pem.matches("BEGIN CERTIFICATE").count(),
        3,
        "leaf, CA and root"
    );
    assert!(!pem.contains("PRIVATE KEY"));
    desk.done("openssl verify -CAfile root.pem -untrusted ca.pem shop.example.pem")
        .await;

    export("--certificate --format der --out shop.der").await;
    assert_eq!(desk.read("shop.der"), desk.der("shop.pem").await);
    export("--chain --out - > chain.pem").await;
    desk.done("openssl verify -CAfile chain.pem shop.pem").await;

    export("--private-key --format der --passphrase-file pass --out shop.p8").await;
    desk.done("openssl pkey -inform DER -in shop.p8 -passin file:pass -pubout -out ours.pub")
        .await;
    desk.done("openssl pkey -in shop.key -pubout | cmp - ours.pub")
        .await;
    desk.refused(
        1,
        "openssl pkey -inform DER -in shop.p8 -passin pass:wrong -noout",
    )
    .await;
    let encrypted = String::from_utf8_lossy(&desk.read("shop.p8")).contains("PRIVATE");
    assert!(!encrypted && mode(&desk.path("shop.p8")) == "600");

    export("--private-key --certificate --chain --passphrase-file pass --out all.pem").await;
    let all = String::from_utf8(desk.read("all.pem")).unwrap();
    assert_eq!(all.matches("BEGIN ENCRYPTED PRIVATE KEY").count(), 1);
    assert_eq!(all.matches("BEGIN CERTIFICATE").count(), 3);
    assert_eq!(mode(&desk.path("all.pem")), "600");

    for (name, more, cipher) in [
        ("new.p12", "", "AES-256-CBC"),
        ("old.p12", "--legacy-encryption", "TripleDES"),
    ] {
        export(&format!(
            "--format pkcs12 --certificate --chain --private-key {more} --passphrase-file pass --out {name}"
        ))
        .await;
        let read = desk
            .done(&format!(
                "openssl pkcs12 -in {name} -passin file:pass -info -nodes -legacy 2>&1"
            ))
            .await;
        assert!(read.contains(cipher), "{read}");
        assert_eq!(read.matches("BEGIN CERTIFICATE").count(), 3, "{read}");
        assert!(read.contains("BEGIN PRIVATE KEY"), "{read}");
        assert_eq!(mode(&desk.path(name)), "600");
    }
    export(
        "--format jks --certificate --chain --private-key --passphrase-file pass --out shop.jks",
    )
    .await;
    for store in ["shop.jks", "new.p12"] {
        let read = desk
            .done(&format!(
                "keytool -list -v -keystore {store} -storepass 'correct horse' 2>&1"
            ))
            .await;
        assert!(
            read.contains("PrivateKeyEntry") && read.contains("Certificate chain length: 3"),
            "{read}"
        );
    }
    export("--format pkcs7 --out shop.p7b").await;
    let read = desk
        .done("openssl pkcs7 -inform DER -in shop.p7b -print_certs -noout")
        .await;
    assert_eq!(read.matches("subject=").count(), 3, "{read}");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_leave_as_one_pkcs7_or_each_by_itself() {
    let (_town, desk) = shop_and_lab().await;
    let both = "chancery certs export shop.example lab.example";
    desk.done(&format!("{both} --format pkcs7-pem --out all.p7b"))
        .await;
    let read = desk
        .done("openssl pkcs7 -in all.p7b -print_certs -noout")
        .await;
    assert_eq!(
        read.matches("subject=").count(),
        4,
        "the chain is there once: {read}"
    );
    desk.refused(
        2,
        &format!("{both} --format pkcs7 --private-key --unprotected"),
    )
    .await;
    desk.done(&format!(
        "{both} --certificate --chain --private-key --format pkcs12 --passphrase-file pass --out both.zip"
    ))
    .await;
    assert_eq!(mode(&desk.path("both.zip")), "600");
    let unpack = "python3 -m zipfile -e both.zip unpacked && ls unpacked";
    let names = desk.done(unpack).await;
    assert_eq!(
        names.split_whitespace().collect::<Vec<_>>(),
        ["lab.example.p12", "shop.example.p12"]
    );
    for name in ["lab", "shop"] {
        let read = desk
            .done(&format!(
                "openssl pkcs12 -in unpacked/{name}.example.p12 -passin file:pass -nokeys"
            ))
            .await;
        assert!(
            read.contains(&format!("CN = {name}.example"))
                || read.contains(&format!("CN={name}.example")),
            "{read}"
        );
    }
    desk.done(&format!("{both} --one-file --certificate --out two.pem"))
        .await;
    let two = String::from_utf8(desk.read("two.pem")).unwrap();
    assert_eq!(two.matches("BEGIN CERTIFICATE").count(), 2);
    desk.done(&format!(
        "{both} --private-key --certificate --unprotected --out keys.zip"
    ))
    .await;
    let names = desk.done("python3 -m zipfile -l keys.zip").await;
    assert_eq!(names.matches(".example").count(), 4, "{names}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_key_leaves_protected_or_in_so_many_words_and_never_over_another_file() {
    let (town, desk) = shop_and_lab().await;
    let before = town.events("event=exported").await.len();
    let said = desk
        .refused(2, "chancery certs export shop.example --private-key")
        .await;
    assert!(
        said.contains("--passphrase-file") && said.contains("--unprotected"),
        "{said}"
    );
    let empty = desk
        .refused(
            2,
            "echo | chancery certs export shop.example --private-key --passphrase-stdin",
        )
        .await;
    assert!(empty.contains("--unprotected"), "{empty}");
    desk.lay("mine.pem", "mine");
    let there = desk
        .refused(
            1,
            "chancery certs export shop.example --private-key --unprotected --out mine.pem",
        )
        .await;
    assert!(there.contains("--force"), "{there}");
    assert_eq!(desk.read("mine.pem"), b"mine");
    // Nothing has left, and the log says nothing of it.
    assert_eq!(town.events("event=exported").await.len(), before);
    desk.done("chmod 644 mine.pem && chancery certs export shop.example --private-key --unprotected --out mine.pem --force")
        .await;
    assert_eq!(mode(&desk.path("mine.pem")), "600");
    desk.done("openssl pkey -in mine.pem -pubout -out mine.pub && openssl pkey -in shop.key -pubout | cmp - mine.pub")
        .await;
    // The folder's own name is not taken either.
    desk.done("chancery certs export lab.example").await;
    let twice = desk.refused(1, "chancery certs export lab.example").await;
    assert!(twice.contains("--force"), "{twice}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_says_who_took_what_out() {
    let (_town, desk) = shop_and_lab().await;
    let me = desk.json("chancery whoami").await;
    let row = desk.json("chancery certs show shop.example").await;
    let (id, key) = (row["id"].as_str().unwrap(), row["keyId"].as_str().unwrap());
    desk.done("chancery certs export shop.example --format jks --certificate --private-key --passphrase-file pass --out shop.jks")
        .await;
    desk.done(&format!(
        "chancery keys export {key} --unprotected --out alone.key"
    ))
    .await;
    assert_eq!(mode(&desk.path("alone.key")), "600");

    let filter =
        format!("chancery events list --sort sequence --filter 'event=exported aggregate_id={id}'");
    let events = desk
        .until(&filter, |page| {
            page["events"].as_array().is_some_and(|e| e.len() == 1)
        })
        .await;
    let event = &events["events"][0];
    assert_eq!(event["actor"], me["actor"]);
    assert_eq!(event["body"]["format"], "JKS");
    assert_eq!(event["body"]["privateKey"], true);
    assert_eq!(event["body"]["protected"], true);
    assert_ne!(event["body"]["chain"], true);
    let filter = format!(
        "chancery events list --sort sequence --filter 'event=exported aggregate_id={key}'"
    );
    let events = desk
        .until(&filter, |page| {
            page["events"].as_array().is_some_and(|e| e.len() == 2)
        })
        .await;
    let [with, alone] = [&events["events"][0], &events["events"][1]];
    assert_eq!(
        (&with["actor"], &alone["actor"]),
        (&me["actor"], &me["actor"])
    );
    assert_eq!(with["body"]["certificateId"], id);
    assert_eq!(with["body"]["protected"], true);
    assert_ne!(alone["body"]["protected"], true);
    assert_eq!(alone["body"]["format"], "PEM");
    let shown = desk.json(&format!("chancery keys show {key}")).await;
    assert_eq!(shown["exports"], 2);
}
