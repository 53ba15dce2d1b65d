//! No secret is anywhere but where it belongs: not in the log, not in a database, not in what was printed.

mod paperwork;
mod search;

use std::{
    fs,
    path::{Path, PathBuf},
    slice,
};

use api::{
    acme::v1::{ExternalAccountBinding, RenewNowRequest},
    keystore::v1::{
        OpenSecretRequest, WatchServingCredentialsRequest,
        keystore_service_client::KeystoreServiceClient, serving_change::Change,
        serving_service_client::ServingServiceClient,
    },
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use eventlog::{EventLog, subject};
use futures_util::StreamExt;
use town::{Plan, Town, chaos, installation::SERVICES, pebble};

use self::search::{Haystack, Search, Secret};

const HMAC_KEY: &str = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_the_log_a_database_or_what_was_printed() {
    let ca = pebble::Custom {
        external_accounts: vec![("kid-1".to_owned(), HMAC_KEY.to_owned())],
        ..pebble::Custom::default()
    };
    let configuration = "[telemetry]\nlog = \"debug\"\n".to_owned();
    let mut town = Town::planned(Plan {
        services_apart: true,
        ca,
        configuration,
        ..Plan::default()
    })
    .await;
    let server = a_busy_day(&town).await;
    let desk = paperwork::done(&town).await;

    let mut secrets = every_secret(&town, &server).await;
    secrets.extend(paperwork::secrets(&desk));
    assert!(secrets.len() > 25, "only {}", secrets.len());

    // Step 1: the log, as everyone with the auditor's right reads it.
    let read = Haystack::from(read_whole_log(&town).await);
    let search = Search::of(&secrets);
    if let Some(secret) = search.found_in(&read) {
        panic!("{} is in the log", secret.what);
    }
    // Step 2: every file, while all runs (write-ahead logs are full) and after it has stopped.
    let mut looked_at = look_into_files(&town, &search);
    for service in SERVICES {
        town.installation.process(service).stop("TERM").await;
    }
    town.installation.process("nats").stop("TERM").await;
    looked_at.extend(look_into_files(&town, &search));
    // Step 3: that the search was one.
    let saw = |end: &str| {
        looked_at
            .iter()
            .any(|file| file.to_string_lossy().ends_with(end))
    };
    let databases: &[&str] = match town.installation.postgresql() {
        None => &[
            "keystore.sqlite",
            "keystore.sqlite-wal",
            "csr-service.sqlite",
            "acme-agent.sqlite",
            "notifier.sqlite",
            "projection.sqlite",
        ],
        Some(_) => &["pg_wal/000000010000000000000001"],
    };
    for end in [".blk", "keystore.log", "gateway.log"]
        .iter()
        .chain(databases)
    {
        assert!(saw(end), "no {end} was looked into: {looked_at:?}");
    }
    let homes = homes(&town)
        .into_iter()
        .map(|file| Haystack::from(fs::read(file).unwrap()))
        .collect::<Vec<_>>();
    for secret in &secrets {
        let search = Search::of(slice::from_ref(secret));
        let home = homes.iter().any(|home| search.found_in(home).is_some());
        let kept_sealed = ["served", "account", "HMAC"]
            .iter()
            .any(|word| secret.what.contains(word));
        assert!(
            home || kept_sealed,
            "{} is not even found where it belongs",
            secret.what
        );
    }
    let found = format!(
        "{} secrets, sought in the log and in {} files, while all ran and after: none there",
        secrets.len(),
        looked_at.len()
    );
    chaos::figure("R24", found, true);
}

/// Everything that a secret is used for; answers the server's id.
async fn a_busy_day(town: &Town) -> String {
    let mut registration = town.registration("pebble");
    registration.external_account_binding = Some(ExternalAccountBinding {
        key_id: "kid-1".to_owned(),
        hmac_key: HMAC_KEY.to_owned(),
    });
    let client = town.client().await;
    let server = client
        .servers()
        .register_server(registration.clone())
        .await
        .unwrap()
        .into_inner()
        .server_id;
    // Refusals are printed and answered: they must not hold what they refuse.
    registration.name = "again".to_owned();
    registration.directory_url = "https://10.0.0.1/dir".to_owned();
    client
        .servers()
        .register_server(registration)
        .await
        .unwrap_err();

    let automation = town.issue("shop.example").await;
    client
        .acme()
        .renew_now(RenewNowRequest {
            automation_id: automation.id.clone(),
        })
        .await
        .unwrap();
    town.until(&automation.id, "renewed").await;
    server
}

async fn every_secret(town: &Town, server: &str) -> Vec<Secret> {
    let data = &town.installation.data;
    let identity = data.join("identity");
    let mut secrets = vec![
        Secret::text("the bootstrap token", &town.installation.bootstrap_token()),
        Secret::text("the HMAC key of the external account", HMAC_KEY),
        Secret::bytes(
            "the HMAC key's octets",
            &URL_SAFE_NO_PAD.decode(HMAC_KEY).unwrap(),
        ),
    ];
    let kek = fs::read_to_string(data.join("kek")).unwrap();
    secrets.push(Secret::text("the key-encryption key", kek.trim()));
    secrets.push(Secret::bytes(
        "the key-encryption key's octets",
        &STANDARD.decode(kek.trim()).unwrap(),
    ));
    for file in fs::read_dir(&identity)
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
    {
        let what = file.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).unwrap_or_default();
        if what.ends_with(".nkey") {
            secrets.push(Secret::text(&what, text.trim()));
        } else if what.ends_with(".key") {
            let der = text
                .lines()
                .filter(|line| !line.starts_with('-'))
                .collect::<String>();
            secrets.push(Secret::private_key(&what, &STANDARD.decode(der).unwrap()));
        }
    }

    let mut keystore =
        KeystoreServiceClient::new(town.installation.channel("acme-agent", "keystore"));
    for (name, what) in [
        ("account-key", "the account key"),
        ("eab", "the HMAC key, as it is sealed"),
    ] {
        let request = OpenSecretRequest {
            name: format!("{name}/{server}"),
        };
        let secret = keystore
            .open_secret(request)
            .await
            .unwrap()
            .into_inner()
            .secret;
        secrets.push(match name {
            "eab" => Secret::bytes(what, &secret),
            _ => Secret::private_key(what, &secret),
        });
    }
    let mut keystore = ServingServiceClient::new(town.installation.channel("gateway", "keystore"));
    let mut feed = keystore
        .watch_serving_credentials(WatchServingCredentialsRequest {})
        .await
        .unwrap()
        .into_inner();
    while let Some(change) = feed.message().await.unwrap() {
        match change.change.unwrap() {
            Change::Put(served) => {
                let what = format!(
                    "the served key of {:?}",
                    served.subject_alt_names.unwrap_or_default().dns_names
                );
                secrets.push(Secret::private_key(&what, &served.private_key_der));
            }
            Change::RemovedCertificateId(_) => {}
            Change::SnapshotComplete(_) => break,
        }
    }
    secrets
}

/// Headers and bodies of all events.
async fn read_whole_log(town: &Town) -> Vec<u8> {
    let (client, _complaints) = town.installation.nats("auditor").await;
    let log = EventLog::open(client, "auditor").await.unwrap();
    let last = log.last_sequence().await.unwrap();
    let mut events = log.tail(vec![subject::everything()], 0);
    let mut read = Vec::new();
    loop {
        let event = events.next().await.unwrap().unwrap();
        read.extend(format!("{event:?}").into_bytes());
        read.extend(&event.body);
        if event.sequence == last {
            return read;
        }
    }
}

/// Looks into every file of the town but those where secrets live.
fn look_into_files(town: &Town, search: &Search) -> Vec<PathBuf> {
    let homes = homes(town);
    let mut looked_at = Vec::new();
    let elsewhere = town.installation.elsewhere();
    let elsewhere = elsewhere.iter().flat_map(|folder| files(folder));
    let all = files(town.folder()).into_iter().chain(elsewhere);
    for file in all.filter(|file| !homes.contains(file)) {
        // It may have gone since.
        let Ok(content) = fs::read(&file).map(Haystack::from) else {
            continue;
        };
        if let Some(secret) = search.found_in(&content) {
            panic!("{} is in {}", secret.what, file.display());
        }
        looked_at.push(file);
    }
    looked_at
}

/// The files where a secret belongs: readable by their owner alone.
fn homes(town: &Town) -> Vec<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let data = &town.installation.data;
    let mut homes = vec![
        data.join("kek"),
        data.join("bootstrap-token"),
        town.installation
            .home()
            .join("config/chancery/credentials.toml"),
    ];
    let identity = files(&data.join("identity")).into_iter();
    homes.extend(
        identity.filter(|file| file.extension().is_some_and(|e| e == "key" || e == "nkey")),
    );
    for file in &homes {
        let mode = fs::metadata(file)
            .unwrap_or_else(|e| panic!("{}: {e}", file.display()))
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0, "{} is open to others", file.display());
    }
    // The CA's own: its configuration names the HMAC key, and its https key is not ours.
    homes.extend(files(&town.folder().join("ca")));
    // What somebody brought, and took along.
    homes.extend(files(&town.folder().join("desk")));
    homes
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
    {
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}
