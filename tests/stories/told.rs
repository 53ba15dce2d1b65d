//! Somebody is told what fails, and that it works again.

use std::{
    fs,
    io::Write as _,
    process::{Command, Stdio},
};

use api::{acme::v1::RenewNowRequest, notifier::v1::GetChannelRequest};
use town::{
    Plan, Town,
    desk::Desk,
    hook::{Hook, Post},
    mail::{MailServer, PASSWORD, Security, USER},
    tools, wait,
};

const SIGNING_SECRET: &str = "a secret that signs for us";

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_that_fails_is_told_and_that_it_works_again() {
    let (town, desk) = town().await;
    let mail = MailServer::start(Security::Implicit).await;
    add_mail(&desk, &mail).await;
    let said = desk.done("chancery notify channels test operations").await;
    assert_eq!(said.trim(), "250 2.0.0 Ok: taken");
    let mails = mail.until(1).await;
    assert_eq!(mails[0].to, ["ops@example.com"]);

    town.register_ca().await;
    let automation = town.issue("shop.example").await;
    town.ca.resolve("shop.example", "127.0.0.2").await;
    renew_until_mail(&town, &automation.id, &mail, 2).await;
    let mails = mail.until(2).await;
    let subject = mails[1].subject();
    assert!(
        subject.starts_with("Chancery: renewal of shop.example failed, expires on "),
        "{subject}"
    );

    town.ca.resolve_as_usual("shop.example").await;
    renew_until_mail(&town, &automation.id, &mail, 3).await;
    let mails = mail.until(3).await;
    assert_eq!(
        mails[2].subject(),
        "Chancery: all clear for shop.example: it has a new certificate"
    );
    // Raised before anybody was told, each telling noted, and over: by the log.
    let alerts = town.events("aggregate=alert").await;
    let names = alerts.iter().map(|event| event.event.as_str());
    assert_eq!(
        names.collect::<Vec<_>>(),
        ["raised", "notified", "cleared", "notified"]
    );
    // Neither addresses nor secrets are in it.
    for event in town.events("").await {
        let text = format!("{event:?}");
        assert!(
            !text.contains("ops@example.com") && !text.contains(PASSWORD),
            "{text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_is_changed_and_removed_from_the_command_line() {
    let (town, desk) = town().await;
    let mail = MailServer::start(Security::Implicit).await;
    add_mail(&desk, &mail).await;
    let shown = desk.done("chancery notify channels show operations").await;
    for part in [
        "ops@example.com",
        "implicit-tls",
        "warnings and errors",
        USER,
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    desk.done(
        "chancery notify channels update operations --name errors --minimum-severity error \
         --email night@example.com",
    )
    .await;
    let changed = desk.json("chancery notify channels show errors").await;
    assert_eq!(changed["rule"]["minimumSeverity"], "SEVERITY_ERROR");
    assert_eq!(changed["email"]["to"][0], "night@example.com");
    assert_eq!(changed["email"].get("password"), None);
    // The password is the one that it had.
    desk.done("chancery notify channels test errors").await;
    assert_eq!(mail.until(1).await[0].to, ["night@example.com"]);

    mail.refuse(Some("554 5.7.1 not from you"));
    let refused = desk
        .refused(1, "chancery notify channels test errors")
        .await;
    assert!(
        refused.contains("554") && refused.contains("not from you"),
        "{refused}"
    );
    desk.refused(2, "chancery notify channels remove errors")
        .await;
    desk.done("chancery notify channels remove errors --yes")
        .await;
    let request = GetChannelRequest {
        channel: "errors".into(),
    };
    let gone = town.client().await.notifier().get_channel(request).await;
    assert_eq!(gone.unwrap_err().code(), tonic::Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_check_of_a_webhooks_signature_works() {
    let (_town, desk) = town().await;
    let hook = Hook::open().await;
    desk.lay("hook.url", &hook.url);
    desk.lay("hook.key", SIGNING_SECRET);
    desk.lay("hook-root.pem", &hook.root);
    desk.done(
        "chancery notify channels add pager --webhook --url-file hook.url \
         --signing-secret-file hook.key --trusted-roots hook-root.pem",
    )
    .await;
    let said = desk.done("chancery notify channels test pager").await;
    assert_eq!(said.trim(), "HTTP 204");
    let post = hook.until(1).await.remove(0);
    desk.lay("body.json", &post.body);
    desk.lay("check.py", documented("python"));

    let signature = post.header("chancery-signature").to_owned();
    let (time, mac) = signature.split_once(",v1=").unwrap();
    let now: i64 = time.strip_prefix("t=").unwrap().parse().unwrap();
    let key = desk.path("hook.key");
    let check = |post: &Post, now: i64| {
        let arguments = [
            signature.clone(),
            key.display().to_string(),
            now.to_string(),
        ];
        python(&desk, &arguments, &post.body)
    };
    assert_eq!(check(&post, now + 10), "ours");
    assert_eq!(check(&post, now + 600), "not ours");
    let forged = Post {
        body: post.body.replace("pager", "other"),
        ..post.clone()
    };
    assert_eq!(check(&forged, now), "not ours");
    let line = format!("signature='{signature}'\n{}", documented("sh"));
    assert_eq!(desk.done(&line).await.trim(), mac);
}

/// A town where nothing is gathered, and somebody who is signed in to it.
async fn town() -> (Town, Desk) {
    let town = Town::planned(Plan {
        configuration: "[notifier]\ngather_seconds = 0\n".into(),
        ..Plan::default()
    })
    .await;
    let desk = Desk::of(&town).await;
    (town, desk)
}

async fn add_mail(desk: &Desk, mail: &MailServer) {
    desk.lay("smtp.pass", format!("{PASSWORD}\n"));
    desk.lay("mail-root.pem", &mail.root);
    let line = format!(
        "chancery notify channels add operations --email ops@example.com --smtp localhost \
         --smtp-port {} --from 'Chancery <chancery@example.com>' --username {USER} \
         --password-file smtp.pass --trusted-roots mail-root.pem",
        mail.port
    );
    desk.done(&line).await;
}

/// Asks for a renewal until so many mails have come: one that runs already is as good.
async fn renew_until_mail(town: &Town, automation: &str, mail: &MailServer, count: usize) {
    let acme = town.client().await.acme();
    wait::until(&format!("{count} mails have come"), async || {
        let request = RenewNowRequest {
            automation_id: automation.to_owned(),
        };
        let _ = acme.clone().renew_now(request).await;
        for _ in 0..50 {
            if mail.mails().len() >= count {
                return Some(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        None
    })
    .await;
}

/// The block of this language in the documentation.
fn documented(language: &str) -> String {
    let path = tools::workspace().join("docs/notifications.md");
    let text = fs::read_to_string(path).unwrap();
    let (_, block) = text.split_once(&format!("```{language}\n")).unwrap();
    block.split_once("```").unwrap().0.to_owned()
}

fn python(desk: &Desk, arguments: &[String], body: &str) -> String {
    let mut python = Command::new(tools::tool("python-with-aiosmtpd"))
        .arg(desk.path("check.py"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python
        .stdin
        .take()
        .unwrap()
        .write_all(body.as_bytes())
        .unwrap();
    let ended = python.wait_with_output().unwrap();
    assert!(ended.status.success());
    String::from_utf8(ended.stdout).unwrap().trim().to_owned()
}
