//! What is made, what is made again, and what never is.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use super::*;

/// Every file of the folder with its content.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => {
                found.insert(path.clone(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn setting_up(folder: &Path, now: OffsetDateTime) -> Result<Prepared, InitError> {
    let settings = Settings::read(None, Some(folder)).unwrap();
    let shared = settings.shared().unwrap();
    data_folder(&Layout::of(&shared))?;
    prepare(&settings, &shared, now)
}

#[test]
fn a_second_time_changes_nothing_and_what_is_missing_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let now = Clock::system().now();
    assert!(!setting_up(&data, now).unwrap().made.is_empty());
    let first = files(&data);
    assert_eq!(
        fs::metadata(&data).unwrap().permissions().mode() & 0o777,
        0o700
    );
    for (path, _) in first
        .iter()
        .filter(|(path, _)| path.extension().is_none_or(|e| e != "pem"))
    {
        let mode = fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }

    assert_eq!(setting_up(&data, now).unwrap().made, Vec::<String>::new());
    assert_eq!(files(&data), first);

    fs::remove_file(data.join("identity/gateway.pem")).unwrap();
    fs::remove_file(data.join("identity/auditor.nkey")).unwrap();
    assert_eq!(setting_up(&data, now).unwrap().made.len(), 2);
    let changed = files(&data)
        .into_iter()
        .filter(|(path, content)| first.get(path) != Some(content));
    let changed = changed
        .map(|(path, _)| path.file_name().unwrap().to_owned())
        .collect::<Vec<_>>();
    assert_eq!(changed, ["auditor.nkey", "gateway.key", "gateway.pem"]);
}

#[test]
fn a_folder_of_an_older_version_gets_the_identity_of_a_service_that_is_new() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::under(folder.path());
    let now = Clock::system().now();
    let listen = "127.0.0.1:7422".parse().unwrap();
    setting_up(folder.path(), now).unwrap();
    write_nats_conf(&layout, listen).unwrap();
    // As before there was a csr-service.
    for file in [
        layout.leaf("csr-service"),
        layout.leaf_key("csr-service"),
        layout.nkey("csr-service"),
    ] {
        fs::remove_file(file).unwrap();
    }
    assert_eq!(
        setting_up(folder.path(), now).unwrap().made,
        [
            "the identity of csr-service, good for 30 days",
            "the NATS user csr-service"
        ]
    );
    assert!(write_nats_conf(&layout, listen).unwrap());
}

#[test]
fn leaves_of_a_ca_that_was_lost_are_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let now = Clock::system().now();
    setting_up(folder.path(), now).unwrap();
    fs::remove_file(folder.path().join("identity/ca.pem")).unwrap();
    setting_up(folder.path(), now).unwrap();
    let ca = fs::read_to_string(folder.path().join("identity/ca.pem")).unwrap();
    for name in leaves::NAMES {
        let leaf = folder.path().join(format!("identity/{name}.pem"));
        let chain = fs::read_to_string(leaf).unwrap() + &ca;
        let [leaf, _, ca] = &pki::parse_pem_chain(&chain).unwrap()[..] else {
            panic!("{chain}")
        };
        pki::chain::check_order(&[leaf.clone(), ca.clone()]).unwrap();
    }
}

#[test]
fn leaves_are_renewed_when_less_than_a_third_of_their_life_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let now = Clock::system().now();
    let day = Duration::from_secs(86_400);
    setting_up(folder.path(), now).unwrap();
    let renewed = |days: u32| {
        let made = setting_up(folder.path(), now + days * day).unwrap().made;
        let identities = made.iter().filter(|made| made.contains("identity of"));
        identities.count()
    };
    assert_eq!(renewed(19), 0);
    assert_eq!(renewed(21), leaves::NAMES.len());
}

#[test]
fn a_lost_key_encryption_key_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let now = Clock::system().now();
    setting_up(folder.path(), now).unwrap();
    fs::remove_file(folder.path().join("kek")).unwrap();
    let refusal = setting_up(folder.path(), now).unwrap_err();
    assert!(matches!(refusal, InitError::KekLost { .. }), "{refusal}");
}

#[test]
fn a_token_that_has_ended_stays_so() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::under(folder.path());
    let now = Clock::system().now();
    setting_up(folder.path(), now).unwrap();
    fs::remove_file(layout.bootstrap_token()).unwrap();
    fs::remove_file(gateway::tokens::digest_file(&layout)).unwrap();
    assert!(setting_up(folder.path(), now).unwrap().made.is_empty());
    assert!(!layout.bootstrap_token().exists());
}

#[test]
fn each_server_of_a_cluster_has_a_folder_to_carry_and_knows_the_others_by_their_keys() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("toml"));
    let cluster = "[nats]\nurl = \"tls://a:1,tls://b:1,tls://10.1.0.3:1\"\n\
                   routes = [\"a:2\", \"b:2\", \"10.1.0.3:2\"]\n";
    fs::write(&file, cluster).unwrap();
    let settings = Settings::read(Some(&file), Some(&data)).unwrap();
    let shared = settings.shared().unwrap();
    let layout = Layout::of(&shared);
    let servers = servers::servers(&shared.nats, &layout).unwrap();
    let now = Clock::system().now();
    let prepare = |days: u64| prepare(&settings, &shared, now + Duration::from_secs(days * 86_400));
    data_folder(&layout).unwrap();
    prepare(0).unwrap();
    assert!(nats::write_conf(&layout, &servers).unwrap());

    let third = data.join("nats-3");
    let files = files(&third);
    let names = files.keys().map(|path| path.strip_prefix(&third).unwrap());
    let names = names.map(|path| path.to_str().unwrap());
    let wanted = [
        "identity/ca.pem",
        "identity/nats.key",
        "identity/nats.pem",
        "nats/nats.conf",
    ];
    assert_eq!(names.collect::<Vec<_>>(), wanted);
    let leaf = leaves::leaf(&servers[2].layout, leaves::SERVER).unwrap();
    assert_eq!(leaf.ip_addresses, ["10.1.0.3".parse::<IpAddr>().unwrap()]);
    for server in &servers {
        let conf = fs::read_to_string(server.layout.nats_config()).unwrap();
        let named = format!("server_name: \"{}\"", server.name);
        assert!(conf.contains(&named), "{conf}");
        for other in &servers {
            let leaf = leaves::leaf(&other.layout, leaves::SERVER).unwrap();
            assert!(conf.contains(&leaf.spki_sha256), "{conf}");
        }
    }
    // A leaf that is renewed has the same key: servers that still run know it.
    let renewed = |days| {
        let made = prepare(days).unwrap().made.into_iter();
        made.filter(|made| made.starts_with("the identity of"))
            .count()
    };
    assert_eq!(renewed(19), 0);
    assert_eq!(renewed(21), leaves::NAMES.len() - 1 + servers.len());
    assert!(!nats::write_conf(&layout, &servers).unwrap());
}

#[test]
fn a_set_up_link_that_nobody_used_in_time_is_made_anew_and_none_after_the_set_up() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let now = Clock::system().now();
    let link = || fs::read_to_string(data.join("set-up-link"));
    setting_up(&data, now).unwrap();
    let first = link().unwrap();
    assert!(first.starts_with("https://localhost/link?code="), "{first}");
    setting_up(&data, now + Duration::from_secs(23 * 3_600)).unwrap();
    assert_eq!(link().unwrap(), first);
    setting_up(&data, now + Duration::from_secs(24 * 3_600)).unwrap();
    let second = link().unwrap();
    assert_ne!(second, first);
    // Where `up` found its ports.
    let layout = Layout::under(&data);
    let shown = super::link::at(&layout, "127.0.0.1:8443".parse().unwrap()).unwrap();
    let code = second.trim().split_once("code=").unwrap().1;
    let there = format!("https://localhost:8443/link?code={code}");
    assert_eq!(shown, Some(there.clone()));
    assert_eq!(link().unwrap().trim(), there);

    // The gateway removes what opened until then.
    for gone in [
        "gateway.set-up-code.sha256",
        "gateway.bootstrap-token.sha256",
    ] {
        fs::remove_file(data.join("identity").join(gone)).unwrap();
    }
    assert_eq!(setting_up(&data, now).unwrap().made, Vec::<String>::new());
    assert!(link().is_err());
    assert!(!data.join("identity/gateway.set-up-code.sha256").exists());
}
