//! Finding things on a page as a person does, by role and name, and using them.
//!
//! Roles and names are those of the accessibility tree, which is what a screen reader says: a link "Sign out", a
//! button "Save", a textbox "Login name". A name is the whole name or, where only one begins so, its beginning.

use std::{path::Path, sync::Arc};

use serde_json::{Value, json};

use crate::{
    wait,
    webdriver::{Node, Refused, WebDriver},
};

/// The whole page, or the one part of it that has this role and name: found anew each time.
#[derive(Debug, Clone)]
pub struct Place {
    driver: Arc<WebDriver>,
    within: Vec<(String, String)>,
}

/// Something on the page.
#[derive(Debug, Clone)]
pub struct Element {
    driver: Arc<WebDriver>,
    node: Node,
}

/// What was found.
enum Found<T> {
    None,
    One(T),
    Several(Vec<String>),
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
        wait::until(&format!("{text:?} on the page"), async || {
            squeezed(&self.text().await).contains(text).then_some(())
        })
        .await;
    }

    /// Names of all that has this role, in the page's order.
    pub async fn names(&self, role: &str) -> Vec<String> {
        let found = self.candidates(&[role]).await.unwrap_or_default();
        found.into_iter().map(|(name, _)| name).collect()
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
        wait::until(&what, async || match self.look(roles, name).await.ok()? {
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

    async fn look(&self, roles: &[&str], name: &str) -> Result<Found<u64>, Refused> {
        Ok(one(self.candidates(roles).await?, name))
    }

    /// Name and id of all nodes of the accessibility tree that are there and have one of the roles.
    async fn candidates(&self, roles: &[&str]) -> Result<Vec<(String, u64)>, Refused> {
        let document = self
            .driver
            .devtools("DOM.getDocument", json!({"depth": 0}))
            .await?;
        let mut root = document["root"]["backendNodeId"].as_u64();
        for (role, name) in &self.within {
            let Some(id) = root else { break };
            let parts = self.query(id, &[role]).await?;
            root = match one(parts, name) {
                Found::One(id) => Some(id),
                Found::None => None,
                Found::Several(names) => panic!("{role} {name:?}: there are {names:?}"),
            };
        }
        match root {
            Some(id) => self.query(id, roles).await,
            None => Ok(Vec::new()),
        }
    }

    async fn query(&self, below: u64, roles: &[&str]) -> Result<Vec<(String, u64)>, Refused> {
        let mut query = json!({"backendNodeId": below});
        if let [role] = roles {
            query["role"] = json!(role);
        }
        let tree = self
            .driver
            .devtools("Accessibility.queryAXTree", query)
            .await?;
        let nodes = tree["nodes"].as_array().into_iter().flatten();
        let nodes = nodes.filter(|node| {
            let role = node["role"]["value"].as_str().unwrap_or_default();
            node["ignored"] != true && roles.contains(&role)
        });
        let named = nodes.filter_map(|node| {
            let name = squeezed(node["name"]["value"].as_str().unwrap_or_default());
            Some((name, node["backendDOMNodeId"].as_u64()?))
        });
        Ok(named.filter(|(_, id)| *id != below).collect())
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

impl Element {
    /// Clicks on it; where it lies under its label, on that.
    ///
    /// # Panics
    /// Where nobody can: it is not shown, or something lies over it.
    pub async fn click(&self) {
        let Err(refused) = self.post("click", json!({})).await else {
            return;
        };
        let label = self.run("return arguments[0].labels?.[0];").await;
        let label = Node::of(&label).unwrap_or_else(|| panic!("not to be clicked: {refused}"));
        let driver = self.driver.clone();
        let label = Self {
            driver,
            node: label,
        };
        let clicked = label.post("click", json!({})).await;
        clicked.unwrap_or_else(|e| panic!("not to be clicked: {refused}; its label: {e}"));
    }

    /// Types into it.
    pub async fn send_keys(&self, text: &str) {
        let typed = self.post("value", json!({"text": text})).await;
        typed.unwrap_or_else(|e| panic!("not to be typed into: {e}"));
    }

    /// Takes out what is in it.
    pub async fn clear(&self) {
        let cleared = self.post("clear", json!({})).await;
        cleared.unwrap_or_else(|e| panic!("not to be cleared: {e}"));
    }

    /// The text that can be seen in it.
    pub async fn text(&self) -> String {
        let text = self.run("return arguments[0].innerText;").await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// What is typed in it.
    pub async fn value(&self) -> String {
        let value = self.run("return arguments[0].value;").await;
        value.as_str().unwrap_or_default().to_owned()
    }

    /// An attribute.
    pub async fn attribute(&self, name: &str) -> Option<String> {
        let script = format!("return arguments[0].getAttribute({});", json!(name));
        self.run(&script).await.as_str().map(str::to_owned)
    }

    /// What a screen reader says of it beside its name: its hint, and what is wrong with it.
    pub async fn description(&self) -> String {
        let script = "const ids = (arguments[0].getAttribute('aria-describedby') ?? '').split(/\\s+/); \
            return ids.map(id => document.getElementById(id)?.innerText ?? '').join(' ').trim();";
        let text = self.run(script).await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Whether it is said to be wrong.
    pub async fn is_wrong(&self) -> bool {
        self.attribute("aria-invalid").await.as_deref() == Some("true")
    }

    /// Whether the keys go to it.
    pub async fn has_focus(&self) -> bool {
        self.run("return document.activeElement === arguments[0];")
            .await
            == true
    }

    /// Whether it is ticked.
    pub async fn is_chosen(&self) -> bool {
        self.run("return arguments[0].checked ?? arguments[0].ariaChecked === 'true';")
            .await
            == true
    }

    async fn post(&self, what: &str, body: Value) -> Result<Value, Refused> {
        let path = format!("element/{}/{what}", self.node.0);
        self.driver.post(&path, body).await
    }

    async fn run(&self, script: &str) -> Value {
        let answer = self.driver.run(script, json!([self.node.json()])).await;
        answer.unwrap_or_else(|e| panic!("{e}: {script}"))
    }
}

/// The one with this name; else the one whose name begins so.
fn one(candidates: Vec<(String, u64)>, name: &str) -> Found<u64> {
    let (exact, others): (Vec<_>, Vec<_>) = candidates.into_iter().partition(|(n, _)| n == name);
    let begins = others.into_iter().filter(|(n, _)| n.starts_with(name));
    let found = match exact.is_empty() {
        true => begins.collect(),
        false => exact,
    };
    match &found[..] {
        [] => Found::None,
        [(_, id)] => Found::One(*id),
        _ => Found::Several(found.into_iter().map(|(n, _)| n).collect()),
    }
}

/// With single blanks.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
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
