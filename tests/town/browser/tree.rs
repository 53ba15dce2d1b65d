//! The accessibility tree of a page: what a screen reader is told of it.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::webdriver::{Refused, WebDriver};

/// All of it, as it was at one moment.
///
/// It is always read whole: Chromium's question for a part of it (`Accessibility.queryAXTree`) waits for the document to
/// be laid out, and where another page takes its place meanwhile, is never answered, or the tab crashes.
pub struct Tree {
    nodes: HashMap<String, Value>,
    root: String,
}

/// A node of it that a person is told of.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// What it is called.
    pub name: String,
    /// What it is called in the tree.
    pub id: String,
    /// The element that it tells of, as `DOM.resolveNode` takes it.
    pub backend: u64,
}

impl Tree {
    /// That of the page that is open.
    ///
    /// # Errors
    /// Where none is, as between two pages.
    pub async fn read(driver: &WebDriver) -> Result<Self, Refused> {
        let mut tree = driver
            .devtools("Accessibility.getFullAXTree", json!({}))
            .await?;
        let nodes = match tree["nodes"].take() {
            Value::Array(nodes) => nodes,
            _ => Vec::new(),
        };
        // The first is the document.
        let root = nodes.first().map(id_of).unwrap_or_default();
        let nodes = nodes.into_iter().map(|node| (id_of(&node), node));
        let nodes = nodes.collect();
        Ok(Self { nodes, root })
    }

    /// The document.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// All that has one of the roles below a node, in the page's order.
    pub fn below(&self, id: &str, roles: &[&str]) -> Vec<Leaf> {
        let told = self.all_below(id).into_iter().filter_map(|node| {
            let role = role_of(node);
            let backend = node["backendDOMNodeId"].as_u64()?;
            if node["ignored"] == true || !roles.contains(&role) {
                return None;
            }
            let id = id_of(node);
            let mut name = name_of(node);
            if role == "row" && name.is_empty() {
                name = self.content(&id);
            }
            Some(Leaf { name, id, backend })
        });
        told.collect()
    }

    /// What a row says: by ARIA that is its name, which Chromium works out only for rows that take the focus.
    fn content(&self, row: &str) -> String {
        let says = self.all_below(row).into_iter().filter(|node| {
            node["ignored"] != true && ["StaticText", "checkbox"].contains(&role_of(node))
        });
        squeezed(&says.map(name_of).collect::<Vec<_>>().join(" "))
    }

    fn all_below(&self, id: &str) -> Vec<&Value> {
        let mut found = Vec::new();
        let mut ahead = self.children(id);
        while let Some(node) = ahead.pop() {
            found.push(node);
            ahead.extend(self.children(&id_of(node)));
        }
        found
    }

    /// The last of them first.
    fn children(&self, id: &str) -> Vec<&Value> {
        let node = self.nodes.get(id);
        let children = node.and_then(|node| node["childIds"].as_array());
        let children = children.into_iter().flatten().rev();
        let children = children.filter_map(|id| self.nodes.get(id.as_str()?));
        children.collect()
    }
}

/// With single blanks.
pub fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn id_of(node: &Value) -> String {
    node["nodeId"].as_str().unwrap_or_default().to_owned()
}

fn role_of(node: &Value) -> &str {
    node["role"]["value"].as_str().unwrap_or_default()
}

/// A node's name. Chromium sets a blank before what is there for screen readers alone: "Keep this one : Shop".
fn name_of(node: &Value) -> String {
    let name = node["name"]["value"].as_str().unwrap_or_default();
    squeezed(name).replace(" : ", ": ")
}
