//! Passwords, codes, links, and who guesses them.

use super::*;
use crate::{
    password::{Password, Unfit},
    second_factor::recovery::RecoveryCode,
    trials::origin,
};

#[tokio::test(flavor = "multi_thread")]
async fn v2_3_1_no_step_of_signing_in_can_be_left_out() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    let (device, _) = factor::add(&here, &mut rosa).await;
    here.pass(30);
    // The code without the password, and the password without the code.
    let mut stranger = here.browser();
    stranger.open("/sign-in").await;
    let code = device.code(&here);
    let page = stranger.send("/sign-in/code", &[("code", &code)]).await;
    assert_eq!(page.location(), Some("/sign-in"));
    stranger.sign_in("rosa", PASSWORD).await;
    assert_eq!(stranger.get("/account").await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn v2_4_1_what_costs_much_cannot_be_asked_for_without_end() {
    let here = Here::new().await;
    let mut stranger = here.browser();
    stranger.open("/sign-in").await;
    let mut checked = 0;
    for n in 0..60 {
        let name = format!("name-{n}");
        let fields = [("name", name.as_str()), ("password", WRONG)];
        checked += usize::from(stranger.send("/sign-in", &fields).await.status == 422);
    }
    assert_eq!(checked, 30, "hashes for one address");
}

#[test]
fn v6_2_1_passwords_have_at_least_twelve_characters() {
    assert_eq!(
        Password::chosen("elevenchars", &[]).err(),
        Some(Unfit::TooShort)
    );
    assert!(Password::chosen("twelve chars", &[]).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn v6_2_3_a_new_password_needs_the_old_one() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    rosa.open("/account").await;
    let new = "another long one";
    for (old, status) in [(WRONG, 422), ("", 422), (PASSWORD, 303)] {
        let fields = [("old", old), ("password", new), ("again", new)];
        assert_eq!(
            rosa.send("/account/password", &fields).await.status,
            status,
            "{old}"
        );
    }
}

#[test]
fn v6_2_4_common_passwords_are_refused() {
    for common in ["Password1234", "123456789012", "qwertyuiop123"] {
        assert_eq!(
            Password::chosen(common, &[]).err(),
            Some(Unfit::Common),
            "{common}"
        );
    }
}

#[test]
fn v6_2_5_a_password_is_made_of_what_one_likes() {
    for password in [
        "only small letters",
        "ÜBERALL IST ÄRGER",
        "🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🐙",
        "8264 9173 5520",
    ] {
        assert!(Password::chosen(password, &[]).is_ok(), "{password}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn v6_2_6_password_fields_hide_and_take_what_a_manager_pastes() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    for (browser, path) in [(&mut rosa, "/account"), (&mut here.browser(), "/sign-in")] {
        let page = browser.open(path).await;
        for field in page
            .text
            .split("<input")
            .filter(|field| field.contains("name=\"password\""))
        {
            let field = field.split('>').next().unwrap();
            assert!(field.contains("type=\"password\""), "{field}");
            assert!(
                field.contains("autocomplete=\"current-password\"")
                    || field.contains("autocomplete=\"new-password\"")
            );
            assert!(
                !field.contains("maxlength") && !field.contains("value="),
                "{field}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn v6_2_8_a_password_is_checked_as_it_was_typed() {
    let here = Here::new().await;
    for other in [
        PASSWORD.to_uppercase(),
        format!(" {PASSWORD}"),
        format!("{PASSWORD} "),
        PASSWORD[1..].to_owned(),
    ] {
        let page = here.browser().sign_in("rosa", &other).await;
        assert_eq!(page.status, 422, "{other:?}");
        here.pass(16 * 60);
    }
}

#[test]
fn v6_2_9_a_password_may_have_128_characters() {
    let long = "ab cd".repeat(30).chars().take(128).collect::<String>();
    assert!(Password::chosen(&long, &[]).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn v6_3_1_guessing_is_slowed_and_locks_nobody_out() {
    let here = Here::new().await;
    let mut known = here.signed_in("rosa").await;
    known.submit("/sign-out", &[]).await;
    let mut stranger = here.browser();
    let mut statuses = Vec::new();
    for _ in 0..7 {
        statuses.push(stranger.sign_in("rosa", WRONG).await.status);
    }
    assert_eq!(statuses, [422, 422, 422, 422, 422, 429, 429]);
    assert_eq!(known.sign_in("rosa", PASSWORD).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn v6_3_8_an_answer_does_not_tell_whose_a_name_is() {
    let here = Here::new().await;
    let disabled = here.person("dora", Role::Viewer).await;
    here.gateway
        .commands
        .disable_user(&origin("disable"), disabled)
        .await
        .unwrap();
    here.gateway.created("invited", Role::Viewer).await;
    let mut answers = Vec::new();
    for (name, password) in [
        ("rosa", WRONG),
        ("nobody", WRONG),
        ("dora", PASSWORD),
        ("invited", ""),
    ] {
        let mut stranger = here.browser();
        let page = stranger.sign_in(name, password).await;
        let text = page.text.replace(&stranger.token, "").replace(name, "");
        answers.push((page.status, text));
    }
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn v6_4_1_a_link_is_random_ends_and_is_used_once() {
    let here = Here::new().await;
    let link = async |name: &str| {
        let created = here.gateway.created(name, Role::Viewer).await;
        created.invited.link.unwrap().0.text().to_owned()
    };
    let (late, used) = (link("late").await, link("used").await);
    assert!(late.len() == 43 && late != used);
    for status in [303, 404] {
        let mut browser = here.browser();
        browser.open("/sign-in").await;
        let fields = [
            ("code", used.as_str()),
            ("password", PASSWORD),
            ("again", PASSWORD),
        ];
        assert_eq!(browser.send("/link", &fields).await.status, status);
    }
    here.pass(24 * 60 * 60);
    assert_eq!(here.browser().open(&link_path(&late)).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn v6_5_1_a_code_is_good_once() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    let (device, recovery) = factor::add(&here, &mut rosa).await;
    here.pass(30);
    let code = device.code(&here);
    for typed in [&code, &recovery[0]] {
        for status in [303, 422] {
            let mut browser = here.browser();
            browser.sign_in("rosa", PASSWORD).await;
            let page = browser.send("/sign-in/code", &[("code", typed)]).await;
            assert_eq!(page.status, status, "{typed}");
        }
    }
}

#[test]
fn v6_5_2_a_recovery_code_has_120_bits() {
    let code = RecoveryCode::generate().unwrap();
    // Of 32 letters each: 5 bits.
    assert_eq!(code.text().replace('-', "").len() * 5, 120);
    assert_ne!(RecoveryCode::generate().unwrap().text(), code.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn v6_5_5_a_code_of_a_device_lasts_for_its_step_and_the_next() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    let (device, _) = factor::add(&here, &mut rosa).await;
    here.pass(30);
    let code = device.code(&here);
    here.pass(60);
    let mut browser = here.browser();
    browser.sign_in("rosa", PASSWORD).await;
    assert_eq!(
        browser
            .send("/sign-in/code", &[("code", &code)])
            .await
            .status,
        422
    );
}
