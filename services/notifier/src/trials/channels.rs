//! Channels: their names, secrets and addresses.

use api::notifier::v1::{
    CreateChannelRequest, MessageKind, Rule, Severity, UpdateChannelRequest, WebhookSettings,
    create_channel_request, update_channel_request,
};
use uuid::Uuid;

use super::{Trial, origin};
use crate::{
    commands::CommandError,
    parse,
    refusal::Refusal,
    settings::{Settings, row},
};

fn webhook(name: &str, url: &str, secret: Option<&str>) -> CreateChannelRequest {
    CreateChannelRequest {
        name: name.into(),
        rule: None,
        settings: Some(create_channel_request::Settings::Webhook(WebhookSettings {
            url: url.into(),
            signing_secret: secret.map(str::to_owned),
            trusted_roots_pem: String::new(),
        })),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_and_secrets_are_not_in_the_log_and_go_with_the_channel() {
    let trial = Trial::begin().await;
    let commands = trial.office().await.commands();
    let request = webhook(
        "pager",
        "https://hooks.example.com/T0K3N",
        Some("a secret of sixteen"),
    );
    let form = parse::create(&request).unwrap();
    let (id, _) = commands.create(&origin("one"), &form).await.unwrap();
    // A repeat finds it.
    assert_eq!(commands.create(&origin("one"), &form).await.unwrap().0, id);
    assert_eq!(
        trial.keystore.sealed(),
        [format!("channel/{id}/signing"), format!("channel/{id}/url")]
    );
    let email = trial
        .channel("ops", "ops@example.org", Rule::default())
        .await;
    for channel in [id, email] {
        for event in trial
            .log
            .events_of("channel", &channel.to_string())
            .await
            .unwrap()
        {
            let body = String::from_utf8(event.body.to_vec()).unwrap();
            for secret in ["T0K3N", "sixteen", "ops@example.org"] {
                assert!(!body.contains(secret), "{body}");
            }
        }
    }
    assert!(matches!(
        commands.find("OPS").await.unwrap().2,
        Settings::Email(_)
    ));
    for (channel, item) in [(id, "two"), (email, "three")] {
        commands.delete(&origin(item), channel).await.unwrap();
        // A repeat finds it.
        commands.delete(&origin(item), channel).await.unwrap();
    }
    assert!(trial.keystore.sealed().is_empty());
    for channel in [id, email] {
        assert_eq!(row::of(&trial.database, channel).await.unwrap(), None);
    }
    let gone = commands.find("ops").await;
    assert!(matches!(
        gone,
        Err(CommandError::Refused(Refusal::NoSuchChannel))
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_one_channels() {
    let trial = Trial::begin().await;
    let commands = trial.office().await.commands();
    let first = trial
        .channel("ops", "ops@example.org", Rule::default())
        .await;
    let form = parse::create(&webhook(
        "OPS",
        "https://x.example/",
        Some("a secret of sixteen"),
    ));
    let form = form.unwrap();
    let taken = commands.create(&origin("two"), &form).await;
    assert!(matches!(
        taken,
        Err(CommandError::Refused(Refusal::NameTaken(_)))
    ));
    // It is given free by an update, and by a claim that no event followed.
    let update = UpdateChannelRequest {
        channel_id: first.to_string(),
        name: "night".into(),
        rule: None,
        settings: Some(update_channel_request::Settings::Email(
            trial.email("night@example.org"),
        )),
    };
    let (id, night) = parse::update(&update).unwrap();
    commands.update(&origin("three"), id, &night).await.unwrap();
    commands.create(&origin("two"), &form).await.unwrap();
    let left_behind = row::Claim {
        channel: Uuid::from_u128(77),
        since: trial.clock.now(),
    };
    row::claim(&trial.database, "crashed", left_behind)
        .await
        .unwrap();
    let form = parse::create(&webhook(
        "crashed",
        "https://x.example/",
        Some("a secret of sixteen"),
    ));
    let form = form.unwrap();
    let taken = commands.create(&origin("four"), &form).await;
    assert!(matches!(
        taken,
        Err(CommandError::Refused(Refusal::NameTaken(_)))
    ));
    trial.clock.advance(std::time::Duration::from_secs(601));
    commands.create(&origin("four"), &form).await.unwrap();
    // And its kind is what it was.
    let other = UpdateChannelRequest {
        settings: Some(update_channel_request::Settings::Webhook(
            WebhookSettings::default(),
        )),
        ..update
    };
    let (id, other) = parse::update(&other).unwrap();
    let refused = commands.update(&origin("five"), id, &other).await;
    assert!(matches!(
        refused,
        Err(CommandError::Refused(Refusal::OtherKind))
    ));
}

#[test]
fn what_is_wrong_is_named_field_by_field() {
    use api::{notifier::v1::EmailSettings, refuse};
    let fields = |request: &CreateChannelRequest| {
        let status = parse::create(request).unwrap_err();
        let violations = refuse::violations(&status);
        violations.into_iter().map(|v| v.field).collect::<Vec<_>>()
    };
    let hook = |url: &str, secret: Option<&str>| fields(&webhook("x", url, secret));
    assert_eq!(hook("https://x.example/", None), ["webhook.signing_secret"]);
    assert_eq!(
        hook("https://x.example/", Some("short")),
        ["webhook.signing_secret"]
    );
    for url in ["", "ftp://x.example", "https://user:pass@x.example/", "x"] {
        assert_eq!(
            hook(url, Some("a secret of sixteen")),
            ["webhook.url"],
            "{url}"
        );
    }
    let email = |email: EmailSettings| {
        fields(&CreateChannelRequest {
            name: "ops".into(),
            rule: Some(Rule {
                minimum_severity: Severity::Error.into(),
                kinds: vec![MessageKind::RenewalFailed.into()],
                digest: false,
            }),
            settings: Some(create_channel_request::Settings::Email(email)),
        })
    };
    let good = || EmailSettings {
        host: "smtp.example.org".into(),
        from: "chancery@example.org".into(),
        to: vec!["ops@example.org".into()],
        ..EmailSettings::default()
    };
    let without_tls = EmailSettings {
        security: api::notifier::v1::SmtpSecurity::None.into(),
        ..good()
    };
    assert_eq!(email(without_tls), ["email.security"]);
    let no_password = EmailSettings {
        username: "u".into(),
        ..good()
    };
    assert_eq!(email(no_password), ["email.password"]);
    let header = EmailSettings {
        from: "x <x@example.org>\r\nBcc: y@example.org".into(),
        to: vec!["not an address".into()],
        port: 70_000,
        ..good()
    };
    assert_eq!(email(header), ["email.from", "email.port", "email.to[0]"]);
}
