//! The second factor, from adding it to losing the device.

use super::*;
use crate::{second_factor::TotpSecret, trials::PASSWORD};

/// What the person's device has, read off the page as he would type it.
pub struct Device(TotpSecret);

impl Device {
    /// The code that it shows now.
    pub fn code(&self, here: &Here) -> String {
        self.0.shown_at(here.trial.clock.now())
    }

    /// The same, as the keystore has it sealed.
    pub fn of(here: &Here) -> Device {
        let [secret] = &here.keystore.secrets()[..] else {
            panic!("not one secret is sealed");
        };
        Device(TotpSecret::from_octets(secret).unwrap())
    }
}

/// Adds a second factor: the device, and the recovery codes.
pub async fn add(here: &Here, browser: &mut Browser) -> (Device, Vec<String>) {
    browser.open("/account").await;
    let page = browser.submit("/account/second-factor", &[]).await;
    assert!(page.text.contains("Add a second factor"), "{}", page.text);
    let device = Device::of(here);
    // The key to type is the sealed one, and the picture holds it too.
    let key = page.between("mono key\">", "</p>").unwrap();
    let key = key
        .replace("<span>", "")
        .replace("</span>", "")
        .replace(' ', "");
    assert_eq!(key, *device.0.text());
    assert!(page.text.contains("<svg class=\"qr\"") && !page.text.contains("<img"));
    let code = device.code(here);
    let page = browser
        .submit("/account/second-factor/add", &[("code", &code)])
        .await;
    let list = page.between("<ol class=\"codes mono\">", "</ol>").unwrap();
    let codes = list
        .split("</li>")
        .filter_map(|item| item.strip_prefix("<li>"));
    (device, codes.map(str::to_owned).collect())
}

/// Comes as far as the code.
async fn half_way(here: &Here) -> Browser {
    let mut browser = here.browser();
    let page = browser.sign_in("rosa", PASSWORD).await;
    assert!(page.text.contains("Your second factor"), "{}", page.text);
    assert!(!browser.cookies.contains_key("__Host-chancery"));
    browser
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_with_a_second_factor_shows_both() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    let other = here.signed_in("rosa").await;
    // A wrong code adds nothing.
    rosa.open("/account").await;
    rosa.submit("/account/second-factor", &[]).await;
    let page = rosa
        .submit("/account/second-factor/add", &[("code", "000000")])
        .await;
    assert_eq!(page.status, 422);
    assert_eq!(here.said().await, ["set-up-done"]);
    let (device, codes) = add(&here, &mut rosa).await;
    assert_eq!(codes.len(), 10);
    assert_eq!(here.said().await, ["set-up-done", "second-factor-added"]);
    let page = rosa.open("/account").await;
    assert!(
        page.text
            .contains("<strong>10</strong> recovery codes left"),
        "{}",
        page.text
    );
    // His other sessions have ended, and the secret is not shown again.
    let mut other = other;
    assert_eq!(other.get("/account").await.status, 303);
    assert_eq!(
        rosa.get("/account/second-factor").await.location(),
        Some("/account")
    );

    here.pass(30);
    let mut half = half_way(&here).await;
    let page = half.submit("/sign-in/code", &[("code", "123456")]).await;
    assert!(page.text.contains("not right"), "{}", page.text);
    let code = device.code(&here);
    let start = half.submit("/sign-in/code", &[("code", &code)]).await;
    assert!(start.is_within(), "{}", start.text);
    // The same code again: not in its own 30 seconds either.
    let mut replay = half_way(&here).await;
    let page = replay.submit("/sign-in/code", &[("code", &code)]).await;
    assert_eq!(page.status, 422, "{}", page.text);
    here.pass(30);
    let start = replay
        .submit("/sign-in/code", &[("code", &device.code(&here))])
        .await;
    assert!(start.is_within(), "{}", start.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_code_opens_once() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    let (_, codes) = add(&here, &mut rosa).await;
    let typed = codes[3].to_lowercase().replace('-', " ");
    let mut half = half_way(&here).await;
    let start = half.submit("/sign-in/code", &[("code", &typed)]).await;
    assert!(start.is_within(), "{}", start.text);
    let mut again = half_way(&here).await;
    let page = again.submit("/sign-in/code", &[("code", &typed)]).await;
    assert_eq!(page.status, 422);
    assert_eq!(here.said().await.last().unwrap(), "recovery-code-used");
    let page = half.open("/account").await;
    assert!(
        page.text.contains("<strong>9</strong> recovery codes left"),
        "{}",
        page.text
    );
    // New ones take the place of the old ones.
    let page = half.submit("/account/recovery-codes", &[]).await;
    assert!(
        page.text.contains("You will not see them again"),
        "{}",
        page.text
    );
    let page = again.submit("/sign-in/code", &[("code", &codes[4])]).await;
    assert_eq!(page.status, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_cannot_be_tried_one_after_the_other() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    let (device, _) = add(&here, &mut rosa).await;
    here.pass(30);
    let mut half = half_way(&here).await;
    let mut wrong = 0;
    let told = loop {
        let page = half.submit("/sign-in/code", &[("code", "000001")]).await;
        match page.status {
            422 => wrong += 1,
            status => break status,
        }
        assert!(wrong < 10);
    };
    assert_eq!(told, 429);
    let page = half
        .submit("/sign-in/code", &[("code", &device.code(&here))])
        .await;
    assert_eq!(page.status, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_half_way_has_five_minutes() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    let (device, _) = add(&here, &mut rosa).await;
    let mut half = half_way(&here).await;
    here.pass(5 * 60);
    let page = half
        .submit("/sign-in/code", &[("code", &device.code(&here))])
        .await;
    assert!(page.text.contains("<h1>Sign in</h1>"), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_factor_that_is_removed_is_gone_with_its_secret() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    add(&here, &mut rosa).await;
    assert_eq!(here.keystore.sealed().len(), 1);
    rosa.open("/account").await;
    let page = rosa.submit("/account/second-factor/remove", &[]).await;
    assert!(
        page.text.contains("second factor is removed"),
        "{}",
        page.text
    );
    assert_eq!(here.keystore.sealed(), Vec::<String>::new());
    assert_eq!(here.said().await.last().unwrap(), "second-factor-removed");
    here.signed_in("rosa").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_factors_needs_the_password_once_more() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    here.pass(16 * 60);
    rosa.open("/account").await;
    let page = rosa.send("/account/second-factor", &[]).await;
    assert_eq!(page.location(), Some("/confirm?next=%2Faccount"));
    let page = rosa.open("/confirm?next=%2Faccount").await;
    assert!(page.text.contains("Your password, please"), "{}", page.text);
    let page = rosa
        .submit("/confirm", &[("password", "a wrong password")])
        .await;
    assert!(page.text.contains("not right"), "{}", page.text);
    let before = rosa.cookies["__Host-chancery"].clone();
    let fields = [("password", PASSWORD), ("next", "/account")];
    let page = rosa.submit("/confirm", &fields).await;
    assert!(page.text.contains("<h1>Your account</h1>"), "{}", page.text);
    assert_ne!(rosa.cookies["__Host-chancery"], before);
    add(&here, &mut rosa).await;
}
