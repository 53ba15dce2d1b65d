//! Something on a page: what it says, and what is done with it.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::webdriver::{Node, Refused, WebDriver};

/// Something on the page.
#[derive(Debug, Clone)]
pub struct Element {
    pub(super) driver: Arc<WebDriver>,
    pub(super) node: Node,
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
