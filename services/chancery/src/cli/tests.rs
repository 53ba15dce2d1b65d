//! What stands as a command line in `docs/`, in the README and in `--help` is one.

use std::fs;

use clap::CommandFactory as _;

use super::*;

#[test]
fn every_command_line_in_the_documents_is_one() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let mut documents = vec![PathBuf::from(format!("{root}/README.md"))];
    for document in fs::read_dir(format!("{root}/docs")).unwrap() {
        documents.push(document.unwrap().path());
    }
    documents.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    let mut found = 0;
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        // Indented blocks, as all of ours are.
        for line in command_lines(&text, "    ") {
            parse(&line).unwrap_or_else(|error| panic!("{}: {line}\n{error}", document.display()));
            found += 1;
        }
    }
    assert!(found > 40, "only {found} were found");
}

#[test]
fn every_example_of_every_help_is_one() {
    let (mut commands, mut found) = (vec![Cli::command()], 0);
    while let Some(command) = commands.pop() {
        commands.extend(command.get_subcommands().cloned());
        let help = command.get_after_help().map(ToString::to_string);
        for line in command_lines(&help.unwrap_or_default(), "  ") {
            parse(&line).unwrap_or_else(|error| panic!("{}: {line}\n{error}", command.get_name()));
            found += 1;
        }
    }
    assert!(found > 60, "only {found} were found");
}

#[test]
fn words_are_split_as_a_shell_does() {
    let text = "    chancery certs list --filter 'a b' \\\n        --sort name | jq .\n    cat x | chancery whoami > me  # I\n";
    let lines = command_lines(text, "    ");
    assert_eq!(
        lines,
        [
            "chancery certs list --filter 'a b' --sort name",
            "chancery whoami"
        ]
    );
    assert_eq!(
        words("list --filter 'a b' --x"),
        ["list", "--filter", "a b", "--x"]
    );
}

/// Each command line of ours in an indented block, without pipes, redirections and comments.
fn command_lines(text: &str, indent: &str) -> Vec<String> {
    let joined = text.replace("\\\n", " ");
    let lines = joined.lines().filter_map(|line| line.strip_prefix(indent));
    let commands = lines.flat_map(|line| line.split(" | "));
    let ours = commands
        .map(str::trim)
        .filter(|c| c.starts_with("chancery "));
    let bare = ours.map(|command| {
        let ends = [" < ", " > ", " # ", " #"].map(|end| command.find(end));
        let end = ends.into_iter().flatten().min();
        command[..end.unwrap_or(command.len())].trim_end()
    });
    bare.map(|command| command.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

fn parse(line: &str) -> Result<Cli, clap::Error> {
    // Stand-ins for a fingerprint, which is read as one.
    let fingerprint = "ab".repeat(32);
    let words = words(line).into_iter().map(|word| match word.as_str() {
        "…" | "5f3a…" | "SHA256" => fingerprint.clone(),
        _ => word,
    });
    Cli::try_parse_from(words)
}

fn words(line: &str) -> Vec<String> {
    let (mut words, mut quoted) = (vec![String::new()], false);
    for c in line.chars() {
        match (c, words.last_mut()) {
            ('\'', _) => quoted = !quoted,
            (' ', _) if !quoted => words.push(String::new()),
            (c, Some(word)) => word.push(c),
            (_, None) => unreachable!("there is one from the start"),
        }
    }
    words
}
