//! The items of docs/asvs.md, by their numbers in OWASP's ASVS 5.0: each is shown by the test that is named after it.

mod pages;
mod sessions;
mod sign_in;

use super::{factor, *};

const WRONG: &str = "a wrong password";

/// Answers of all kinds, to anybody.
async fn answers(here: &Here) -> Vec<browser::Page> {
    let mut rosa = here.signed_in("rosa").await;
    let mut stranger = here.browser();
    let form = "application/x-www-form-urlencoded";
    let mut answers = vec![
        rosa.get("/").await,
        rosa.get("/account").await,
        rosa.get("/confirm").await,
        rosa.get("/device").await,
        stranger.get("/").await,
        stranger.get("/sign-in").await,
        stranger.get("/link?code=x").await,
        stranger.get("/nothing").await,
        stranger.get("/sign-out").await,
        stranger.post("/sign-in", "text/plain", "x").await,
        stranger.post("/sign-in", form, "x").await,
    ];
    let stylesheet = answers[5]
        .between("stylesheet\" href=\"", "\"")
        .unwrap()
        .to_owned();
    answers.push(stranger.get(&stylesheet).await);
    answers
}
