//! An import of many files is cut short by a crash, and sent again: all of it is here, once.

use api::keystore::v1::{FileOutcome, ImportFile, ImportRequest};
use town::{Town, authority::Authority, wait};

/// How many certificates are sent.
const MANY: usize = 90;

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_in_the_middle_of_an_import_and_the_same_command_again() {
    let mut town = Town::start().await;
    let ca = Authority::root("Paper CA");
    let files = (0..MANY).map(|n| ImportFile {
        name: format!("{n}.pem"),
        content: ca
            .issue(&[&format!("shop-{n}.example")])
            .into_bytes()
            .into(),
        passphrase: None,
    });
    let import = ImportRequest {
        files: files.collect(),
    };
    let client = town.client().await.with_request_id("the-big-one");
    let first = import.clone();
    let sent = tokio::spawn(async move { client.certificates().import(first).await });
    // Some of it is in the log, and the command is not done.
    wait::until("the first have come", async || {
        (!town.events("event=imported").await.is_empty()).then_some(())
    })
    .await;
    town.installation.process("up").kill();
    // Whether its answer still came makes no difference.
    let _ = sent.await.unwrap();
    town.installation.up().await;
    let client = town.client().await.with_request_id("the-big-one");
    let again = wait::until("the keystore answers", async || {
        client.certificates().import(import.clone()).await.ok()
    })
    .await
    .into_inner();
    assert_eq!(again.files.len(), MANY);
    for file in &again.files {
        let taken = [FileOutcome::Imported, FileOutcome::AlreadyHere].contains(&file.outcome());
        assert!(taken, "{file:?}");
    }
    let imported = town
        .events_at("aggregate=certificate event=imported", again.position)
        .await;
    assert_eq!(imported.len(), MANY);
    let mut names = imported
        .iter()
        .map(|event| event.body.as_ref().unwrap().fields["friendlyName"].clone())
        .map(|name| format!("{name:?}"))
        .collect::<Vec<_>>();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), MANY, "each has a name of its own");
}
