//! Finding things on a page as a person does, by role and name, and using them.
//!
//! Roles and names are those of the accessibility tree, which is what a screen reader says: a link "Sign out", a
//! button "Save", a textbox "Login name". A name is the whole name or, where only one begins so, its beginning.

use std::{path::Path, sync::Arc};

use serde_json::json;

use super::{
    element::Element,
    tree::{Leaf, Tree, squeezed},
};
use crate::{
    wait::{self, PATIENCE},
    webdriver::{Node, Refused, WebDriver},
};

/// The whole page, or the one part of it that has this role and name: found anew each time.
#[derive(Debug, Clone)]
pub struct Place {
    driver: Arc<WebDriver>,
    within: Vec<(String, String)>,
}

/// What was found.
enum Found<T> {
    None,
    One(T),
    Several(Vec<String>),
}

impl<T> Found<T> {
    fn map<U>(self, with: impl FnOnce(T) -> U) -> Found<U> {
        match self {
            Self::None => Found::None,
            Self::One(one) => Found::One(with(one)),
            Self::Several(names) => Found::Several(names),
        }
    }
}

impl Place {
    /// The whole page.
    pub(super) fn whole(driver: Arc<WebDriver>) -> Self {
        let within = Vec::new();
        Self { driver, within }
    }

    /// A part of it: `within("row", "shop.example")`.
    pub fn within(&self, role: &str, name: &str) -> Self {
        let mut this = self.clone();
        this.within.push((role.to_owned(), name.to_owned()));
        this
    }

    /// Waits until it is there.
    ///
    /// # Panics
    /// Where there are several of that name.
    pub async fn find(&self, role: &str, name: &str) -> Element {
        self.wait_for(&[role], name).await
    }

    /// Waits until a field with this label is there.
    pub async fn field(&self, label: &str) -> Element {
        self.wait_for(&FIELDS, label).await
    }

    /// Whether it is there now.
    pub async fn has(&self, role: &str, name: &str) -> bool {
        matches!(
            self.look(&[role], name).await,
            Ok(Found::One(_) | Found::Several(_))
        )
    }

    /// Waits until it is not there any more.
    pub async fn until_gone(&self, role: &str, name: &str) {
        wait::until(&format!("{role} {name:?} is gone"), async || {
            (!self.has(role, name).await).then_some(())
        })
        .await;
    }

    /// Clicks on it.
    pub async fn click(&self, role: &str, name: &str) {
        self.find(role, name).await.click().await;
    }

    /// Types a text into a field, in place of what is in it.
    pub async fn fill(&self, label: &str, text: &str) {
        let field = self.field(label).await;
        field.clear().await;
        field.send_keys(text).await;
    }

    /// Sees that a checkbox or radio button with this label is chosen.
    pub async fn tick(&self, label: &str) {
        self.set(label, true).await;
    }

    /// Sees that a checkbox with this label is not chosen.
    pub async fn untick(&self, label: &str) {
        self.set(label, false).await;
    }

    /// Chooses an option of the list with this label.
    pub async fn choose(&self, label: &str, option: &str) {
        let field = self.field(label).await;
        let script = "const wanted = arguments[1].trim(); \
            return [...arguments[0].options].find(o => o.label.trim() === wanted) \
                ?? [...arguments[0].options].find(o => o.label.trim().startsWith(wanted));";
        let found = self
            .driver
            .run(script, json!([field.node.json(), option]))
            .await;
        let found = found.unwrap_or_else(|e| panic!("{label}: {e}"));
        let node = Node::of(&found).unwrap_or_else(|| panic!("{label} has no option {option:?}"));
        let driver = self.driver.clone();
        Element { driver, node }.click().await;
    }

    /// Chooses files in the field with this label, whether or not it can be seen.
    pub async fn upload(&self, label: &str, files: &[&Path]) {
        let script = "const says = (e) => e.textContent.replace(/\\s+/g, ' ').trim(); \
            return [...document.querySelectorAll('input[type=file]')].find(input => \
                [...input.labels].some(l => says(l).startsWith(arguments[0])) \
                || (input.ariaLabel ?? '').startsWith(arguments[0]));";
        let node = wait::until(&format!("a field for files {label:?}"), async || {
            Node::of(&self.driver.run(script, json!([label])).await.ok()?)
        })
        .await;
        let files = files.iter().map(|file| file.display().to_string());
        let driver = self.driver.clone();
        let field = Element { driver, node };
        field.send_keys(&files.collect::<Vec<_>>().join("\n")).await;
    }

    /// The text that can be seen there.
    pub async fn text(&self) -> String {
        let text = wait::until("the text", async || {
            let node = match &self.within[..] {
                [] => self
                    .driver
                    .run("return document.body;", json!([]))
                    .await
                    .ok(),
                [before @ .., (role, name)] => {
                    let mut place = self.clone();
                    place.within.truncate(before.len());
                    Some(place.find(role, name).await.node.json())
                }
            };
            let text = self
                .driver
                .run("return arguments[0].innerText;", json!([node?]));
            text.await.ok()?.as_str().map(str::to_owned)
        });
        text.await
    }

    /// Waits until this text can be seen there.
    pub async fn until(&self, text: &str) {
        self.patiently(text, async || {
            squeezed(&self.text().await).contains(text).then_some(())
        })
        .await;
    }

    /// Names of all that has this role, in the page's order.
    pub async fn names(&self, role: &str) -> Vec<String> {
        let found = self.candidates(&[role]).await.unwrap_or_default();
        found.into_iter().map(|leaf| leaf.name).collect()
    }

    pub(super) fn driver(&self) -> &Arc<WebDriver> {
        &self.driver
    }

    async fn set(&self, label: &str, on: bool) {
        let field = self.field(label).await;
        if field.is_chosen().await != on {
            field.click().await;
        }
        assert_eq!(field.is_chosen().await, on, "{label}");
    }

    async fn wait_for(&self, roles: &[&str], name: &str) -> Element {
        let what = format!("{} {name:?}", roles.join("|"));
        self.patiently(&what, async || match self.look(roles, name).await.ok()? {
            Found::None => None,
            Found::One(id) => {
                let node = self.node(id).await.ok()??;
                let driver = self.driver.clone();
                Some(Element { driver, node })
            }
            Found::Several(names) => panic!("{what}: there are {names:?}"),
        })
        .await
    }

    /// Waits for what a page is to show; where it does not, says what it shows.
    async fn patiently<T>(&self, what: &str, condition: impl AsyncFnMut() -> Option<T>) -> T {
        match wait::answer(PATIENCE, condition).await {
            Some(answer) => answer,
            None => {
                let page = "return `${location.href}\n${document.body.innerText}`;";
                let page = match self.driver.run(page, json!([])).await {
                    Ok(page) => page.as_str().unwrap_or_default().to_owned(),
                    Err(error) => format!("its page says nothing: {error}"),
                };
                panic!("after {PATIENCE:?} not {what}, but: {page}")
            }
        }
    }

    async fn look(&self, roles: &[&str], name: &str) -> Result<Found<u64>, Refused> {
        let found = one(self.candidates(roles).await?, name);
        Ok(found.map(|leaf| leaf.backend))
    }

    /// All that is there and has one of the roles.
    async fn candidates(&self, roles: &[&str]) -> Result<Vec<Leaf>, Refused> {
        let tree = Tree::read(&self.driver).await?;
        let mut part = tree.root().to_owned();
        for (role, name) in &self.within {
            part = match one(tree.below(&part, &[role]), name) {
                Found::One(leaf) => leaf.id,
                Found::None => return Ok(Vec::new()),
                Found::Several(names) => panic!("{role} {name:?}: there are {names:?}"),
            };
        }
        Ok(tree.below(&part, roles))
    }

    /// The driver's name for a node of the tree: it goes through the page, which the driver sees as well.
    async fn node(&self, id: u64) -> Result<Option<Node>, Refused> {
        let resolved = json!({"backendNodeId": id});
        let resolved = self.driver.devtools("DOM.resolveNode", resolved).await?;
        let keep = json!({
            "objectId": resolved["object"]["objectId"],
            "functionDeclaration": "function() { window.foundByTown = this; }",
        });
        self.driver.devtools("Runtime.callFunctionOn", keep).await?;
        let found = self.driver.run(
            "const found = window.foundByTown; delete window.foundByTown; return found;",
            json!([]),
        );
        Ok(Node::of(&found.await?))
    }
}

/// The one with this name; else the one whose name begins so.
fn one(candidates: Vec<Leaf>, name: &str) -> Found<Leaf> {
    let (exact, others): (Vec<_>, Vec<_>) = candidates.into_iter().partition(|l| l.name == name);
    let begins = others.into_iter().filter(|l| l.name.starts_with(name));
    let mut found = match exact.is_empty() {
        true => begins.collect(),
        false => exact,
    };
    match found.len() {
        0 => Found::None,
        1 => Found::One(found.remove(0)),
        _ => Found::Several(found.into_iter().map(|leaf| leaf.name).collect()),
    }
}

/// What can be filled in, as Chromium calls it.
const FIELDS: [&str; 11] = [
    "textbox",
    "searchbox",
    "spinbutton",
    "combobox",
    "listbox",
    "checkbox",
    "radio",
    "switch",
    "slider",
    "Date",
    "DateTime",
];
