//! R8: the disk is full, because somebody else filled it. Commands are refused soon, nothing is lost, and all is well again by itself once
//! there is room.

use std::{fs, process::Command, time::Duration};

use api::gateway::v1::WhoAmIRequest;
use tonic::Code;
use town::{chaos, client::Client, installation::Installation, load::Load, wait};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_commands_and_is_well_again_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let mount = folder.path().join("mount");
    fs::create_dir(&mount).unwrap();
    let small = format!("mount -t tmpfs -o size=256m none {}", mount.display());
    if !chaos::may_break("a full disk", &small) {
        return;
    }
    let mut installation = Installation::new(&mount, "");
    installation.up().await;
    let token = installation.bootstrap_token();
    let load = Load::start(&[installation.edge], &token);
    load.until_next(chaos::PATIENCE)
        .await
        .expect("the load begins");

    let hog = mount.join("hog");
    // It ends when there is no room for more.
    let _ = Command::new("dd")
        .args(["if=/dev/zero", "bs=64k"])
        .arg(format!("of={}", hog.display()))
        .output();
    // What was under way comes to its end first.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let client = Client::connect(installation.edge, &token)
        .await
        .expect("the gateway is there");
    client
        .session()
        .who_am_i(WhoAmIRequest {})
        .await
        .expect("questions are answered");
    let (refusal, refused_in) = load.refusal(&client).await;

    fs::remove_file(&hog).unwrap();
    let well = load.until_next(Duration::from_secs(120)).await;
    let outcome = match well {
        Some(_) => {
            let client = wait::until("the gateway answers", async || {
                Client::connect(installation.edge, &token).await.ok()
            })
            .await;
            Some(load.verify(&client).await)
        }
        None => None,
    };
    let logs = installation.logs();
    installation.process("up").stop("TERM").await;
    drop(installation);
    let _ = Command::new("umount").arg("-l").arg(&mount).status();
    let whole = outcome.is_some_and(|outcome| outcome.is_whole());
    // The log has no room, or the keystore's database has none: whichever is met first.
    let typed = [Code::ResourceExhausted, Code::Unavailable].contains(&refusal);
    let in_time = typed && chaos::in_time(refused_in, Duration::from_secs(2));
    let again = well.is_some_and(|well| chaos::in_time(well, Duration::from_secs(60)));
    let found =
        format!("{refusal:?} after {refused_in:.1?}, well again after {well:.1?}, {outcome:?}");
    let reached = whole && in_time && again;
    if !reached {
        eprintln!("{logs}");
    }
    chaos::figure("R8", found, reached);
}
