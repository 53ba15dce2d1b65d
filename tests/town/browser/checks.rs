//! What holds for every page: for who cannot see it, on a narrow window, and in the browser's own words.

use std::{fs, sync::LazyLock};

use serde_json::{Value, json};

use super::Browser;
use crate::tools::tool;

impl Browser {
    /// Looks for what keeps people out (axe-core, all of its rules): each violation with where it is.
    pub async fn axe(&self) -> Vec<String> {
        self.axe_with(json!({})).await
    }

    /// What it finds wrong with the colours alone: all that another theme changes.
    pub async fn axe_of_colours(&self) -> Vec<String> {
        let only = json!({"runOnly": {"type": "rule", "values": ["color-contrast"]}});
        self.axe_with(only).await
    }

    async fn axe_with(&self, options: Value) -> Vec<String> {
        let load = format!("if (!window.axe) {{ {} }}", *AXE);
        let loaded = self.driver().run(&load, json!([])).await;
        loaded.unwrap_or_else(|e| panic!("axe-core: {e}"));
        let found = self
            .driver()
            .run_to_its_end(RUN_AXE, json!([options]))
            .await;
        let found = found.unwrap_or_else(|e| panic!("axe-core: {e}"));
        let looked = found["passes"].as_u64().unwrap_or_default();
        assert!(looked > 0, "axe-core looked at nothing");
        let violations = found["violations"].as_array().into_iter().flatten();
        let violations = violations.filter_map(|violation| violation.as_str());
        violations.map(str::to_owned).collect()
    }

    /// axe-core finds nothing.
    ///
    /// # Panics
    /// With what it finds.
    pub async fn check_axe(&self) {
        let found = self.axe().await;
        let path = self.path().await;
        assert!(
            found.is_empty(),
            "{path} keeps people out:\n{}",
            found.join("\n")
        );
    }

    /// What is wider than the window, so that one has to scroll sideways.
    pub async fn horizontal_overflow(&self) -> Vec<String> {
        let wide = self.run(WIDER).await;
        let wide = wide.as_array().into_iter().flatten();
        let wide = wide.filter_map(|what| what.as_str());
        wide.map(str::to_owned).collect()
    }

    /// Nothing is wider than the window.
    ///
    /// # Panics
    /// With what is.
    pub async fn check_no_horizontal_overflow(&self) {
        let wide = self.horizontal_overflow().await;
        let path = self.path().await;
        assert!(
            wide.is_empty(),
            "{path} is wider than its window:\n{}",
            wide.join("\n")
        );
    }

    /// What is in the console since the last look that no page may cause: errors of script, violations of our
    /// Content-Security-Policy, things that were not found.
    pub async fn console_errors(&self) -> Vec<String> {
        let log = self
            .driver()
            .post("se/log", json!({"type": "browser"}))
            .await;
        let log = log.unwrap_or_else(|e| panic!("no console: {e}"));
        let entries = log.as_array().into_iter().flatten();
        let severe = entries.filter_map(|entry| {
            let message = entry["message"].as_str().unwrap_or_default();
            let bad = entry["level"] == "SEVERE" || message.contains(POLICY);
            bad.then(|| message.to_owned())
        });
        let expected = self.expected.lock().expect("no panic").clone();
        let refused = [422].into_iter().chain(expected);
        let refused = refused
            .map(|status| format!("the server responded with a status of {status}"))
            .collect::<Vec<_>>();
        severe
            .filter(|message| !refused.iter().any(|refused| message.contains(refused)))
            .collect()
    }

    /// The console has no errors.
    ///
    /// # Panics
    /// With those that are there.
    pub async fn check_console(&self) {
        let errors = self.console_errors().await;
        assert!(errors.is_empty(), "in the console:\n{}", errors.join("\n"));
    }
}

/// Read once.
static AXE: LazyLock<String> = LazyLock::new(|| {
    let file = tool("axe.min.js");
    fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
});

/// All rules, with the size of what is clicked on (WCAG 2.2, 2.5.8), which axe-core leaves out unless it is asked.
const RUN_AXE: &str = "\
const found = await axe.run(document, {
    ...arguments[0],
    resultTypes: ['violations'],
    rules: { 'target-size': { enabled: true } },
});
const where = (node) => `    ${node.target.join(' ')}: ${node.failureSummary.replace(/\\s+/g, ' ')}`;
return {
    passes: found.passes.length,
    violations: found.violations.map(v => [`${v.id}: ${v.help}`, ...v.nodes.map(where)].join('\\n')),
};";

/// What reaches beyond the window's right edge, but for what lies in a box that scrolls by itself.
const WIDER: &str = "\
const root = document.scrollingElement, wide = root.clientWidth;
if (root.scrollWidth <= wide) return [];
const scrolls = (e) => e && e !== root && (getComputedStyle(e).overflowX !== 'visible' || scrolls(e.parentElement));
const named = (e) => `${e.localName}${e.id ? '#' + e.id : ''}.${[...e.classList].join('.')}`;
const beyond = [...document.body.querySelectorAll('*')]
    .filter(e => e.getBoundingClientRect().right > wide + 0.5 && !scrolls(e.parentElement))
    .map(e => `${named(e)} ends at ${Math.ceil(e.getBoundingClientRect().right)} of ${wide}`);
return beyond.length ? beyond : [`the page is ${root.scrollWidth} wide, its window ${wide}`];";

/// Words of every violation, whatever its level.
const POLICY: &str = "Content Security Policy";
