//! What documents link to, and what no committed file says.

use std::collections::BTreeSet;

use anyhow::Result;

use super::{Finding, Workspace};
use crate::program::root;

/// Checks that relative links in Markdown lead to a file, and their anchors to a heading.
pub(super) fn links(workspace: &Workspace) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for file in workspace.files.iter().filter(|file| is_document(&file.path)) {
        for (line, target) in targets(&file.text) {
            if let Some(message) = broken(workspace, &file.path, &target) {
                findings.push(Finding::at(file.path.as_str(), line, message));
            }
        }
    }
    Ok(findings)
}

/// Fixtures are data and may say anything.
fn is_document(path: &str) -> bool {
    path.ends_with(".md") && !path.split('/').any(|folder| matches!(folder, "tests" | "fixtures" | "samples"))
}

/// Says what is wrong with a link, if anything is.
fn broken(workspace: &Workspace, from: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
    let path = if path.is_empty() { from.to_owned() } else { resolve(from, path)? };
    if !root().join(&path).exists() && !workspace.files.iter().any(|file| file.path == path) {
        return Some(format!("leads to {path}, which isn't there"));
    }
    let document = workspace.files.iter().find(|file| file.path == path)?;
    let anchor = anchor.filter(|_| path.ends_with(".md"))?;
    (!anchors(&document.text).contains(anchor))
        .then(|| format!("leads to the heading #{anchor}, which {path} doesn't have"))
}

/// Returns a path relative to the root for one relative to a document.
fn resolve(from: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// Returns the lines and targets of the links of a document, outside of code.
fn targets(text: &str) -> Vec<(usize, String)> {
    let mut targets = Vec::new();
    for (number, line) in prose(text) {
        let line = without_code(line);
        let mut rest = line.as_str();
        while let Some((_, after)) = rest.split_once("](") {
            let Some((target, tail)) = after.split_once(')') else { break };
            targets.push((number, target.split(' ').next().unwrap_or_default().to_owned()));
            rest = tail;
        }
        // A reference: `[name]: target`.
        if let Some((_, target)) = line.strip_prefix('[').and_then(|line| line.split_once("]: ")) {
            targets.push((number, target.trim().to_owned()));
        }
    }
    targets
}

/// Returns the anchors of the headings of a document, as forges make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter_map(|(_, line)| line.strip_prefix('#'));
    headings
        .map(|heading| {
            let heading = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

/// Returns the lines outside of fenced blocks.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((index + 1, line))
    })
}

fn without_code(line: &str) -> String {
    line.split('`').enumerate().filter(|(index, _)| index % 2 == 0).map(|(_, part)| part).collect()
}

/// Checks that no file was written for the folders of one machine.
pub(super) fn machine_paths(workspace: &Workspace) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for file in &workspace.files {
        for (index, line) in file.text.lines().enumerate() {
            if let Some(folder) = machine_path(line) {
                let message = format!("names {folder}, which is a folder of one machine");
                findings.push(Finding::at(file.path.as_str(), index + 1, message));
            }
        }
    }
    Ok(findings)
}

/// Returns the folder of one machine that a line names.
fn machine_path(line: &str) -> Option<&'static str> {
    // In pieces, so that this file doesn't break its own rule.
    const FOLDERS: [&str; 4] =
        [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];
    FOLDERS.into_iter().find(|folder| {
        line.match_indices(folder).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '~' | '}' | ']'))
        })
    })
}

/// What belongs into the root.
const ROOT: [&str; 19] = [
    ".cargo",
    ".ci",
    ".config",
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "clippy.toml",
    "contrib",
    "crates",
    "docs",
    "fuzz",
    "rustfmt.toml",
    "xtask",
];

/// Checks that nothing lies in the root that somebody only tried something with.
pub(super) fn root_entries(workspace: &Workspace) -> Result<Vec<Finding>> {
    let is_foreign = |name: &&String| !ROOT.contains(&name.as_str());
    let foreign = workspace.entries.iter().filter(is_foreign);
    Ok(foreign.map(|name| Finding::in_file(name, "doesn't belong into the root: move or remove it")).collect())
}

#[cfg(test)]
mod tests {
    use super::super::files::TextFile;
    use super::*;

    fn workspace(files: &[(&str, &str)]) -> Workspace {
        let files = files.iter().map(|(path, text)| TextFile { path: (*path).to_owned(), text: (*text).to_owned() });
        Workspace { packages: Vec::new(), files: files.collect(), entries: Default::default() }
    }

    #[test]
    fn a_link_to_nowhere_is_found() {
        let planted = workspace(&[
            ("docs/a.md", "# One thing\n[b](b.md#two-things) [up](../x.md) `[code](no.md)`\n```\n[code](no.md)\n```\n"),
            (
                "docs/b.md",
                "## Two `things`!\n[a](a.md#one-thing) [own](#two-things) [web](https://example.org/no.md)\n",
            ),
            ("docs/c.md", "[gone](nowhere.md)\n\n[b](b.md#three)\n\n[ref]: gone.md\n"),
            ("x.md", ""),
        ]);
        let found: Vec<String> = links(&planted).unwrap().iter().map(Finding::to_string).collect();
        assert_eq!(
            found,
            [
                "docs/c.md:1: leads to docs/nowhere.md, which isn't there",
                "docs/c.md:3: leads to the heading #three, which docs/b.md doesn't have",
                "docs/c.md:5: leads to docs/gone.md, which isn't there",
            ]
        );
    }

    #[test]
    fn a_path_of_one_machine_is_found() {
        assert!(machine_path(concat!("cd /ho", "me/me/project")).is_some());
        assert!(machine_path(concat!("see https://example.org/ho", "me/page")).is_none());
        assert!(machine_path("docs/homes and /homes").is_none());
        assert!(machine_path(concat!("[ROOT]/wo", "rk/a")).is_none(), "a placeholder stands for any folder");
    }
}
