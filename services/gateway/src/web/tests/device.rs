//! A command line that signs in by a person's browser.

use super::*;
use crate::commands::{CommandError, Refusal};

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sees_what_asks_and_lets_it_in_or_not() {
    let here = Here::new().await;
    let commands = &here.gateway.commands;
    let mut rosa = here.signed_in("rosa").await;
    let source = "192.0.2.9".parse().unwrap();
    for (answer, shown) in [("allow", "<h1>It is in</h1>"), ("deny", "<h1>Refused</h1>")] {
        let begun = commands
            .begin_login("build-7 <i>".into(), source)
            .await
            .unwrap();
        rosa.open("/device").await;
        let typed = begun.user_code.to_string().to_lowercase();
        let page = rosa.submit("/device", &[("code", &typed)]).await;
        assert!(
            page.text.contains("build-7 &#60;i&#62;") && page.text.contains("192.0.2.9"),
            "{}",
            page.text
        );
        here.pass(6);
        let pending = commands.poll_login(begun.device.text()).await;
        assert!(
            matches!(pending, Err(CommandError::Refused(Refusal::LoginPending))),
            "{pending:?}"
        );
        let fields = [("code", typed.as_str()), ("answer", answer)];
        let page = rosa.submit("/device/answer", &fields).await;
        assert!(page.text.contains(shown), "{}", page.text);
        here.pass(6);
        assert_eq!(
            commands.poll_login(begun.device.text()).await.is_ok(),
            answer == "allow"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_line_that_was_let_in_is_listed_and_ended() {
    let here = Here::new().await;
    let commands = &here.gateway.commands;
    let mut rosa = here.signed_in("rosa").await;
    let source = "192.0.2.9".parse().unwrap();
    let begun = commands.begin_login("build-7".into(), source).await;
    let begun = begun.unwrap();
    rosa.open("/device").await;
    let code = begun.user_code.to_string();
    rosa.submit("/device/answer", &[("code", &code), ("answer", "allow")])
        .await;
    here.pass(6);
    commands.poll_login(begun.device.text()).await.unwrap();
    let page = rosa.open("/account").await;
    assert!(page.text.contains("Your tokens"), "{}", page.text);
    let id = page.between("name=\"id\" value=\"", "\"").unwrap();
    let page = rosa.submit("/account/end-token", &[("id", id)]).await;
    assert!(
        page.text.contains("can do nothing any more"),
        "{}",
        page.text
    );
    assert!(!page.text.contains("Your tokens"), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_nobody_waits_with_lets_nothing_in_and_cannot_be_guessed() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    let page = rosa.open("/device?code=%3Cscript%3E").await;
    assert!(page.has_only_our_script(), "{}", page.text);
    assert_eq!(page.between("name=\"code\" value=\"", "\""), Some(""));
    for n in 0..11 {
        let form = ["/device", "/device/answer"][n % 2];
        let fields = [("code", "BBBB-BBBB"), ("answer", "allow")];
        let page = rosa.submit(form, &fields).await;
        assert_eq!(page.status, if n < 10 { 422 } else { 429 }, "{n}");
    }
    let mut stranger = here.browser();
    assert_eq!(stranger.get("/device?code=WDJB-MJHT").await.status, 303);
}
