//! What every manifest holds.

use anyhow::Result;
use cargo_metadata::Package;

use super::files::TextFile;
use super::{Finding, Workspace};
use crate::program::root;

const LICENSE: &str = "MIT OR Apache-2.0";

/// Checks that every crate says what it is, under which license, and takes the lints of the workspace.
pub(super) fn metadata(workspace: &Workspace) -> Result<Vec<Finding>> {
    let root = root();
    let mut findings = Vec::new();
    for package in &workspace.packages {
        let path = package.manifest_path.strip_prefix(&root).unwrap_or(&package.manifest_path);
        let text =
            workspace.files.iter().find(|file| file.path == path.as_str()).map_or("", |file: &TextFile| &file.text);
        findings.extend(missing(package, text).into_iter().map(|message| Finding::in_file(path.as_str(), message)));
        let folder = path.parent().and_then(|folder| folder.file_name());
        if folder != Some(package.name.as_str()) {
            findings.push(Finding::in_file(path.as_str(), "a crate lies in the folder of its name"));
        }
    }
    for license in ["LICENSE-MIT", "LICENSE-APACHE"] {
        if !workspace.files.iter().any(|file| file.path == license) {
            findings.push(Finding::in_file(license, "is missing"));
        }
    }
    Ok(findings)
}

fn missing(package: &Package, manifest: &str) -> Vec<String> {
    let mut messages = Vec::new();
    if package.description.as_ref().is_none_or(|text| text.trim().is_empty()) {
        messages.push("has no description".to_owned());
    }
    if package.license.as_deref() != Some(LICENSE) {
        messages.push(format!("is not licensed under {LICENSE}: write `license.workspace = true`"));
    }
    if !takes_workspace_lints(manifest) {
        messages.push("does not take the lints of the workspace: write `[lints]` and `workspace = true`".to_owned());
    }
    messages
}

fn takes_workspace_lints(manifest: &str) -> bool {
    manifest
        .lines()
        .skip_while(|line| line.trim() != "[lints]")
        .nth(1)
        .is_some_and(|line| line.trim() == "workspace = true")
}

#[cfg(test)]
mod tests {
    use super::takes_workspace_lints;

    #[test]
    fn a_manifest_without_the_lints_is_found() {
        assert!(takes_workspace_lints("[package]\n\n[lints]\nworkspace = true\n"));
        assert!(!takes_workspace_lints("[package]\nversion.workspace = true\n"));
        assert!(!takes_workspace_lints("[lints]\nworkspace = false\n"));
    }
}
