//! People, as an administrator looks after them on the command line.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Stdio};

use serde_json::Value;
use town::{Town, command_line};

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_looks_after_people_and_the_log_has_no_name() {
    let town = Town::start().await;
    town.sign_in().await;
    let users = async |words: &[&str]| town.command(&[&["users"], words].concat()).await;

    let anna = users(&[
        "create",
        "anna",
        "--role",
        "operator",
        "--email",
        "anna@people.example",
    ]);
    let anna = anna.await.json();
    let path = anna["invitation"]["path"].as_str().unwrap();
    assert!(path.starts_with("/link?code="), "{path}");
    let taken = users(&["create", "ANNA", "--role", "viewer"]).await;
    assert_eq!(taken.status, 1);
    assert!(
        taken.stderr.contains("another user has this login name"),
        "{}",
        taken.stderr
    );
    let wrong = users(&["create", "anna schmidt", "--role", "viewer"]).await;
    assert_eq!(wrong.status, 1);

    // The same request again is the same person.
    let create = [
        "create",
        "berta",
        "--role",
        "admin",
        "--request-id",
        "berta-1",
    ];
    let berta = users(&create).await.json();
    assert_eq!(
        users(&create).await.json()["user"]["userId"],
        berta["user"]["userId"]
    );

    users(&["role", "Anna", "viewer"]).await.json();
    let unchanged = users(&["role", "anna", "viewer"]).await;
    assert!(
        unchanged.stderr.contains("has that role already"),
        "{}",
        unchanged.stderr
    );
    users(&["disable", "anna"]).await.json();
    users(&["reset", "anna"]).await.json();
    let listed = users(&["list"]).await.json();
    let one = |n: usize, field: &str| listed["users"][n][field].clone();
    assert_eq!(
        (one(0, "loginName"), one(1, "loginName")),
        ("anna".into(), "berta".into())
    );
    assert_eq!(
        (one(0, "role"), one(0, "disabled")),
        ("ROLE_VIEWER".into(), true.into())
    );
    assert_eq!(one(1, "active"), Value::Null, "she has not used her link");
    users(&["enable", "anna"]).await.json();
    let asks = users(&["delete", "anna"]).await;
    assert_eq!(asks.status, 2, "nobody can be asked: {}", asks.stderr);
    users(&["delete", "anna", "--yes"]).await.json();
    let gone = users(&["disable", "anna"]).await;
    assert!(gone.stderr.contains("there is no user"), "{}", gone.stderr);
    assert_eq!(
        users(&["list"]).await.json()["users"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    let filter = [
        "events",
        "list",
        "--filter",
        "aggregate=directory",
        "--sort",
        "sequence",
    ];
    let events = town.command(&filter).await.json();
    let names = events["events"].as_array().unwrap().iter();
    let names = names
        .map(|event| event["event"].as_str().unwrap())
        .collect::<Vec<_>>();
    assert_eq!(
        names,
        [
            "user-created",
            "user-created",
            "role-changed",
            "disabled",
            "credentials-reset",
            "enabled",
            "deleted",
        ]
    );
    let events = events.to_string();
    assert!(
        !events.contains("anna") && !events.contains("people.example"),
        "{events}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_leaves_a_set_up_link_and_the_machine_makes_one_for_an_administrator() {
    let town = Town::start().await;
    town.sign_in().await;
    let data = town.installation.data.clone();
    let private = |name: &str| {
        let path = data.join(name);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
        fs::read_to_string(path).unwrap()
    };
    assert!(private("set-up-link").contains("/link?code="));
    let reset = |login: &str| {
        let mut command = command_line::command(town.installation.home());
        command
            .args(["users", "reset-admin", login, "--data-dir"])
            .arg(&data);
        command_line::run(&mut command, Stdio::null())
    };
    let nobody = reset("anna");
    assert_eq!(nobody.status, 1);
    assert!(
        nobody.stderr.contains("no administrator"),
        "{}",
        nobody.stderr
    );
    for login in ["anna", "berta"] {
        town.command(&["users", "create", login, "--role", "admin"])
            .await
            .json();
    }
    // While the gateway runs.
    let made = reset("Anna");
    assert_eq!(made.status, 0, "{}", made.stderr);
    let link = private("reset-link");
    let code = link.trim().split_once("/link?code=").unwrap().1;
    assert!(!made.stdout.contains(code), "the link is in the file alone");
}
