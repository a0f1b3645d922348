//! What sources may name, how long they may be, and what they may be called.

use anyhow::Result;

use super::files::TextFile;
use super::{Finding, Workspace};

/// Lines of product code in a file from which a warning says so.
const LONG: usize = 600;

/// Lines of product code that no file may exceed.
const TOO_LONG: usize = 800;

/// Checks that the stores are named where they are chosen and nowhere else.
pub(super) fn concrete_stores(workspace: &Workspace) -> Result<Vec<Finding>> {
    let users = ["engine", "api", "server", "mcp"].map(|name| format!("crates/tickety-{name}/"));
    let mut findings = Vec::new();
    for folder in users.iter().map(String::as_str).chain(["crates/tickety/"]) {
        for file in workspace.sources(folder).filter(|file| file.path != "crates/tickety/src/compose.rs") {
            for store in ["RepoStore", "MemoryStore"] {
                findings.extend(naming(
                    file,
                    store,
                    "is a concrete store, which only crates/tickety/src/compose.rs chooses",
                ));
            }
        }
    }
    Ok(findings)
}

/// Checks that the domain takes everything as arguments.
pub(super) fn pure_domain(workspace: &Workspace) -> Result<Vec<Finding>> {
    const OUTSIDE: [&str; 10] = [
        "std::fs",
        "std::env",
        "std::process",
        "std::net",
        "std::thread",
        "SystemTime::now",
        "Instant::now",
        "Timestamp::now",
        "Zoned::now",
        "Uuid::now_v7",
    ];
    let mut findings = Vec::new();
    for file in workspace.sources("crates/tickety-core/") {
        for name in OUTSIDE {
            findings.extend(naming(file, name, "reaches outside, and the domain takes what it needs as arguments"));
        }
    }
    Ok(findings)
}

fn naming(file: &TextFile, name: &str, why: &str) -> Vec<Finding> {
    let code = file.code();
    code.lines_naming(name).map(|line| Finding::at(file.path.as_str(), line, format!("`{name}` {why}"))).collect()
}

/// Checks the length of the sources; tests don't count.
pub(super) fn lengths(workspace: &Workspace) -> Result<Vec<Finding>> {
    let message =
        |lines| format!("has {lines} lines of code: split it by what a reader looks for (at most {TOO_LONG})");
    Ok(longer_than(workspace, TOO_LONG)
        .map(|(file, lines)| Finding::in_file(file.path.as_str(), message(lines)))
        .collect())
}

/// Returns the sources that come near the limit.
pub(super) fn long_files(workspace: &Workspace) -> Vec<String> {
    let warn = |(file, lines): (&TextFile, usize)| format!("{} has {lines} lines of code; aim below {LONG}", file.path);
    longer_than(workspace, LONG).map(warn).collect()
}

fn longer_than(workspace: &Workspace, limit: usize) -> impl Iterator<Item = (&TextFile, usize)> {
    workspace.sources("").map(|file| (file, file.code().lines().count())).filter(move |(_, lines)| *lines > limit)
}

/// Checks that no module has a name that anything would fit under.
pub(super) fn module_names(workspace: &Workspace) -> Result<Vec<Finding>> {
    let banned = workspace.files.iter().filter(|file| file.path.ends_with(".rs"));
    Ok(banned
        .filter_map(|file| {
            let name = banned_name(&file.path)?;
            Some(Finding::in_file(
                file.path.as_str(),
                format!("`{name}` says nothing: name the module after what it holds"),
            ))
        })
        .collect())
}

/// Returns the part of a path that is no name for a module.
fn banned_name(path: &str) -> Option<&str> {
    const BANNED: [&str; 12] = [
        "common", "util", "utils", "helper", "helpers", "manager", "managers", "service", "services", "misc", "shared",
        "mod",
    ];
    path.split('/').map(|part| part.strip_suffix(".rs").unwrap_or(part)).find(|part| BANNED.contains(part))
}

/// Checks that nothing was put off.
pub(super) fn placeholders(workspace: &Workspace) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for file in workspace.files.iter().filter(|file| file.path.ends_with(".rs")) {
        for name in ["todo!", "unimplemented!"] {
            let code = file.code();
            // `names` asks for a word's end, which the exclamation mark is not, so ask for its word.
            let word = name.trim_end_matches('!');
            let hits = code.lines().filter(|(_, line)| line.contains(name)).map(|(number, _)| number);
            let named: Vec<usize> = code.lines_naming(word).collect();
            findings.extend(
                hits.filter(|line| named.contains(line))
                    .map(|line| Finding::at(file.path.as_str(), line, format!("`{name}` is left to be written"))),
            );
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(files: &[(&str, &str)]) -> Workspace {
        let files = files.iter().map(|(path, text)| TextFile { path: (*path).to_owned(), text: (*text).to_owned() });
        Workspace { packages: Vec::new(), files: files.collect(), entries: Default::default() }
    }

    fn shown(findings: Result<Vec<Finding>>) -> Vec<String> {
        findings.unwrap().iter().map(|finding| format!("{}:{}", finding.path, finding.line.unwrap_or(0))).collect()
    }

    #[test]
    fn a_store_named_outside_compose_is_found() {
        let planted = workspace(&[
            ("crates/tickety/src/compose.rs", "use tickety_store::repo::RepoStore;"),
            ("crates/tickety/src/command/list.rs", "// RepoStore\nuse tickety_store::repo::RepoStore;"),
            (
                "crates/tickety-engine/src/lib.rs",
                "fn f(store: MemoryStore) {}\n\n#[cfg(test)]\nmod tests {\n use RepoStore;\n}",
            ),
            ("crates/tickety/tests/it/main.rs", "use tickety_store::repo::RepoStore;"),
        ]);
        assert_eq!(
            shown(concrete_stores(&planted)),
            ["crates/tickety-engine/src/lib.rs:1", "crates/tickety/src/command/list.rs:2"]
        );
    }

    #[test]
    fn a_domain_that_reads_the_clock_is_found() {
        let planted = workspace(&[
            ("crates/tickety-core/src/a.rs", "let now = jiff::Timestamp::now();\nlet text = \"std::fs\";"),
            ("crates/tickety-store/src/a.rs", "use std::fs;"),
        ]);
        assert_eq!(shown(pure_domain(&planted)), ["crates/tickety-core/src/a.rs:1"]);
    }

    #[test]
    fn a_file_that_is_too_long_is_found_and_tests_do_not_count() {
        let long = "fn f() {}\n".repeat(TOO_LONG + 1);
        let tested = format!("fn f() {{}}\n\n#[cfg(test)]\nmod tests {{\n{long}}}\n");
        let planted = workspace(&[
            ("crates/a/src/a.rs", &long),
            ("crates/a/src/b.rs", &tested),
            ("crates/a/tests/it/c.rs", &long),
        ]);
        assert_eq!(shown(lengths(&planted)), ["crates/a/src/a.rs:0"]);
    }

    #[test]
    fn a_module_named_after_nothing_is_found() {
        assert_eq!(banned_name("crates/a/src/utils.rs"), Some("utils"));
        assert_eq!(banned_name("crates/a/src/common/x.rs"), Some("common"));
        assert_eq!(banned_name("crates/a/src/model.rs"), None);
    }

    #[test]
    fn a_placeholder_is_found() {
        let planted =
            workspace(&[("crates/a/src/a.rs", "// todo!()\nfn f() { todo!(\"x\") }\nfn g() { unimplemented!() }")]);
        assert_eq!(shown(placeholders(&planted)), ["crates/a/src/a.rs:2", "crates/a/src/a.rs:3"]);
    }
}
