//! A person without a mouse.

use serde_json::{Value, json};

use super::Browser;
use crate::webdriver::Node;

impl Browser {
    /// Presses a key, perhaps with others: "Tab", "Shift+Tab", "Enter", "Escape", "Space", "ArrowDown", "x".
    pub async fn press(&self, keys: &str) {
        let keys = keys.split('+').map(code).collect::<Vec<_>>();
        let down = keys
            .iter()
            .map(|key| json!({"type": "keyDown", "value": key}));
        let up = keys.iter().rev();
        let up = up.map(|key| json!({"type": "keyUp", "value": key}));
        self.keys(down.chain(up).collect()).await;
        self.check_console().await;
    }

    /// Types where the keys go now.
    pub async fn type_keys(&self, text: &str) {
        let strokes = text.chars().flat_map(|letter| {
            ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": letter}))
        });
        self.keys(strokes.collect()).await;
    }

    /// Goes on with Tab until the keys go to what has this role, and a name that begins so.
    ///
    /// # Panics
    /// Where no way leads there, or the way leads over something that does not show where one is.
    pub async fn tab_to(&self, role: &str, name: &str) {
        let mut way = Vec::new();
        while way.len() < LONGEST_WAY {
            self.press("Tab").await;
            let (at, called) = self.focused().await;
            if at == role && called.starts_with(name) {
                return;
            }
            way.push(format!("{at} {called:?}"));
        }
        panic!("Tab does not lead to {role} {name:?}, but to {way:#?}");
    }

    /// Role and name of what the keys go to; nothing: to the page itself.
    ///
    /// # Panics
    /// Where it cannot be seen that they do.
    pub async fn focused(&self) -> (String, String) {
        let Ok(active) = self.driver().get("element/active").await else {
            return Default::default();
        };
        let node = Node::of(&active).expect("an element");
        let of = async |what: &str| {
            let path = format!("element/{}/{what}", node.0);
            let answer = self.driver().get(&path).await.unwrap_or_default();
            answer.as_str().unwrap_or_default().to_owned()
        };
        let (role, name) = (of("computedrole").await, of("computedlabel").await);
        let shown = self.driver().run(RING, json!([node.json()])).await;
        let shown = shown.unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(
            shown, true,
            "it does not show that {role} {name:?} has the focus"
        );
        (role, name)
    }

    async fn keys(&self, actions: Vec<Value>) {
        let keyboard = json!({"type": "key", "id": "keyboard", "actions": actions});
        let pressed = self
            .driver()
            .post("actions", json!({"actions": [keyboard]}));
        pressed.await.unwrap_or_else(|e| panic!("no keys: {e}"));
    }
}

/// A key, as the protocol writes it.
fn code(key: &str) -> String {
    let code = match key {
        "Tab" => '\u{e004}',
        "Enter" => '\u{e006}',
        "Shift" => '\u{e008}',
        "Control" => '\u{e009}',
        "Escape" => '\u{e00c}',
        "Space" => ' ',
        "PageUp" => '\u{e00e}',
        "PageDown" => '\u{e00f}',
        "End" => '\u{e010}',
        "Home" => '\u{e011}',
        "ArrowLeft" => '\u{e012}',
        "ArrowUp" => '\u{e013}',
        "ArrowRight" => '\u{e014}',
        "ArrowDown" => '\u{e015}',
        "Backspace" => '\u{e003}',
        "Delete" => '\u{e017}',
        letter => return letter.to_owned(),
    };
    code.to_string()
}

/// Whether an element, or what stands for it, shows by an outline, a border or a shadow that it has the focus. The page
/// itself need not.
const RING: &str = "\
const [element] = arguments;
if (element === document.body || element === document.documentElement || element.id === 'main') return true;
const shows = (e) => {
    const style = getComputedStyle(e);
    return (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== 'none';
};
return [element, ...(element.labels ?? []), element.nextElementSibling, element.parentElement]
    .some(e => e && shows(e));";

/// Tabs, at most.
const LONGEST_WAY: usize = 200;
