//! `docs/command-line.md`: what every command says of itself, as the program itself prints it.

use std::{fmt::Write as _, process::Command};

use super::pinned;

const INTRODUCTION: &str = "# The command line

Every command with its `--help`, written from the program by a test. Exit status: 0 done, 1 refused (the reason is on
stderr), 2 wrong usage, 3 unreachable. `--output json` is the answer's proto3 JSON ([the API](api.md)); tables are for
people, and may change.
";

#[test]
fn every_command_is_in_the_documents_as_it_is() {
    let mut text = INTRODUCTION.to_owned();
    let mut commands = 0;
    describe(&mut text, &mut Vec::new(), &mut commands);
    assert!(commands > 60, "{commands} commands were found");
    pinned("command-line.md", &text);
}

/// A command, and those below it.
fn describe(text: &mut String, words: &mut Vec<String>, commands: &mut usize) {
    let help = help(words);
    let name = ["chancery"]
        .into_iter()
        .chain(words.iter().map(String::as_str));
    let name = name.collect::<Vec<_>>().join(" ");
    // The headings of two levels: what there is, and what can be done with it.
    let level = match words.len() {
        0 | 1 => "##",
        _ => "###",
    };
    // Writing to a string does not fail.
    let _ = write!(text, "\n{level} {name}\n\n```text\n{}\n```\n", help.trim());
    *commands += 1;
    for below in below(&help) {
        words.push(below);
        describe(text, words, commands);
        words.pop();
    }
}

/// The names of the commands that a help lists.
fn below(help: &str) -> Vec<String> {
    let listed = help.split("\nCommands:\n").nth(1).unwrap_or_default();
    let lines = listed.lines().take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| {
        line.strip_prefix("  ")?
            .split_whitespace()
            .next()
            .filter(|_| !line.starts_with("   "))
    });
    names
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

fn help(words: &[String]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chancery"));
    for (name, _) in
        std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CHANCERY_"))
    {
        command.env_remove(name);
    }
    let output = command
        .args(words)
        .arg("--help")
        .env("COLUMNS", "100")
        .output()
        .unwrap();
    assert!(output.status.success(), "{words:?}");
    let help = String::from_utf8(output.stdout).unwrap();
    let lines = help.lines().map(str::trim_end).collect::<Vec<_>>();
    lines.join("\n")
}
