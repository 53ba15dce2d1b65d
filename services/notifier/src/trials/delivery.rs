//! How messages arrive, and what happens where they do not.

use api::{
    keystore::v1::{CertificateRevoked, KeyExported},
    notifier::v1::{
        CreateChannelRequest, MessageKind, Rule, Severity, SmtpSecurity, WebhookSettings,
        create_channel_request::Settings,
    },
};
use aws_lc_rs::hmac;
use time::Duration;
use town::{
    hook::{Hook, Post},
    mail::Security,
};
use uuid::Uuid;

use super::{
    Trial, origin,
    others::{Certificates, Keys},
};
use crate::{
    commands::CommandError,
    parse,
    refusal::Refusal,
    watch::{
        Watched,
        foreign::{CertificateEvent, KeyEvent},
    },
};

async fn create(trial: &Trial, name: &str, settings: Settings) -> Uuid {
    let request = CreateChannelRequest {
        name: name.into(),
        rule: None,
        settings: Some(settings),
    };
    let form = parse::create(&request).unwrap();
    let commands = trial.office().await.commands();
    commands.create(&origin(name), &form).await.unwrap().0
}

async fn test(trial: &Trial, channel: &str) -> Result<String, String> {
    let commands = trial.office().await.commands();
    match commands.test(channel).await {
        Ok(answer) => Ok(answer),
        Err(CommandError::Refused(Refusal::NotTaken(why))) => Err(why),
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_goes_over_tls_with_a_password() {
    for (server, security) in [
        (Security::Implicit, SmtpSecurity::ImplicitTls),
        (Security::StartTls, SmtpSecurity::Starttls),
    ] {
        let trial = Trial::with_mail(server).await;
        let to = ["Ops <ops@example.org>", "second@example.org"];
        let email = trial.protected_email(security, &to);
        create(&trial, "ops", Settings::Email(email.clone())).await;
        let answer = test(&trial, "ops").await;
        assert_eq!(answer.as_deref(), Ok("250 2.0.0 Ok: taken"), "{security:?}");
        let mails = trial.mail.until(1).await;
        assert_eq!(mails[0].to, ["ops@example.org", "second@example.org"]);
        assert_eq!(mails[0].subject(), "Chancery: a test message to ops");
        assert_eq!(mails[0].header("auto-submitted"), "auto-generated");

        // The wrong password, and a root that did not sign the server's certificate.
        let mut wrong = email.clone();
        wrong.password = Some("something else".into());
        create(&trial, "wrong", Settings::Email(wrong)).await;
        let refused = test(&trial, "wrong").await.unwrap_err();
        assert!(
            refused.contains("does not let us in (it answered 535)"),
            "{refused}"
        );
        let mut strange = email;
        strange.trusted_roots_pem = town::authority::Authority::root("another").pem();
        create(&trial, "strange", Settings::Email(strange)).await;
        test(&trial, "strange").await.unwrap_err();
        trial.mail.until(1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tls_nothing_is_said_to_a_server_that_should_have_it() {
    let trial = Trial::with_mail(Security::None).await;
    let email = trial.protected_email(SmtpSecurity::Starttls, &["ops@example.org"]);
    create(&trial, "ops", Settings::Email(email)).await;
    let refused = test(&trial, "ops").await.unwrap_err();
    assert!(refused.contains("does not do STARTTLS"), "{refused}");
    trial.mail.until(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_first_takes_it_later_and_the_others_hear_of_it() {
    let trial = Trial::begin().await;
    trial
        .channel("ops", "ops@example.org", Rule::default())
        .await;
    let hook = Hook::open().await;
    let webhook = WebhookSettings {
        url: hook.url.clone(),
        signing_secret: Some("a secret of sixteen".into()),
        trusted_roots_pem: hook.root.clone(),
    };
    create(&trial, "pager", Settings::Webhook(webhook)).await;
    trial.mail.refuse(Some("451 4.3.0 try later"));
    let notifier = trial.work().await;
    trial.import(1, "shop.example").await;
    trial.clock.advance(Duration::days(60).unsigned_abs());
    trial.settled().await;
    let first = hook.until(1).await;
    assert!(first[0].body.contains("CERTIFICATE_EXPIRING"));
    assert!(trial.mail.refused() >= 1);
    // It is tried again and again; after a while others are told.
    for _ in 0..20 {
        trial.clock.advance(std::time::Duration::from_secs(60));
        trial.settled().await;
    }
    let posted = hook.until(2).await;
    assert!(
        posted[1].body.contains("DELIVERY_FAILING"),
        "{}",
        posted[1].body
    );
    assert!(
        posted[1]
            .body
            .contains("does not take the mail (it answered 451)")
    );
    assert!(!posted[1].body.contains("ops@example.org"));

    trial.mail.refuse(None);
    trial.clock.advance(Duration::hours(1).unsigned_abs());
    trial.settled().await;
    let mails = trial.mail.until(1).await;
    assert!(
        mails[0]
            .subject()
            .contains("shop.example (1) expires in 30 days")
    );
    let posted = hook.until(3).await;
    assert!(
        posted[2].body.contains("It takes messages again."),
        "{}",
        posted[2].body
    );
    notifier.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_outlives_its_use_is_given_up_and_noted() {
    let trial = Trial::begin().await;
    trial
        .channel("ops", "ops@example.org", Rule::default())
        .await;
    trial.mail.refuse(Some("451 4.3.0 try later"));
    let notifier = trial.work().await;
    trial.import(1, "shop.example").await;
    trial.clock.advance(Duration::days(60).unsigned_abs());
    trial.settled().await;
    trial.pass(2, Duration::hours(6)).await;
    let kind = MessageKind::CertificateExpiring;
    let names = trial.alert_names(Watched::Certificate, 1, kind).await;
    assert_eq!(names, ["raised", "notify-failed"]);
    // It is well again; what was given up is not dug out, and the next mark is told.
    trial.mail.refuse(None);
    trial.pass(14, Duration::hours(12)).await;
    let names = trial.alert_names(Watched::Certificate, 1, kind).await;
    assert_eq!(names, ["raised", "notify-failed", "raised", "notified"]);
    trial.mail.until(1).await;
    notifier.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_wrong_address_does_not_keep_mail_from_the_others() {
    let trial = Trial::begin().await;
    trial.mail.refuse_recipient("gone@example.org");
    let mut email = trial.email("gone@example.org");
    email.to.push("ops@example.org".into());
    create(&trial, "ops", Settings::Email(email)).await;
    let answer = test(&trial, "ops").await.unwrap();
    assert_eq!(answer, "250 2.0.0 Ok: taken (1 of 2 recipients refused)");
    assert_eq!(trial.mail.until(1).await[0].to, ["ops@example.org"]);

    create(
        &trial,
        "gone",
        Settings::Email(trial.email("gone@example.org")),
    )
    .await;
    let refused = test(&trial, "gone").await.unwrap_err();
    assert!(
        refused.contains("refuses a recipient (it answered 550)"),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_that_fail_at_once_are_one_mail() {
    let trial = Trial::begin().await;
    trial
        .channel("ops", "ops@example.org", Rule::default())
        .await;
    for n in 1..=200 {
        trial.automate(n, &format!("www{n}.example.com")).await;
    }
    trial.clock.advance(Duration::days(70).unsigned_abs());
    let mut office = trial.office().await;
    office.manners.gather = Duration::minutes(1);
    let stopping = tokio_util::sync::CancellationToken::new();
    let working = tokio::spawn({
        let stopping = stopping.clone();
        async move { office.work(stopping).await.unwrap() }
    });
    town::wait::until("all alerts are up", async || {
        for n in 1..=200 {
            let kind = MessageKind::RenewalAbsent;
            let names = trial.alert_names(Watched::Automation, n, kind).await;
            if names.is_empty() {
                return None;
            }
        }
        Some(())
    })
    .await;
    trial.caught_up().await;
    trial.clock.advance(std::time::Duration::from_secs(61));
    let mails = trial.mail.until(1).await;
    assert!(
        mails[0]
            .subject()
            .starts_with("Chancery: 200 errors: renewal of"),
        "{}",
        mails[0].subject()
    );
    stopping.cancel();
    working.await.unwrap();
    trial.mail.until(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_signed_and_tried_again_when_it_asks_for_that() {
    let trial = Trial::begin().await;
    let hook = Hook::open().await;
    let key = "a secret of sixteen";
    let webhook = WebhookSettings {
        url: hook.url.clone(),
        signing_secret: Some(key.into()),
        trusted_roots_pem: hook.root.clone(),
    };
    create(&trial, "pager", Settings::Webhook(webhook)).await;
    hook.answer_next("429 Too Many Requests\r\nretry-after: 7200");
    let notifier = trial.work().await;
    trial.import(1, "shop.example").await;
    trial.clock.advance(Duration::days(60).unsigned_abs());
    trial.settled().await;
    let first = hook.until(1).await.remove(0);
    trial.clock.advance(std::time::Duration::from_secs(7_100));
    trial.settled().await;
    assert_eq!(hook.posted().len(), 1, "it asked to be left alone");
    trial.clock.advance(std::time::Duration::from_secs(100));
    trial.settled().await;
    let again = hook.until(2).await.remove(1);
    // The same event, signed anew.
    assert_eq!(first.body, again.body);
    assert_ne!(
        first.header("chancery-signature"),
        again.header("chancery-signature")
    );
    for post in [&first, &again] {
        assert!(is_signed(post, key), "{}", post.head);
        assert!(!is_signed(post, "another secret of ours"));
        let kind = post.header("content-type");
        assert!(kind.starts_with("application/cloudevents+json"), "{kind}");
    }
    let event: serde_json::Value = serde_json::from_str(&first.body).unwrap();
    assert_eq!(event["specversion"], "1.0");
    assert_eq!(event["type"], "chancery.notification.v1");
    let told = &event["data"]["notifications"][0];
    assert_eq!(told["kind"], "CERTIFICATE_EXPIRING");
    assert_eq!(told["severity"], "WARNING");
    assert_eq!(told["state"], "up");
    assert_eq!(told["subject"]["name"], "shop.example (1)");
    assert_eq!(told["deadline"], "2026-04-01T11:00:00Z");
    notifier.stop().await;
}

fn is_signed(post: &Post, key: &str) -> bool {
    let (time, mac) = post
        .header("chancery-signature")
        .split_once(",v1=")
        .unwrap();
    let signed = format!("{}.{}", time.strip_prefix("t=").unwrap(), post.body);
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    let known = pki::fingerprint::hex(hmac::sign(&key, signed.as_bytes()).as_ref());
    known == mac
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_once_is_told_once_to_who_asked_for_it() {
    let trial = Trial::begin().await;
    let exports = Rule {
        kinds: vec![MessageKind::PrivateKeyExported.into()],
        ..Rule::default()
    };
    trial
        .channel("security", "security@example.org", exports)
        .await;
    trial
        .channel("ops", "ops@example.org", Rule::default())
        .await;
    let notifier = trial.work().await;
    trial.import(1, "shop.example").await;
    let exported = KeyEvent::Exported(KeyExported {
        format: "PEM".into(),
        protected: false,
        certificate_id: Uuid::from_u128(1).to_string(),
    });
    trial.tell::<Keys>(5, exported).await;
    let revoked = CertificateRevoked {
        version: 1,
        ..CertificateRevoked::default()
    };
    trial
        .tell::<Certificates>(1, CertificateEvent::Revoked(revoked))
        .await;
    trial.settled().await;
    trial.pass(2, Duration::hours(12)).await;
    let mut told = trial.mail.until(2).await;
    told.sort_by_key(|mail| mail.to[0].clone());
    assert_eq!(told[0].subject(), "Chancery: shop.example (1) was revoked");
    assert_eq!(told[0].to, ["ops@example.org"]);
    assert_eq!(
        told[1].subject(),
        "Chancery: the private key of shop.example (1) was exported"
    );
    assert!(told[1].raw.contains("without a passphrase"));
    notifier.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_holds_back_what_can_wait() {
    let trial = Trial::begin().await;
    let digest = Rule {
        minimum_severity: Severity::Info.into(),
        digest: true,
        ..Rule::default()
    };
    trial.channel("ops", "ops@example.org", digest).await;
    let notifier = trial.work().await;
    trial.automate(1, "www.example.com").await;
    trial.import(2, "shop.example").await;
    trial.automate(3, "api.example.com").await;
    trial.settled().await;
    assert_eq!(trial.mail.subjects(), Vec::<String>::new());
    // The next morning.
    trial.clock.advance(Duration::hours(20).unsigned_abs());
    trial.settled().await;
    let mails = trial.mail.until(1).await;
    assert!(
        mails[0].subject().starts_with("Chancery: 2 messages:"),
        "{}",
        mails[0].subject()
    );
    // An error comes at once, in the middle of the day, and takes nothing along that can wait.
    trial.pass(64, Duration::days(32)).await;
    trial.clock.advance(Duration::hours(5).unsigned_abs());
    trial.settled().await;
    let subjects = trial.mail.subjects();
    let errors = subjects.iter().filter(|s| s.contains("is overdue")).count();
    assert!(errors >= 1, "{subjects:?}");
    notifier.stop().await;
}
