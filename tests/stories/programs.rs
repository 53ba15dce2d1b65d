//! Programs and command lines sign in, and are shown out.

use town::{Town, desk::Desk};

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_gives_a_program_a_token_and_takes_it_back() {
    let town = Town::start().await;
    let desk = Desk::of(&town).await;
    let create = "chancery tokens create monitoring --role viewer --days 7 > monitoring.token";
    desk.done(create).await;
    let text = desk.done("cat monitoring.token").await;
    assert!(
        text.starts_with("chancery_") && text.trim().len() == 52,
        "{text}"
    );
    let listed = desk.done("chancery tokens list").await;
    assert!(
        listed.contains("monitoring") && listed.contains("viewer"),
        "{listed}"
    );
    assert!(!listed.contains(text.trim()), "{listed}");
    let again = "chancery tokens create monitoring --role viewer";
    let taken = desk.refused(1, again).await;
    assert!(
        taken.contains("another token that opens has this name"),
        "{taken}"
    );

    let program = "CHANCERY_TOKEN=$(cat monitoring.token) chancery";
    let me = desk.done(&format!("{program} whoami")).await;
    assert!(me.contains("monitoring") && me.contains("viewer"), "{me}");
    let refused = desk
        .refused(1, &format!("{program} tokens create more --role admin"))
        .await;
    assert!(refused.contains("this needs the role admin"), "{refused}");
    desk.done("chancery tokens revoke monitoring").await;
    let ended = desk.refused(1, &format!("{program} whoami")).await;
    assert!(ended.contains("has ended"), "{ended}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_line_on_a_terminal_shows_a_code_and_waits() {
    let town = Town::start().await;
    let desk = Desk::of(&town).await;
    let leaf = town.edge().leaf(None).await.unwrap();
    let pin = pki::Certificate::parse(&leaf).unwrap().sha256_fingerprint;
    // `script` is the terminal; nobody answers, so the wait is ended from here.
    let line = format!(
        r#"script -qfec "chancery login https://$EDGE --fingerprint {pin}" seen >/dev/null & waits=$!
           for _ in $(seq 300); do grep -q 'Waiting for you there' seen && break; sleep 0.1; done
           kill $waits; cat seen"#
    );
    let seen = desk.done(&line).await;
    assert!(seen.contains("/device"), "{seen}");
    let code = seen.lines().map(str::trim).find(|line| {
        let letter = |c: char| "BCDFGHJKLMNPQRSTVWXZ".contains(c);
        line.len() == 9 && line.chars().all(|c| letter(c) || c == '-')
    });
    assert!(code.is_some(), "{seen}");
    // Nothing was kept: who was signed in still is.
    assert!(
        desk.done("chancery whoami")
            .await
            .contains("bootstrap token")
    );
}
